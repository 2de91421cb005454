"""Images that a cluster can pull: where they go, what they have to run on, and getting them there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from faas_builders.builder import BuildResult
from faas_builders.oci.programs_image import ProgramsRequest
from faas_builders.oci.store import ImageStore
from faas_builders.registry.copying import copy_image
from faas_builders.registry.credentials import UserCredentials
from faas_builders.registry.names import ImageName
from faas_builders.target import Platform

from faas.client.errors import ApiError, Unauthorized
from faas.client.protocol import Client
from faas.deploy.images.programs import NAME, make_sources_image, push_once, sources_image
from faas.deploy.steps import Steps
from faas.project.errors import ProjectError
from faas.project.pyproject.settings import Settings
from faas.resources.kinds import NODE

DEFAULT = Platform("linux", "amd64")  # what nearly all nodes are, where nobody says


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the images of a project go. With `push` False they are only named: nothing leaves this machine."""

    name: ImageName  # registry.example.org/team/shop; with a tag where the user chose one
    platforms: tuple[Platform, ...] = (DEFAULT,)
    insecure: bool = False
    push: bool = True


def destination_of(settings: Settings, registry: str = "", *, push: bool = True) -> Destination:
    """Where the image of this project goes; which platforms it is for is another's to say.

    Args: registry: host and folder that the command line names, over the settings.
    Raises: ProjectError: nobody has named a registry; ImageNameError.
    """
    image = f"{registry.rstrip('/')}/{settings.name}" if registry else settings.build.image
    if not image:
        where = settings.stage.where if settings.stage else "tool.faas.environments.NAME"
        raise ProjectError(
            "a cluster pulls images from a registry, and none is named",
            f'Write  registry = "registry.example.org/team"  below [{where}],\n'
            '  or  image = "registry.example.org/team/shop"  below [tool.faas.build],\n'
            "  or say it once:  --registry registry.example.org/team",
        )
    chosen = ":" in image.rpartition("/")[2]
    name = ImageName.parse(image)
    if name.digest:
        raise ProjectError(f"{image} names an image that is there already", "Name the repository, without a digest")
    return Destination(name if chosen else replace(name, tag=""), insecure=settings.build.insecure, push=push)


def publish(store: ImageStore, made: BuildResult, destination: Destination, steps: Steps) -> str:
    """Have the registry hold the image; the reference by digest that a cluster pulls. Raises: BuilderError.

    Without a tag of the user's it gets one of its own digest: registries that clear away what has no tag would take
    from older revisions what they start from.
    """
    name = destination.name
    if destination.push:
        tagged = replace(name, tag=name.tag or made.digest.removeprefix("sha256:")[:12])
        with steps.reported() as report:
            report("push", f"to {name.registry}/{name.repository}")
            push_once(store, made, tagged, insecure=destination.insecure, report=report)
            if UserCredentials().find(name.registry, name.repository) is not None:
                report("push", f"{name.registry} wants a login, of nodes too: their own, or by image_pull_secrets")
    return str(replace(name, tag="", digest=made.digest))


def is_at(image: str, destination: Destination) -> bool:
    """Whether an image is in the destination's repository."""
    source, name = ImageName.parse(image), destination.name
    return (source.registry, source.repository) == (name.registry, name.repository)


def bring(image: str, destination: Destination, steps: Steps, *, insecure: bool = False) -> str:
    """Have the destination's registry hold an image that is in another, as it is; its reference there.

    Args: image: by digest. Raises: BuilderError.
    """
    source, name = ImageName.parse(image), destination.name
    if is_at(image, destination):
        return str(source.with_digest(source.digest))
    if destination.push:
        tagged = replace(name, tag=name.tag or source.digest.removeprefix("sha256:")[:12])
        with steps.reported() as report:
            report("push", f"{source.registry}/{source.repository} to {name.registry}/{name.repository}")
            copy_image(source, tagged, insecure=insecure, report=report)
    return str(name.with_digest(source.digest))


def programs_image(store: ImageStore, destination: Destination, steps: Steps, *, base: str = "") -> str:
    """The image of our adapters, beside the project's own. Args: base: as of the project. Raises: BuilderError."""
    folder = destination.name.repository.rpartition("/")[0]
    registry = f"{destination.name.registry}/{folder}".rstrip("/")
    request = ProgramsRequest(base=base, platforms=destination.platforms, insecure=destination.insecure)
    with steps.reported() as report:
        if destination.push:
            return sources_image(store, registry, request, report)
        made = make_sources_image(store, request, report)
    return str(replace(ImageName.parse(f"{registry}/{NAME}"), tag="", digest=made.digest))


# --- what a cluster's nodes run


async def node_platforms(client: Client) -> tuple[Platform, ...]:
    """Those of the nodes that take Pods, () where this user may not see nodes or there are none.

    Raises: Unauthorized: nothing else would work either.
    """
    try:
        return platforms_of((await client.list(NODE)).items)
    except Unauthorized:
        raise
    except ApiError:
        return ()  # it is a hint; what really needs the server says so itself


def platforms_of(nodes: Iterable[Mapping[str, Any]]) -> tuple[Platform, ...]:
    """Pure. What functions could run on: Linux, and not cordoned."""
    infos = [
        (node.get("status") or {}).get("nodeInfo") or {}
        for node in nodes
        if not (node.get("spec") or {}).get("unschedulable")
    ]
    found = {str(info.get("architecture") or "") for info in infos if info.get("operatingSystem") == "linux"}
    return tuple(Platform.parse(f"linux/{architecture}") for architecture in sorted(found - {""}))


def choose_platforms(
    said: tuple[Platform, ...], nodes: tuple[Platform, ...], log: Callable[[str], None]
) -> tuple[Platform, ...]:
    """What the project says, else what the nodes are, else what nearly all are."""
    if said:
        return said
    if nodes:
        return nodes
    log(f"the cluster's nodes cannot be seen: the image is for {DEFAULT}; [tool.faas.build] platforms says otherwise")
    return (DEFAULT,)
