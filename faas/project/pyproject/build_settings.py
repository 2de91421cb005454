"""`[tool.faas.build]` of a project's pyproject.toml: how its image is made. Flags of the commands win over it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import PurePosixPath
from typing import Any, Literal

from faas_builders.target import Platform
from faas_runtime.errors import OptionError
from faas_runtime.options.option import Option, table
from faas_runtime.options.values import boolean, matching, one_of

from faas.project.pyproject.tables import Table

BuilderName = Literal["oci", "docker", "pack"]
BUILDERS: tuple[BuilderName, ...] = ("oci", "docker", "pack")

_PYTHON = re.compile(r"\d+\.\d+\Z")
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\Z")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class BuildSettings:
    """What a project says of its image. What is "", None or empty was not said."""

    builder: BuilderName | None = None
    base: str = ""  # an image reference, or `host`
    python: str = ""  # 3.12
    image: str = ""  # what it is called in a registry
    platforms: tuple[Platform, ...] = ()
    groups: tuple[str, ...] = ()  # dependency groups that the functions need too
    env: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    dockerfile: str = ""  # relative to the project
    builder_image: str = ""  # of pack
    buildpacks: tuple[str, ...] = ()
    trust: bool = False  # the builder image of pack
    insecure: bool = False


_FIELDS = tuple(each.name for each in fields(BuildSettings))


def parse_platform(value: Any) -> Platform:
    """Raises: OptionError."""
    try:
        return Platform.parse(value)
    except (ValueError, AttributeError):
        raise OptionError(
            "platforms", f"{value!r} is not a platform", "write OS/ARCHITECTURE, as linux/arm64"
        ) from None


def parse_build(table: Table) -> BuildSettings:
    """Raises: SettingsError: there is no such setting, or not with that value."""
    return BuildSettings(**{key.replace("-", "_"): value for key, value in table.settings(_SETTINGS).items()})


def over(weaker: BuildSettings, stronger: BuildSettings) -> BuildSettings:
    """What a stage says over what the project does; tables by name."""
    said = {name: value for name in _FIELDS if (value := getattr(stronger, name))}
    for name in ("env", "labels"):
        said[name] = {**getattr(weaker, name), **getattr(stronger, name)}
    return replace(weaker, **said)


def _list_of(parse: Callable[[Any], Any]) -> Callable[[Any], tuple[Any, ...]]:
    def parse_list(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise ValueError
        return tuple(map(parse, value))

    return parse_list


def _map_of(key_pattern: re.Pattern[str]) -> Callable[[Any], dict[str, str]]:
    def parse_map(value: Any) -> dict[str, str]:
        if not isinstance(value, Mapping):
            raise ValueError
        if not all(key_pattern.match(key) and isinstance(item, str) for key, item in value.items()):
            raise ValueError
        return dict(value)

    return parse_map


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError
    return value.strip()


def _inside(value: Any) -> str:
    path = PurePosixPath(_text(value))
    if path.is_absolute() or ".." in path.parts:
        raise ValueError
    return str(path)


_SETTINGS = table(
    Option("builder", "what makes the image", "'oci', 'docker' or 'pack'", one_of(*BUILDERS)),
    Option("base", "the image below the project's layers; host: this machine's Python",
           "an image reference, as 'python:3.12-slim', or 'host'", _text),
    Option("python", "the Python of the default base", "a version, as '3.12'", matching(_PYTHON)),
    Option("image", "what the image is called in a registry", "a reference, as 'registry.example.org/team/shop'",
           _text),
    Option("platforms", "what the image is for", "a list, as ['linux/amd64', 'linux/arm64']",
           _list_of(parse_platform)),
    Option("groups", "dependency groups that the functions need too", "a list of names",
           _list_of(matching(_NAME))),
    Option("env", "environment variables of the image", "a table of names and strings", _map_of(_ENV_NAME)),
    Option("labels", "labels of the image", "a table of names and strings", _map_of(re.compile(r"\S+\Z"))),
    Option("dockerfile", "what builder docker follows; one is made without it",
           "a path relative to the project, inside of it", _inside),
    Option("builder-image", "what builder pack runs", "an image reference", _text),
    Option("buildpacks", "of builder pack, instead of the builder image's own choice", "a list of buildpacks",
           _list_of(_text)),
    Option("trust", "run all of pack's lifecycle in its builder image", "true or false",
           boolean),
    Option("insecure", "registries may be plain HTTP, or have a certificate that nobody vouches for", "true or false",
           boolean),
)  # fmt: skip
