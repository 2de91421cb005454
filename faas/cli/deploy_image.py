"""`faas deploy --image`: a Service from an image that is there, in whatever language it is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from faas.cli.errors import CommandError

if TYPE_CHECKING:
    from faas.deploy.prepare import Prepared, Wanted
    from faas.project.manifests import Port


def prepare_image(image: str, name: str, port: str, wanted: Wanted, state: Path | None) -> Prepared:
    """The Service that would be applied. Images of this machine are named by digest, so that new content is deployed.

    Raises: click.UsageError: an option of projects, or one that says nothing valid; CommandError, ImageNameError.
    """
    from faas.deploy.prepare import Prepared
    from faas.project.build_settings import BuildSettings
    from faas.project.manifests import make_image_service
    from faas.project.objects import Objects
    from faas.project.settings import image_name

    said = wanted.flags
    if wanted.only or said.python or said.build != BuildSettings() or "container" in wanted.options:
        raise click.UsageError(
            "--service, --python, --builder, --base, --container are of projects; --image needs none"
        )
    reference, called = _resolved(image, state)
    service = make_image_service(
        name or image_name(called),
        reference,
        namespace=wanted.namespace,
        port=_port(port),
        options=wanted.options,
        overrides=wanted.overrides,
    )
    return Prepared("", wanted.namespace, None, None, (), Objects((service,), (), (), ()), whole=False)


def _resolved(image: str, state: Path | None) -> tuple[str, str]:
    """The reference to write down, and the last part of the image's name."""
    from faas_builders.oci import references
    from faas_builders.registry.names import ImageName

    from faas.cli.image_store import open_store

    local = references.parse(image)
    if local is None:
        ImageName.parse(image)
        return image, ImageName.parse(image).repository.rpartition("/")[2]
    found = open_store(state).find(local)
    if found is None:
        raise CommandError(f"no image of this store is called {image}", "See what there is:  faas image list")
    return f"{local.registry}/{local.name}@{found.digest}", local.name


def _port(text: str) -> Port | None:
    from faas.project.manifests import Port

    if not text:
        return None
    match = re.fullmatch(r"(?:(h2c|http1):)?(\d{1,5})", text)
    if match is None or not 0 < int(match[2]) < 65536:
        raise click.BadParameter(f"{text!r} is not a port, as 8080 or h2c:9000", param_hint="--port")
    return Port(int(match[2]), match[1] or "")
