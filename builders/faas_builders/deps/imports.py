"""Which modules a program can import: its own packages followed through their sources, the rest by name."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from faas_builders.errors import BuildError


@dataclass(frozen=True, slots=True)
class Imported:
    """`files` by their path below sys.path (`faas/sources/sink.py`); `outside`: top-level names of other libraries."""

    files: dict[str, Path]
    outside: frozenset[str]


def imported_by(programs: Iterable[str], within: Collection[str]) -> Imported:
    """All modules of the packages `programs`, and what any of them imports, directly or not, also late.

    Args: within: top-level packages whose sources are followed; anything else but the standard library is `outside`.
    What is only imported for types is left out. Raises: BuildError: a package is not installed.
    """
    roots = {name: _root_of(name) for name in within}
    found: dict[str, Path] = {}
    outside: set[str] = set()
    todo = [module for program in programs for module in _modules_below(program, roots)]
    while todo:
        module = todo.pop()
        path = _path_of(module, roots)
        if path is None or module in found:
            continue
        found[module] = path
        if "." in module:
            todo.append(module.rpartition(".")[0])  # importing a module imports the packages it is in
        for name in _imports(ast.parse(path.read_bytes()), module, is_package=path.name == "__init__.py"):
            top = name.partition(".")[0]
            if top in roots:
                todo.append(name)
            elif top not in sys.stdlib_module_names:
                outside.add(top)
    files = {
        path.relative_to(roots[module.partition(".")[0]].parent).as_posix(): path for module, path in found.items()
    }
    return Imported(dict(sorted(files.items())), frozenset(outside))


def _root_of(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.origin:
        raise BuildError(f"{package} is not installed beside faas_builders", "Install them together: pip install faas")
    return Path(spec.origin).parent


def _modules_below(package: str, roots: dict[str, Path]) -> Iterator[str]:
    top, *rest = package.split(".")
    root = roots[top]
    for path in root.joinpath(*rest).rglob("*.py"):
        parts = path.relative_to(root).with_suffix("").parts
        yield ".".join((top, *(parts[:-1] if parts[-1] == "__init__" else parts)))


def _path_of(module: str, roots: dict[str, Path]) -> Path | None:
    """Its source; None: this is no module but a name in one."""
    top, *rest = module.split(".")
    place = roots[top].joinpath(*rest)
    return next((path for path in (place / "__init__.py", place.with_suffix(".py")) if path.is_file()), None)


def _imports(node: ast.AST, module: str, *, is_package: bool) -> Iterator[str]:
    """Names that may be modules: `from a import b` is `a`, and `a.b` too."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        parent = node.module or ""
        if node.level:
            package = module.split(".")[: None if is_package else -1]
            above = package[: len(package) - node.level + 1]
            parent = ".".join([*above, *([parent] if parent else [])])
        yield parent
        yield from (f"{parent}.{alias.name}" for alias in node.names)
    else:
        children: Iterable[ast.AST] = ast.iter_child_nodes(node)
        if isinstance(node, ast.If) and _is_for_types(node.test):
            children = node.orelse
        for child in children:
            yield from _imports(child, module, is_package=is_package)


def _is_for_types(test: ast.expr) -> bool:
    name = test.attr if isinstance(test, ast.Attribute) else test.id if isinstance(test, ast.Name) else ""
    return name == "TYPE_CHECKING"
