"""The image of a folder as it is now, for the functions of it that run as containers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from faas_builders.builder import Report
from faas_builders.oci.store import ImageStore

from faas.deploy.images.choice import ImageChoice
from faas.deploy.images.requests import BuildFlags, container_request, function_of, make_builder
from faas.project.pyproject.settings import Settings
from faas.project.services import ServiceSpec

_FLAGS = BuildFlags(attest=False)  # nobody ships it


def container_image(
    settings: Settings, choice: ImageChoice, services: Sequence[ServiceSpec], images_dir: Path, report: Report
) -> str:
    """Make it; the reference by digest. After a change of code only the layer with the code is made anew.

    Raises: BuildError.
    """
    request = container_request(settings, choice, _FLAGS, functions=function_of(services), tag="run")
    request = replace(request, env={**request.env, "FAAS_DEV": "1"})  # tracebacks reach who called
    return make_builder(ImageStore(images_dir), choice, _FLAGS).build(request, report).reference
