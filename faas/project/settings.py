"""`[tool.faas]` of a project's pyproject.toml."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faas.project.build_settings import BuildSettings, parse_build
from faas.project.errors import NotAProject, SettingsError

_KNOWN = ("name", "functions", "modules", "build")  # modules: see faas_runtime.discovery


@dataclass(frozen=True, slots=True)
class Settings:
    """What a project says of itself. `functions` maps a function's name to the options that override its decorator."""

    root: Path
    name: str  # a DNS label: of the image, and of the label faas.dev/project
    functions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    requires_python: str = ""
    build: BuildSettings = field(default_factory=BuildSettings)

    @property
    def pyproject(self) -> Path:
        return self.root / "pyproject.toml"


def load_settings(path: Path) -> Settings:
    """The settings of the project in folder `path` (a .py file stands for its folder).

    The name is `[tool.faas] name`, else `[project] name`, else the folder's. Raises: NotAProject, SettingsError.
    """
    root = path.resolve()
    if root.is_file() and root.suffix == ".py":
        root = root.parent
    if not root.is_dir():
        raise NotAProject(path, "there is no such folder")
    pyproject = root / "pyproject.toml"
    if not pyproject.exists() and not any(root.glob("*.py")):
        raise NotAProject(path, "it has neither a pyproject.toml nor a Python file")
    document = _read(pyproject)
    project = document.get("project", {})
    table = document.get("tool", {}).get("faas", {})
    for key in table:
        if key not in _KNOWN:
            raise SettingsError(
                pyproject, f"tool.faas.{key}", "there is no such setting", f"Known: {', '.join(_KNOWN)}"
            )
    functions = table.get("functions", {})
    if not isinstance(functions, dict) or not all(isinstance(options, dict) for options in functions.values()):
        raise SettingsError(
            pyproject, "tool.faas.functions", "this is a table of tables", "Write [tool.faas.functions.NAME]"
        )
    name = table.get("name") or project.get("name") or root.name
    build = parse_build(table.get("build", {}), pyproject)
    return Settings(root, image_name(str(name)), functions, str(project.get("requires-python", "")), build)


def image_name(name: str) -> str:
    """A project's name as one that images and labels may have: `My.Project` is `my-project`."""
    label = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63].strip("-")
    return label or "project"


def _read(pyproject: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(pyproject.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(pyproject, "not valid TOML", str(error)) from error
