"""Where uv looks for what was pinned. Pins do not say it: addresses of indexes hold credentials."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faas_builders.deps.credentials import variables_in
from faas_builders.deps.pyproject import declared_by, read_toml
from faas_builders.deps.requirements_files import read_listing
from faas_builders.deps.workspace import workspace_root

_PUBLIC = re.compile(r"https://pypi\.[a-z]+/simple/?")  # uv's own default, which the user may have replaced by a mirror


@dataclass(frozen=True, slots=True)
class Indexes:
    """What a project says about indexes, as uv is told it."""

    arguments: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)  # arguments can be read by every user of the machine


@dataclass(slots=True)
class _Found:
    default: str = ""
    extra: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)


def indexes_of(project: Path, kind: str) -> Indexes:
    """Args: kind: the file that pins come from. Raises: ProjectFileError."""
    found = _Found(extra=explicit_indexes(project))
    if kind == "pylock.toml":
        _from_pylock(project / kind, found)
    elif kind.startswith("requirements"):
        _from_listing(project / kind, found)
    elif kind != "none":
        found.texts.append((project / "pyproject.toml").read_text(encoding="utf-8"))
    environment = {
        "UV_DEFAULT_INDEX": found.default,
        "UV_INDEX": _joined(" ", found.extra, "UV_INDEX"),
        "UV_FIND_LINKS": _joined(",", found.links, "UV_FIND_LINKS"),
        **variables_in(found.texts),
    }
    return Indexes(tuple(found.arguments), {name: value for name, value in environment.items() if value})


def explicit_indexes(project: Path) -> list[str]:
    """Indexes that uv asks only for what names them: of pins it would not know that."""
    root = workspace_root(project)
    lists: list[Any] = [declared_by(folder).uv.get("index") for folder in (project, root) if folder is not None]
    tables = [table for found in lists if isinstance(found, list) for table in found if isinstance(table, dict)]
    return [
        f"{table['name']}={table['url']}" if "name" in table else str(table["url"])
        for table in tables
        if table.get("explicit") and "url" in table
    ]


def _from_pylock(path: Path, found: _Found) -> None:
    packages = read_toml(path).get("packages", [])
    indexes = {str(package["index"]) for package in packages if isinstance(package, dict) and "index" in package}
    for index in sorted(indexes):
        if index.startswith("file:"):
            found.links.append(index)
        elif not _PUBLIC.fullmatch(index):
            found.extra.append(index)
    found.texts.append(path.read_text(encoding="utf-8"))


def _from_listing(path: Path, found: _Found) -> None:
    listing = read_listing(path)
    found.texts += listing.texts
    for option, value in listing.options:
        if option in ("-i", "--index-url", "--default-index"):
            found.default = value
        elif option in ("--extra-index-url", "--index"):
            found.extra.append(value)
        elif option in ("-f", "--find-links"):
            found.links.append(value)
        elif option == "--no-index":
            found.arguments.append(option)
        elif option in ("--no-binary", "--only-binary"):
            found.arguments += [option, value]


def _joined(separator: str, values: list[str], variable: str) -> str:
    return separator.join([*values, os.environ.get(variable, "")]).strip(separator) if values else ""
