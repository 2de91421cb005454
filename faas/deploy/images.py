"""The images that a project's functions need: at most one for processes and one for containers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from faas_builders.builder import HOST_BASE, Builder, BuildRequest, Choice
from faas_builders.oci.store import ImageStore
from faas_builders.target import Platform

from faas.deploy.choice import ImageChoice
from faas.project.build_settings import BuildSettings
from faas.project.environment import Environment
from faas.project.services import ServiceSpec
from faas.project.settings import Settings

if TYPE_CHECKING:
    from faas_builders.oci.host import HostBuilder

_FUNCTION = "FAAS_FUNCTION"


@dataclass(frozen=True, slots=True)
class BuildFlags:
    """What the command line says of an image, over `[tool.faas.build]`."""

    build: BuildSettings = field(default_factory=BuildSettings)
    python: Path | None = None  # an interpreter of this machine; a version is in `build`
    secrets: Mapping[str, Path] = field(default_factory=dict)
    pull: bool = False  # ask registries again for what is here already
    attest: bool = True


def python_choice(settings: Settings, environment: Environment, flags: BuildFlags) -> Choice:
    """The Python that an image gets by default: the one that the project's functions have here."""
    if flags.python is not None:
        why = "--python"
    elif settings.requires_python:
        why = f"this machine's, and the project takes it (requires-python {settings.requires_python})"
    else:
        why = "this machine's: the project does not say which it requires"
    return Choice("python", environment.interpreter.minor, why)


def function_of(services: Sequence[ServiceSpec]) -> dict[str, str]:
    """What an image's environment says of the function it serves: of a project with one service, that."""
    return {_FUNCTION: services[0].target} if len(services) == 1 else {}


def host_request(settings: Settings, choice: ImageChoice, *, python: Path) -> BuildRequest:
    """For processes with the interpreter `python` of this machine."""
    said = choice.said
    return BuildRequest(
        settings.root, settings.name, python,
        base=HOST_BASE, env=said.env, labels=said.labels, groups=said.groups,
    )  # fmt: skip


def container_request(
    settings: Settings,
    choice: ImageChoice,
    flags: BuildFlags,
    *,
    functions: Mapping[str, str],
    tag: str,
    platforms: tuple[Platform, ...] = (),
) -> BuildRequest:
    """For containers, here or anywhere.

    Args: functions: as `function_of` gives it. platforms: this machine's without any.
    """
    said = choice.said
    return BuildRequest(
        settings.root,
        settings.name,
        tag=tag,
        base=choice.base,
        python_version=choice.python,
        platforms=platforms,
        env={**functions, **said.env},
        labels=said.labels,
        groups=said.groups,
        secrets=flags.secrets,
        insecure=said.insecure,
        attest=flags.attest,
    )


def make_builder(store: ImageStore, choice: ImageChoice, flags: BuildFlags) -> Builder:
    """Who makes images with a base of their own, as chosen."""
    match choice.builder:
        case "oci":
            from faas_builders.oci.builder import OciBuilder

            return OciBuilder(store)
        case "docker":
            from faas_builders.docker.builder import DockerBuilder

            return DockerBuilder(store, dockerfile=choice.said.dockerfile, pull=flags.pull)
        case "pack":
            from faas_builders.pack.builder import PackBuilder

            return PackBuilder(store, image=choice.said.builder_image, buildpacks=choice.said.buildpacks)


def make_host_builder(store: ImageStore) -> HostBuilder:
    """Who makes images for processes."""
    from faas_builders.oci.host import HostBuilder

    return HostBuilder(store)
