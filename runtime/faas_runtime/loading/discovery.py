"""Which modules of a project declare functions.

1. `[tool.faas] modules = ["main", "shop.orders"]` in pyproject.toml, when it is there; nothing else is looked at.
2. Else each module in the project's folder (or its `src/`), and in packages there, whose source imports `faas`;
   not tests, not hidden folders, not virtual environments.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from faas_runtime.errors import LoadError

_IMPORTS_FAAS = re.compile(rb"^[ \t]*(?:from[ \t]+faas(?:_runtime)?\b|import[ \t]+faas(?:_runtime)?\b)", re.MULTILINE)
_SKIPPED = frozenset({"tests", "test", "build", "dist", "node_modules", "venv", "env", "site-packages", "__pycache__"})
_MOST_FILES = 5000  # a project with more has something in it that is not its own; name the modules then


def find_modules(project: Path) -> list[str]:
    """Raises: LoadError: pyproject.toml is not TOML, or there are too many files to look through."""
    named = _named_modules(project)
    if named is not None:
        return named
    root = source_root(project)
    modules: list[str] = []
    for count, path in enumerate(_sources(root)):
        if count > _MOST_FILES:
            raise LoadError(f"{root} holds more than {_MOST_FILES} Python files\n"
                            '  Name the modules in pyproject.toml: [tool.faas] modules = ["main"]')  # fmt: skip
        if _IMPORTS_FAAS.search(path.read_bytes()):
            parts = path.relative_to(root).with_suffix("").parts
            modules.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return sorted(modules)


def source_root(project: Path) -> Path:
    """The folder from which modules are imported."""
    src = project / "src"
    has_own = any(project.glob("*.py"))
    return src if src.is_dir() and not has_own else project


def add_to_path(project: Path) -> None:
    """Make the project's modules importable, before anything installed."""
    for folder in {str(project), str(source_root(project))}:
        if folder not in sys.path:
            sys.path.insert(0, folder)


def _named_modules(project: Path) -> list[str] | None:
    path = project / "pyproject.toml"
    if not path.is_file():
        return None
    try:
        table = tomllib.loads(path.read_text()).get("tool", {}).get("faas", {})
    except tomllib.TOMLDecodeError as error:
        raise LoadError(f"{path} is not valid TOML: {error}") from None
    modules = table.get("modules")
    if modules is None:
        return None
    if not isinstance(modules, list) or not all(isinstance(name, str) for name in modules):
        raise LoadError(f'{path}: [tool.faas] modules={modules!r} is not a list of names\n  Write modules = ["main"]')
    return modules


def _sources(folder: Path, *, top: bool = True) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        name = path.name
        if path.is_dir():
            skipped = name in _SKIPPED or name.startswith(".") or (path / "pyvenv.cfg").exists()
            if not skipped and name.isidentifier() and ((path / "__init__.py").is_file() or not top):
                yield from _sources(path, top=False)
        elif path.suffix == ".py" and path.stem.isidentifier() and not name.startswith(("test_", "conftest", "setup.")):
            yield path
