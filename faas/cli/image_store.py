"""The image store of a state, as commands use it: which image somebody means, and which are still needed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from faas.cli.connection import find_state, with_engine

if TYPE_CHECKING:
    from faas_builders.oci.store import ImageStore
    from faas_builders.registry.names import ImageName

    from faas.deploy.steps import Steps

_SHORTEST_DIGEST = 6  # hex digits; shorter ones mean several images too easily


def open_store(option: Path | None) -> ImageStore:
    """It is only a folder: no engine has to run."""
    from faas_builders.oci.store import ImageStore

    return ImageStore(find_state(option).images)


def find_image(store: ImageStore, text: str) -> str:
    """The reference that `shop`, `shop:1.0`, `faas.local/shop@sha256:…` or the beginning of a digest means.

    Raises: CommandError: there is none, or several are meant.
    """
    from faas_builders.oci import references

    from faas.cli.errors import CommandError

    named = references.parse(text) or references.parse(f"{references.HOST}/{text}")
    if named is not None and store.find(named) is not None:
        return str(named)
    digits = text.removeprefix("sha256:")
    if len(digits) >= _SHORTEST_DIGEST:
        meant = {listed.descriptor.digest: listed.reference for listed in store.list()
                 if listed.descriptor.digest.startswith(f"sha256:{digits}")}  # fmt: skip
        if len(meant) > 1:
            raise CommandError(f"{text} is the beginning of {len(meant)} digests", "Write more of it")
        for digest, reference in meant.items():
            return str(replace(reference, tag="", digest=digest))
    raise CommandError(f"no image of this store is called {text}", "See what there is:  faas image list")


def load_archive(store: ImageStore, file: Path, name: str, image: str) -> str:
    """Take the image of an archive in; the reference by digest.

    Args: name: NAME[:TAG]; "": the file's. image: which of several.
    Raises: click.BadParameter: no image can have that name; InvalidImage.
    """
    from faas_builders.oci import references
    from faas_builders.oci.importing import import_archive

    from faas.project.pyproject.settings import image_name

    named = references.parse(f"{references.HOST}/{name or image_name(file.resolve().name.partition('.')[0])}")
    if named is None or named.digest:
        raise click.BadParameter(f"{name!r} is not NAME or NAME:TAG in lower case", param_hint="--name")
    return str(import_archive(store, file, named.name, named.tag or "latest", image=image))


def push_image(store: ImageStore, reference: str, name: ImageName, steps: Steps, *, insecure: bool) -> str:
    """Push it, as a step; the reference by digest that it has in the registry. Raises: BuilderError."""
    from faas_builders.registry.push import push

    from faas.cli.progress import bytes_of

    with steps.reported() as report:
        report("push", f"to {name}")
        digest = push(store, reference, name, insecure=insecure, report=report, progress=bytes_of(report, "push"))
    return str(name.with_digest(digest))


def tagged_name(reference: str) -> str:
    """What a Docker engine calls it: it has no digests of its own to name images by."""
    from faas_builders.oci import references

    written = references.split(reference)
    return f"{written.repository}:latest" if written.digest else reference


def how_it_runs(store: ImageStore, image: str) -> str:
    """What the engine makes of an image: process, container, or "" when that cannot be told."""
    from faas_builders.oci.processes import runs_as_process

    found = runs_as_process(store, image)
    return "" if found is None else "process" if found else "container"


def prune_unneeded(store: ImageStore, state: Path | None) -> None:
    """Free the space of images that have lost their tag and that no Revision names, where it is known which do."""
    needed = _needed(state)
    if needed is not None:
        from faas_builders.oci.prune import prune

        prune(store, needed)


def _needed(state: Path | None) -> list[str] | None:
    """References of images; None: nobody can say, since the engine of the state does not answer."""
    found = find_state(state)
    if not (found.path / "state.db").exists():
        return []
    if found.engine() is None:
        return None
    from faas.client.errors import ApiError
    from faas.client.kubeconfigs.files import KubeconfigError
    from faas.deploy.images.requests import images_in_use

    try:
        return with_engine(state, images_in_use)
    except (ApiError, KubeconfigError):
        return None
