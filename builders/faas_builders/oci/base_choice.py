"""Which base an image gets and which Python, and what made it so."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from faas_builders.builder import BuildRequest
from faas_builders.deps.requirements import read_pyproject
from faas_builders.errors import BaseImageError, BuildError
from faas_builders.oci.inspecting import MINIMUM

DEFAULT_BASE = "docker.io/library/python:{minor}-slim"
_KNOWN = ("3.14", "3.13", "3.12", "3.11")  # with an image under the default name, the newest first
_MINOR = re.compile(r"(?:cpython[-@]?|python[-@]?)?(3\.\d+)(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class BaseChoice:
    reference: str
    why: str
    python: str  # the minor that is wanted; "": whichever the base has
    python_why: str


def choose_base(request: BuildRequest) -> BaseChoice:
    """The base of the request, or the default one for the Python that request, project and machine suggest.

    Raises: BuildError: no Python that functions run on is left.
    """
    if request.base:
        wanted = _minor(request.python_version, "the version that was asked for") if request.python_version else ""
        why = "asked for" if wanted else "what the base has"
        return BaseChoice(request.base, "asked for", wanted, why)
    minor, why = _choose_minor(request)
    return BaseChoice(DEFAULT_BASE.format(minor=minor), f"the default for Python {minor}", minor, why)


def check_requires(project: Path, version: str, base: str) -> None:
    """Raises: BaseImageError: the project does not want the Python that the base has."""
    required = _requires(project)
    if required and not _allows(required, ".".join(version.split(".")[:2]), version):
        raise BaseImageError(
            f"base {base} has Python {version}, the project wants {required} (requires-python in pyproject.toml)",
            "Name another base with --base, or another version with --python",
        )


def _choose_minor(request: BuildRequest) -> tuple[str, str]:
    if request.python_version:
        return _minor(request.python_version, "the version that was asked for"), "asked for"
    if pinned := _pinned(request.project):
        return _minor(pinned, ".python-version"), f".python-version says {pinned}"
    required = _requires(request.project)
    local, whose = _local(request)
    if not required:
        return local, whose
    if _allows(required, local):
        return local, f"{whose}, and requires-python ({required}) takes it"
    for minor in _KNOWN:
        if _allows(required, minor):
            return minor, f"the newest that requires-python ({required}) takes; {whose} is {local}"
    raise BuildError(
        f"no Python that functions run on ({_KNOWN[-1]} to {_KNOWN[0]}) is one that the project takes: "
        f"requires-python is {required}",
        "Widen requires-python in pyproject.toml, or name a base with --base",
    )


def _pinned(project: Path) -> str:
    """What .python-version says; "" for names that only its author's tools know (a pyenv environment, PyPy)."""
    try:
        lines = (project / ".python-version").read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError):
        return ""
    return next((line for line in lines if _MINOR.fullmatch(line)), "")


def _local(request: BuildRequest) -> tuple[str, str]:
    """The minor of the Python that the project has on this machine, else of the one that runs this."""
    for folder, whose in ((request.project / ".venv", "the project's own Python"),):
        try:
            stated = re.search(r"^version(?:_info)?\s*=\s*(3\.\d+)", (folder / "pyvenv.cfg").read_text(), re.MULTILINE)
        except (OSError, UnicodeDecodeError):
            continue
        if stated and _number(stated[1]) >= MINIMUM:
            return stated[1], whose
    return f"{sys.version_info[0]}.{sys.version_info[1]}", "this machine's Python"


def _minor(text: str, what: str) -> str:
    match = _MINOR.fullmatch(text.strip())
    if match is None:
        raise BuildError(f"{what} is {text!r}, which is no version of Python", "Write it as 3.12")
    if _number(match[1]) < MINIMUM:
        raise BuildError(f"{what} is Python {match[1]}; functions need 3.11 or newer", "Take a newer one")
    return match[1]


def _requires(project: Path) -> str:
    return str(read_pyproject(project).get("project", {}).get("requires-python", ""))


def _allows(required: str, minor: str, version: str = "") -> bool:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        specifiers = SpecifierSet(required)
    except InvalidSpecifier:
        return True  # resolving says what is wrong with it, in the words of who reads it there
    if version.count(".") == 2:
        return specifiers.contains(version)
    # Any patch release will do: the base is looked at before anything is resolved for it. (So far none went past 30.)
    return any(specifiers.contains(f"{minor}.{patch}") for patch in range(40))


def _number(minor: str) -> tuple[int, ...]:
    return tuple(int(part) for part in minor.split("."))
