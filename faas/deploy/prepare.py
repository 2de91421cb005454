"""From a project's folder to an image and the objects that would be applied; needs no server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faas_builders.builder import Builder, BuildRequest, BuildResult
from faas_builders.builder import Step as BuildStep

from faas.client.protocol import Object
from faas.deploy.steps import Steps
from faas.project.discover import describe
from faas.project.environment import image_environment
from faas.project.manifests import Overrides
from faas.project.objects import Objects, make_objects
from faas.project.services import ServiceSpec, current_variables, make_services
from faas.project.settings import Settings


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asked for beside the project itself."""

    namespace: str = "default"
    python: Path | None = None
    only: tuple[str, ...] = ()  # names of services; all when empty
    options: Mapping[str, Any] = field(default_factory=dict)  # over the project's
    overrides: Overrides = field(default_factory=Overrides)


@dataclass(frozen=True, slots=True)
class Prepared:
    project: str
    namespace: str
    image: BuildResult
    services: tuple[ServiceSpec, ...]
    objects: Objects
    whole: bool  # nothing of the project was left out

    @property
    def manifests(self) -> tuple[Object, ...]:
        """All that is applied, in the order in which somebody would write it down."""
        objects = self.objects
        return objects.services + objects.brokers + objects.triggers + objects.sources


def prepare(settings: Settings, builder: Builder, wanted: Wanted, steps: Steps) -> Prepared:
    """Find the functions, make the image, write the manifests.

    The functions are asked of what will be in the image, not of the user's own environment: what imports here imports
    there. Raises: ProjectError; faas_builders' BuildError.
    """
    with steps.step("resolve") as log:
        environment = image_environment(settings, python=wanted.python, log=log)
        log(environment.text)
        description = describe(settings.root, environment)
        variables = current_variables()
        every = make_services(description.functions, settings, variables=variables, flags=wanted.options)
        services = every
        if wanted.only:
            services = make_services(
                description.functions, settings, variables=variables, flags=wanted.options, only=wanted.only
            )
        log(f"{len(services)} service{'s' * (len(services) != 1)}: {', '.join(service.name for service in services)}")
    with steps.step("layers") as log:

        def report(step: BuildStep, line: str) -> None:
            if step != "resolve":
                log(line)

        request = BuildRequest(settings.root, settings.name, environment.python)
        image = builder.build(request, report)
    objects = make_objects(
        every,
        image.reference,
        project=settings.name,
        namespace=wanted.namespace,
        root=settings.root,
        variables=variables,
        overrides=wanted.overrides,
    )
    if wanted.only:
        objects = objects.only([service.name for service in services])
    return Prepared(settings.name, wanted.namespace, image, services, objects, not wanted.only)
