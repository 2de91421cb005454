"""What pyproject.toml declares: dependencies, extras (PEP 621) and dependency groups (PEP 735)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faas_builders.deps.names import canonical
from faas_builders.errors import ProjectFileError


@dataclass(frozen=True, slots=True)
class Declared:
    """The tables of pyproject.toml that have to do with dependencies; all empty without the file."""

    path: Path
    name: str = ""
    requires_python: str = ""
    dependencies: tuple[str, ...] = ()
    extras: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by canonical name
    groups: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)  # lines, and {"include-group": NAME}
    dynamic: tuple[str, ...] = ()
    uv: Mapping[str, Any] = field(default_factory=dict)  # [tool.uv]

    def group(self, name: str) -> list[str]:
        """The lines of a group, those of groups it includes as well. Raises: ProjectFileError."""
        return self._group(name, ())

    def extra(self, name: str, seen: tuple[str, ...] = ()) -> list[str]:
        """The lines of an extra, and of those of the project itself that it names. Raises: ProjectFileError."""
        wanted = canonical(name)
        if wanted not in self.extras:
            raise self._missing("extra", name, self.extras)
        lines: list[str] = []
        for line in self.extras[wanted]:
            own = _own_extras(line, self.name)
            lines += [line] if own is None else []
            for other in own or ():
                if canonical(other) not in (*seen, wanted):
                    lines += self.extra(other, (*seen, wanted))
        return lines

    def _group(self, name: str, above: tuple[str, ...]) -> list[str]:
        wanted = canonical(name)
        known = {canonical(group): lines for group, lines in self.groups.items()}
        if wanted in above:
            raise ProjectFileError(self.path, f"dependency group {name!r} includes itself")
        if wanted not in known:
            raise self._missing("dependency group", name, self.groups)
        lines: list[str] = []
        for entry in known[wanted]:
            if isinstance(entry, str):
                lines.append(entry)
            elif isinstance(entry, dict) and list(entry) == ["include-group"]:
                lines += self._group(str(entry["include-group"]), (*above, wanted))
            else:
                raise ProjectFileError(self.path, f"dependency group {name!r} has {entry}, which is no requirement")
        return lines

    def _missing(self, what: str, name: str, known: Iterable[str]) -> ProjectFileError:
        there = ", ".join(sorted(known))
        return ProjectFileError(
            self.path, f"there is no {what} {name!r}", f"It has: {there}" if there else "It has none"
        )


def read_pyproject(project: Path) -> dict[str, Any]:
    """The parsed pyproject.toml, {} without one. Raises: ProjectFileError: it is not TOML."""
    path = project / "pyproject.toml"
    return read_toml(path) if path.is_file() else {}


def read_toml(path: Path) -> dict[str, Any]:
    """Raises: ProjectFileError: it is not TOML, or cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProjectFileError(path, f"this is not valid TOML: {error}") from error
    except OSError as error:
        raise ProjectFileError(path, f"it cannot be read: {error.strerror}") from error


def declared_by(project: Path) -> Declared:
    """Raises: ProjectFileError: pyproject.toml is not TOML, or a table is not what its standard says."""
    path = project / "pyproject.toml"
    document = read_pyproject(project)
    table = _table(path, document, "project")
    optional = _table(path, table, "optional-dependencies", "project.")
    groups = _table(path, document, "dependency-groups")
    return Declared(
        path=path,
        name=canonical(str(table.get("name", ""))),
        requires_python=str(table.get("requires-python", "")),
        dependencies=_lines(path, table, "dependencies", "project."),
        extras={canonical(name): _lines(path, optional, name, "project.optional-dependencies.") for name in optional},
        groups={name: tuple(_list(path, groups, name, "dependency-groups.")) for name in groups},
        dynamic=_lines(path, table, "dynamic", "project."),
        uv=_table(path, _table(path, document, "tool"), "uv", "tool."),
    )


def _table(path: Path, parent: Mapping[str, Any], name: str, above: str = "") -> dict[str, Any]:
    value = parent.get(name, {})
    if not isinstance(value, dict):
        raise ProjectFileError(path, f"{above}{name} must be a table")
    return value


def _list(path: Path, parent: Mapping[str, Any], name: str, above: str) -> list[Any]:
    value = parent.get(name, [])
    if not isinstance(value, list):
        raise ProjectFileError(path, f"{above}{name} must be a list")
    return value


def _lines(path: Path, parent: Mapping[str, Any], name: str, above: str) -> tuple[str, ...]:
    entries = _list(path, parent, name, above)
    for entry in entries:
        if not isinstance(entry, str):
            raise ProjectFileError(path, f"{above}{name} must be a list of strings, and has {entry!r}")
    return tuple(entries)


def _own_extras(line: str, project: str) -> list[str] | None:
    """The extras in a line that names the project itself (shop[redis,kafka]); None for any other line."""
    head, bracket, rest = line.partition("[")
    if not project or not bracket or canonical(head.strip()) != project:
        return None
    return [extra.strip() for extra in rest.partition("]")[0].split(",") if extra.strip()]
