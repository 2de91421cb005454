"""Which builder, base and Python an image is made with, and why: from flags, settings, and what it is for. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from faas_builders.builder import HOST_BASE, Choice

from faas.project.errors import ProjectError
from faas.project.pyproject.build_settings import BuilderName, BuildSettings
from faas.project.services import ServiceSpec

Purpose = Literal["build", "deploy", "run", "cluster"]
"""`build`: an image for anywhere. `deploy`: one for the engine of this machine, which has a Python to lend. `run`: the
same while somebody writes it: only who asks for a container gets one. `cluster`: one that is pulled from a registry,
so that base `host` of the settings, which is about this machine, does not count."""

_FLAGS = {field.name: "--" + field.name.replace("_", "-") for field in dataclasses.fields(BuildSettings)}
_FLAGS |= {"platforms": "--platform", "groups": "--group", "buildpacks": "--buildpack", "labels": "--label"}
_OF_BUILDER: Mapping[str, BuilderName] = {"dockerfile": "docker", "builder_image": "pack", "buildpacks": "pack"}


@dataclass(frozen=True, slots=True)
class ImageChoice:
    builder: BuilderName
    base: str  # of images for containers; host: there are none; "": the builder's default
    python: str  # 3.12, when somebody says; else the builder finds out
    containers: bool  # functions that do not say run as containers
    said: BuildSettings  # what flags and settings say together
    reasons: tuple[Choice, ...]


def choose(flags: BuildSettings, settings: BuildSettings, purpose: Purpose) -> ImageChoice:
    """Raises: ProjectError: flags that contradict each other."""
    told = _Told(flags, settings)
    builder, why_builder = _builder(told)
    has_dockerfile = builder == "docker" and bool(told.of("dockerfile")[0])
    _check(flags, builder, has_dockerfile=has_dockerfile)
    base, why_base = told.of("base")
    if builder == "pack" or has_dockerfile or (builder == "docker" and base == HOST_BASE):
        base = ""  # what the settings say is for another builder
    if purpose == "cluster" and base == HOST_BASE:
        if flags.base:
            raise ProjectError(
                "base host is this machine's Python, and a cluster has its own machines",
                "Leave it out, or name an image:  --base python:3.12-slim",
            )
        base = ""
    version, why_python = told.of("python")
    containers = purpose in ("build", "cluster") or (purpose == "deploy" and (builder != "oci" or bool(base)))
    return ImageChoice(
        builder,
        base,
        version,
        containers and base != HOST_BASE,
        told.together(),
        (
            Choice("builder", builder, why_builder),
            *_base_rows(base, why_base, builder, purpose),
            *((Choice("python", version, why_python),) if version else ()),
        ),
    )


def wants_container(spec: ServiceSpec, choice: ImageChoice) -> bool:
    """Whether this service runs as a container. Raises: ProjectError: it says so, and there is no image for it."""
    given: bool | None = spec.options.get("container")
    if given and choice.base == HOST_BASE:
        raise ProjectError(
            f"{spec.name} asks for a container, and base host has no Python of its own",
            "Leave the base out, or name an image:  --base python:3.12-slim",
        )
    return choice.containers if given is None else given


class _Told:
    """What was said of each thing, and where; flags win, tables and groups are put together."""

    def __init__(self, flags: BuildSettings, settings: BuildSettings) -> None:
        self._flags, self._settings = flags, settings

    def of(self, name: str) -> tuple[Any, str]:
        if flag := getattr(self._flags, name):
            return flag, _FLAGS[name]
        return getattr(self._settings, name), f"[tool.faas.build] {name.replace('_', '-')}"

    def together(self) -> BuildSettings:
        values = {field.name: self.of(field.name)[0] for field in dataclasses.fields(BuildSettings)}
        values["env"] = {**self._settings.env, **self._flags.env}
        values["labels"] = {**self._settings.labels, **self._flags.labels}
        values["groups"] = tuple(dict.fromkeys(self._settings.groups + self._flags.groups))
        return BuildSettings(**values)


def _builder(told: _Told) -> tuple[BuilderName, str]:
    builder, why = told.of("builder")
    if builder:
        return builder, why
    for name, implied in _OF_BUILDER.items():
        value, why = told.of(name)
        if value:
            return implied, f"{why} is for it"
    return "oci", "the default: needs no daemon, and the same inputs give the same digest"


def _base_rows(base: str, why: str, builder: BuilderName, purpose: Purpose) -> tuple[Choice, ...]:
    if base:
        return (Choice("base", base, why),)
    if builder == "oci" and purpose != "build":
        return (Choice("base", HOST_BASE, "functions on the engine are processes, unless they ask for a container"),)
    return ()  # the builder says which, and why


def _check(flags: BuildSettings, builder: BuilderName, *, has_dockerfile: bool) -> None:
    for name, needed in _OF_BUILDER.items():
        if getattr(flags, name) and builder != needed:
            raise ProjectError(
                f"{_FLAGS[name]} is for builder {needed}, and this is {builder}", f"Add:  --builder {needed}"
            )
    if flags.base == HOST_BASE and builder != "oci":
        raise ProjectError(
            f"base host is this machine's Python, and builder {builder} makes images with one of their own",
            "Leave --base or --builder out",
        )
    if flags.base and builder == "pack":
        raise ProjectError("builder pack takes the base that its builder image has", "Name one:  --builder-image REF")
    if flags.base and has_dockerfile:
        raise ProjectError("the Dockerfile names its own base", "Leave --base out, or:  --builder oci")
