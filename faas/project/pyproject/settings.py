"""`[tool.faas]` of a project's pyproject.toml."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from faas.project.errors import NotAProject, SettingsError
from faas.project.pyproject import brokers, build_settings, secrets
from faas.project.pyproject.brokers import BrokerSettings, parse_brokers
from faas.project.pyproject.build_settings import BuildSettings, parse_build
from faas.project.pyproject.secrets import Declared, parse_config, parse_secrets
from faas.project.pyproject.stages import Stage, find_stage, parse_stages
from faas.project.pyproject.tables import Table

# modules: see faas_runtime.loading.discovery
_KNOWN = ("name", "functions", "modules", "build", "secrets", "config", "brokers", "dead_letters", "environments")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a project says of itself, with what its stage says over it where one is meant.

    `functions` maps a function's name to the options that override its decorator; those of the stage are in `stage`.
    """

    root: Path
    name: str  # a DNS label: of the image, and of the label faas.dev/project
    functions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    requires_python: str = ""
    build: BuildSettings = field(default_factory=BuildSettings)
    secrets: Mapping[str, Declared] = field(default_factory=dict)
    config: Mapping[str, Declared] = field(default_factory=dict)
    brokers: Mapping[str, BrokerSettings] = field(default_factory=dict)
    dead_letters: bool = True  # whether a cluster gets our store for them
    stage: Stage | None = None
    stages: tuple[str, ...] = ()  # the names of all

    @property
    def pyproject(self) -> Path:
        return self.root / "pyproject.toml"


def load_settings(path: Path, stage: str = "") -> Settings:
    """The settings of the project in folder `path` (a .py file stands for its folder).

    The name is `[tool.faas] name`, else `[project] name`, else the folder's.
    Args: stage: whose settings win over the project's; "": none.
    Raises: NotAProject, SettingsError: also when a stage that is not meant is wrong, or there is no such stage.
    """
    root = path.resolve()
    if root.is_file() and root.suffix == ".py":
        root = root.parent
    if not root.is_dir():
        raise NotAProject(path, "there is no such folder")
    pyproject = root / "pyproject.toml"
    if not pyproject.exists() and not any(root.glob("*.py")):
        raise NotAProject(path, "it has neither a pyproject.toml nor a Python file")
    settings, stages = _parse(root, pyproject, _read(pyproject))
    return _applied(settings, find_stage(stages, stage, pyproject)) if stage else settings


def load_stage(path: Path, name: str) -> Stage:
    """A stage of the project in folder `path`. Raises: NotAProject; SettingsError: there is no such stage."""
    stage = load_settings(path, name).stage
    assert stage is not None
    return stage


def _parse(root: Path, pyproject: Path, document: Mapping[str, Any]) -> tuple[Settings, Mapping[str, Stage]]:
    project = document.get("project", {})
    table = Table(pyproject, "tool.faas", document.get("tool", {}).get("faas", {}))
    for key in table.content:
        if key not in _KNOWN:
            raise table.refused("there is no such setting", f"Known: {', '.join(_KNOWN)}", at=key)
    dead_letters = table.content.get("dead_letters", True)
    if not isinstance(dead_letters, bool):
        raise table.refused(f"{dead_letters!r} is out of range", "true or false", at="dead_letters")
    name = table.content.get("name") or project.get("name") or root.name
    stages = parse_stages(table.tables("environments"))
    settings = Settings(
        root,
        image_name(str(name)),
        {function: each.content for function, each in table.tables("functions").items()},
        str(project.get("requires-python", "")),
        parse_build(table.inner("build")),
        parse_secrets(table.tables("secrets")),
        parse_config(table.tables("config")),
        parse_brokers(table.tables("brokers")),
        dead_letters,
        stages=tuple(stages),
    )
    return settings, stages


def _applied(settings: Settings, stage: Stage) -> Settings:
    build = build_settings.over(settings.build, stage.build)
    of_registry = f"{stage.registry}/{settings.name}" if stage.registry else build.image
    image = stage.image or stage.build.image or of_registry
    return replace(
        settings,
        build=replace(build, image=image),
        secrets=secrets.over(settings.secrets, stage.secrets),
        config=secrets.over(settings.config, stage.config),
        brokers=brokers.over(settings.brokers, stage.brokers),
        dead_letters=settings.dead_letters if stage.dead_letters is None else stage.dead_letters,
        stage=stage,
    )


def image_name(name: str) -> str:
    """A project's name as one that images and labels may have: `My.Project` is `my-project`."""
    label = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63].strip("-")
    if not label:  # of other letters alone: two of them in a namespace must not prune each other
        return f"project-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return label


def _read(pyproject: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(pyproject.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(pyproject, "not valid TOML", str(error)) from error
