"""`faas deploy --image`: a Service from an image that is there, in whatever language it is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from faas.cli.errors import CommandError

if TYPE_CHECKING:
    from faas.client.places.targets import Target
    from faas.deploy.prepare import Prepared, Wanted
    from faas.project.manifests.service import Port

_IMAGE_ID = "faas.dev/image-id"  # on the template: a tag that means another image makes another Revision


def prepare_image(image: str, name: str, port: str, wanted: Wanted, target: Target) -> Prepared:
    """The Service that would be applied. Images of this machine are named by digest, so that new content is deployed.

    Raises: click.UsageError: an option of projects, or one that says nothing valid; CommandError, ImageNameError.
    """
    from faas.deploy.prepare import Prepared
    from faas.project.manifests.objects import Objects
    from faas.project.manifests.service import make_image_service
    from faas.project.pyproject.settings import image_name

    if given := _of_projects(wanted):
        raise click.UsageError(f"{given} is of projects; --image deploys an image as it is")
    reference, called, image_id = _resolved(image, target.state.path) if target.is_local else _pulled(image)
    service = make_image_service(
        name or image_name(called),
        reference,
        namespace=wanted.namespace,
        port=_port(port),
        options=wanted.options,
        overrides=wanted.overrides,
    )
    if image_id:
        metadata = service["spec"]["template"].setdefault("metadata", {})
        metadata["annotations"] = {**metadata.get("annotations", {}), _IMAGE_ID: image_id}
    return Prepared("", wanted.namespace, None, None, (), Objects((service,), (), (), ()), whole=False)


def _of_projects(wanted: Wanted) -> str:
    """The first option given that says how a project is built, "" when there is none."""
    build = wanted.flags.build
    given = {
        "--service": wanted.only,
        "--python": wanted.flags.python or build.python,
        "--builder": build.builder,
        "--base": build.base,
        "--container" if wanted.options.get("container") else "--no-container": "container" in wanted.options,
    }
    return next((option for option, value in given.items() if value), "")


def _pulled(image: str) -> tuple[str, str, str]:
    """The same for a cluster, which pulls it itself and finds out what a tag means. Raises: CommandError."""
    from faas_builders.oci import references
    from faas_builders.registry.names import ImageName

    if references.parse(image) is not None:
        name = image.rpartition("/")[2].partition("@")[0]
        raise CommandError(
            f"{image} is on this machine only; a cluster cannot pull it",
            f"Push it, and deploy what that prints:  faas image push {image} REGISTRY/{name}",
        )
    return image, ImageName.parse(image).repository.rpartition("/")[2], ""


def _resolved(image: str, state: Path | None) -> tuple[str, str, str]:
    """The reference to write down, the last part of the image's name, and its id in the Docker engine of this machine.

    A short name means an image of the Docker engine, then one of the store, then one of a registry.
    """
    from faas_builders.oci import references
    from faas_builders.registry.names import ImageName

    from faas.cli.image_store import open_store

    local, image_id = references.parse(image), ""
    if local is None:
        name = ImageName.parse(image)
        image_id = "" if name.digest else _id_in_docker(str(name))
        short = None if image_id or "/" in image else references.parse(f"{references.HOST}/{image}")
        if short is None or open_store(state).find(short) is None:
            return image, name.repository.rpartition("/")[2], image_id
        local = short
    found = open_store(state).find(local)
    if found is None:
        raise CommandError(f"no image of this store is called {image}", "See what there is:  faas image list")
    return str(local.with_digest(found.digest)), local.name, ""


def _id_in_docker(reference: str) -> str:
    """What a tag means in the Docker engine of this machine, "" when it has no such image or there is no engine.

    Only a socket of this machine is asked: that costs no time worth naming, whether or not somebody answers.
    """
    from contextlib import closing

    from faas_builders.docker.engine import connect, engine_address
    from faas_builders.errors import ToolMissing

    try:
        if not engine_address().startswith("unix:"):
            return ""
        client = connect()
    except (ToolMissing, ImportError):  # the SDK is an extra
        return ""
    from docker.errors import DockerException

    with closing(client):
        try:
            return str(client.images.get(reference).id)
        except (DockerException, OSError):
            return ""


def _port(text: str) -> Port | None:
    from faas.project.manifests.service import Port

    if not text:
        return None
    match = re.fullmatch(r"(?:(h2c|http1):)?(\d{1,5})", text)
    if match is None or not 0 < int(match[2]) < 65536:
        raise click.BadParameter(f"{text!r} is not a port, as 8080 or h2c:9000", param_hint="--port")
    return Port(int(match[2]), match[1] or "")
