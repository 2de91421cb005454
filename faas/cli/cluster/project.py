"""What the project in a folder would apply: found as a deploy finds it, but with nothing built."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from faas.cli.cluster.needs import Needs
from faas.cli.output import note

if TYPE_CHECKING:
    from faas.client.targets import Target
    from faas.project.settings import Settings

_IMAGE = "registry.invalid/image"  # of objects that are looked at, never applied


def needs_of(folder: Path, target: Target) -> Needs:
    """Nothing in a folder that holds no project; `problem` says why a project's wants are not known."""
    from faas_builders.errors import BuilderError

    from faas.project.errors import DiscoveryError, NotAProject, ProjectError
    from faas.project.settings import load_settings

    try:
        settings = load_settings(folder, target.stage)
    except NotAProject:
        return Needs()
    except ProjectError as error:
        return Needs(problem=error.message)
    if not settings.pyproject.exists():
        return Needs()  # some folder with a Python file in it
    image = image_of(settings)
    try:
        return Needs(settings.name, _objects(settings, target), image)
    except DiscoveryError as error:
        return Needs(settings.name, image=image, problem=error.problems[0].message)
    except (ProjectError, BuilderError) as error:
        return Needs(settings.name, image=image, problem=error.message)


def image_of(settings: Settings) -> str:
    """The name under which the project's images are pushed; "" when it says none."""
    stage = settings.stage
    if stage is not None and (stage.image or stage.registry):
        return stage.image or f"{stage.registry.rstrip('/')}/{settings.name}"
    return settings.build.image


def _objects(settings: Settings, target: Target) -> tuple[dict[str, object], ...]:
    """Raises: ProjectError, BuilderError."""
    from faas.project.discover import describe
    from faas.project.environment import image_environment
    from faas.project.objects import make_objects
    from faas.project.services import current_variables, make_services

    found = describe(settings.root, image_environment(settings, log=note)).functions
    variables = current_variables()
    objects = make_objects(
        make_services(found, settings, variables=variables),
        _IMAGE,
        project=settings.name,
        namespace=target.namespace,
        root=settings.root,
        variables=variables,
        settings=settings,
        config={name: {} for name in settings.config},  # names only: no value is needed, or read
        secrets={name: {} for name in settings.secrets},
        for_cluster=True,
    )
    return (
        *objects.services, *objects.brokers, *objects.triggers, *objects.sources,
        *objects.config_maps, *objects.secrets, *objects.domain_mappings, *objects.access,
    )  # fmt: skip
