"""What the project in a folder would apply: found as a deploy finds it, but with nothing built."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from faas.cli.checks.needs import Needs
from faas.cli.output import note

if TYPE_CHECKING:
    from faas.client.places.targets import Target

_IMAGE = "registry.invalid/image"  # of objects that are looked at, never applied


def needs_of(folder: Path, target: Target) -> Needs:
    """Nothing in a folder that holds no project; `problem` says why a project's wants are not known."""
    from faas_builders.errors import BuilderError

    from faas.deploy.export.editions.of_project import Images, read_stage
    from faas.project.errors import DiscoveryError, NotAProject, ProjectError
    from faas.project.pyproject.settings import load_settings

    try:
        settings = load_settings(folder, target.stage)
    except NotAProject:
        return Needs()
    except ProjectError as error:
        return Needs(problem=error.message)
    if not settings.pyproject.exists():
        return Needs()  # some folder with a Python file in it
    known = Needs(settings.name, image=settings.build.image, insecure=settings.build.insecure)
    try:
        images = Images(_IMAGE, programs=_IMAGE)
        found = read_stage(folder, target.stage, namespace=target.namespace, images=images, log=note).base
    except DiscoveryError as error:
        return replace(known, problem=error.problems[0].message)
    except (ProjectError, BuilderError) as error:
        return replace(known, problem=error.message)
    return replace(known, objects=found.objects, declared_secrets=found.declared_secrets)
