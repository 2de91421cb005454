"""Which Pythons a project takes: `requires-python` of pyproject.toml, and `.python-version`."""

from __future__ import annotations

import re
from pathlib import Path

from faas_builders.errors import DependencyError, ProjectFileError


def pinned_minor(project: Path) -> str:
    """What `.python-version` says, as 3.12; "" without one, or where it names something else than a version.

    Raises: ProjectFileError: the file cannot be read.
    """
    path = project / ".python-version"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectFileError(path, f"it cannot be read: {error}") from error
    named = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    match = re.match(r"(?:cpython[@-]?)?(\d+\.\d+)", named[0]) if named else None
    return match[1] if match else ""


def allows(requires: str, version: str) -> bool:
    """Whether `requires` (>=3.11) takes Python `version`; of a minor alone (3.12) some patch release has to fit.

    What is no specifier allows everything: uv says what is wrong with it.
    """
    # What nearly every project says; importing packaging for it takes longer than the rest of a warm build.
    if not requires:
        return True
    if simple := re.fullmatch(r"\s*>=\s*(\d+)\.(\d+)\s*", requires):
        major, minor = version.split(".")[:2]
        return (int(major), int(minor)) >= (int(simple[1]), int(simple[2]))
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        wanted = SpecifierSet(requires)
    except InvalidSpecifier:
        return True
    if version.count(".") > 1:
        return wanted.contains(version, prereleases=True)
    return any(wanted.contains(f"{version}.{patch}", prereleases=True) for patch in range(_PATCHES))


_PATCHES = 40  # more than any minor of Python has had


def check_python(project: Path, requires: str, version: str, file: str = "pyproject.toml") -> None:
    """Raises: DependencyError: the project does not take this Python."""
    if not allows(requires, version):
        raise DependencyError(
            f"{project / file} requires Python {requires.strip()}, and this would be Python {version}",
            hint="Choose another Python (--python, or another --base), or change what the project requires",
        )
