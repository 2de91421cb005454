"""New projects from templates."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import Literal, get_args

from faas.project.errors import ProjectError

Template = Literal["http", "api", "flask"]
TEMPLATES: tuple[Template, ...] = get_args(Template)

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_RENAMED = {"gitignore": ".gitignore"}  # under its own name it would steer what of the template gets into our wheel


def make_project(folder: Path, template: Template) -> list[Path]:
    """Write a project of that template into `folder`, which may exist when it is empty; returns the files.

    Raises: ProjectError: the folder has something in it, or its name is none for a project.
    """
    folder = folder.absolute()
    if not _NAME.fullmatch(folder.name):
        raise ProjectError(
            f"{folder.name!r} is no name for a project", "Use letters, digits, '-', '_' and '.', at the ends no sign"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ProjectError(f"{folder} is there already and not empty", "Choose another name, or empty it")
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for source in sorted((files("faas.project") / "templates" / template).iterdir(), key=lambda entry: entry.name):
        if source.is_file():
            target = folder / _RENAMED.get(source.name, source.name)
            target.write_text(source.read_text(encoding="utf-8").replace("@NAME@", folder.name), encoding="utf-8")
            written.append(target)
    return written
