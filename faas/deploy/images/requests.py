"""The images that a project's functions need, at most one for processes and one for containers; and those in use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from faas_builders.builder import HOST_BASE, Builder, BuildRequest
from faas_builders.deps import Interpreter
from faas_builders.oci.store import ImageStore
from faas_builders.target import Platform

from faas.client.protocol import Client
from faas.deploy.images.choice import ImageChoice
from faas.project.errors import ProjectError
from faas.project.pyproject.build_settings import BuildSettings
from faas.project.pyproject.settings import Settings
from faas.project.services import ServiceSpec
from faas.resources.kinds import REVISION

if TYPE_CHECKING:
    from faas_builders.oci.host import HostBuilder

FUNCTION = "FAAS_FUNCTION"


@dataclass(frozen=True, slots=True)
class BuildFlags:
    """What a command line says of an image, over `[tool.faas.build]`."""

    build: BuildSettings = field(default_factory=BuildSettings)
    python: Path | None = None  # an interpreter of this machine; a version is in `build`
    secrets: Mapping[str, Path] = field(default_factory=dict)
    pull: bool = False  # ask the base's registry also for what is here already
    attest: bool = True


def said_by(flags: BuildFlags, python: Interpreter | None) -> BuildSettings:
    """What the flags say; an interpreter that is named says which version an image with a Python of its own gets."""
    return replace(flags.build, python=python.minor) if flags.python and python else flags.build


def function_of(services: Sequence[ServiceSpec]) -> dict[str, str]:
    """What an image's environment says of the function it serves: of a project with one service, that."""
    return {FUNCTION: services[0].target} if len(services) == 1 else {}


def host_request(settings: Settings, choice: ImageChoice, python: Interpreter, *, tag: str = "latest") -> BuildRequest:
    """For processes with this Python."""
    said = choice.said
    return BuildRequest(
        settings.root, settings.name, Path(python.base), tag,
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
    Raises: ProjectError: a flag that the builder could not follow.
    """
    said = choice.said
    if choice.builder == "docker" and flags.build.base and (settings.root / "Dockerfile").is_file():
        raise ProjectError("the project's Dockerfile names its own base", "Leave --base out, or build with oci")
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
    """Who makes images as chosen."""
    said = choice.said
    match choice.builder:
        case "oci":
            from faas_builders.oci.builder import OciBuilder

            return OciBuilder(store, pull=flags.pull)
        case "docker":
            from faas_builders.docker.builder import DockerBuilder, DockerOptions

            return DockerBuilder(
                store, DockerOptions(Path(said.dockerfile) if said.dockerfile else None, pull=flags.pull)
            )
        case "pack":
            from faas_builders.pack.builder import PackBuilder
            from faas_builders.pack.command import PackOptions

            default = PackOptions()
            image, buildpacks = said.builder_image or default.builder, said.buildpacks or default.buildpacks
            return PackBuilder(
                store, PackOptions(image, buildpacks, said.trust, pull_policy="always" if flags.pull else "")
            )


def make_host_builder(store: ImageStore) -> HostBuilder:
    """Who makes images for processes."""
    from faas_builders.oci.host import HostBuilder

    return HostBuilder(store)


async def images_in_use(client: Client) -> list[str]:
    """The images that any Revision could still start."""
    return [
        container["image"]
        for revision in (await client.list(REVISION)).items
        for container in revision["spec"].get("containers") or ()
        if container.get("image")
    ]
