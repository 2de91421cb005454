"""From a project's folder to its images and the objects that would be applied; needs no server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from faas_builders.builder import BuildResult
from faas_builders.oci.store import ImageStore

from faas.client.protocol import Object
from faas.deploy.choice import ImageChoice, choose, wants_container
from faas.deploy.images import (
    BuildFlags,
    container_request,
    function_of,
    host_request,
    make_builder,
    make_host_builder,
    said_by,
)
from faas.deploy.steps import Steps
from faas.project.discover import describe
from faas.project.environment import Environment, image_environment
from faas.project.manifests import Overrides
from faas.project.objects import Objects, make_objects
from faas.project.secret_values import read_config, read_secrets
from faas.project.services import ServiceSpec, current_variables, make_services
from faas.project.settings import Settings

_CONTAINER_TAG = "container"  # beside `latest`, the image for processes


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asked for beside the project itself."""

    namespace: str = "default"
    only: tuple[str, ...] = ()  # names of services; all when empty
    options: Mapping[str, Any] = field(default_factory=dict)  # over the project's
    overrides: Overrides = field(default_factory=Overrides)
    flags: BuildFlags = field(default_factory=BuildFlags)
    for_cluster: bool = False  # with what the engine does by itself, and a cluster has to be told


@dataclass(frozen=True, slots=True)
class Prepared:
    project: str
    namespace: str
    process_image: BuildResult | None
    container_image: BuildResult | None
    services: tuple[ServiceSpec, ...]
    objects: Objects
    whole: bool  # nothing of the project was left out

    @property
    def manifests(self) -> tuple[Object, ...]:
        """All that is applied, in the order in which somebody would write it down."""
        objects = self.objects
        return objects.services + objects.brokers + objects.triggers + objects.sources


def prepare(settings: Settings, store: ImageStore, wanted: Wanted, steps: Steps) -> Prepared:
    """Find the functions, make the images, write the manifests.

    The functions are asked of what will be in the image, not of the user's own environment: what imports here imports
    there. Raises: ProjectError; faas_builders' BuildError.
    """
    with steps.step("resolve") as log:
        found = _find(settings, wanted, log)
    ways = {found.in_container[spec.name] for spec in found.services}
    process_image = _for_processes(settings, store, found, steps) if False in ways else None
    container_image = _for_containers(settings, store, wanted.flags, found, steps) if True in ways else None
    images = {False: process_image, True: container_image}
    objects = make_objects(
        found.every,
        # Those that nobody wants have no image; they are here for what their names mean.
        {name: made.reference if (made := images[way]) else "" for name, way in found.in_container.items()},
        project=settings.name,
        namespace=wanted.namespace,
        root=settings.root,
        variables=current_variables(),
        overrides=wanted.overrides,
        settings=settings,
        config=read_config(settings.config, root=settings.root, variables=current_variables()),
        secrets=read_secrets(settings.secrets, root=settings.root, variables=current_variables()),
        for_cluster=wanted.for_cluster,
    )
    if wanted.only:
        objects = objects.only([service.name for service in found.services])
    return Prepared(
        settings.name, wanted.namespace, process_image, container_image, found.services, objects, not wanted.only
    )


@dataclass(frozen=True, slots=True)
class _Found:
    environment: Environment
    choice: ImageChoice
    every: tuple[ServiceSpec, ...]  # of the project
    services: tuple[ServiceSpec, ...]  # those wanted
    in_container: Mapping[str, bool]  # by the names of all


def _find(settings: Settings, wanted: Wanted, log: Callable[[str], None]) -> _Found:
    flags = wanted.flags
    version = flags.build.python or settings.build.python
    groups = flags.build.groups
    environment = image_environment(settings, python=flags.python, version=version, groups=groups, log=log)
    log(environment.text)
    choice = choose(said_by(flags, environment.interpreter), settings.build, "deploy")
    functions = describe(settings.root, environment).functions
    variables = current_variables()
    every = services = make_services(functions, settings, variables=variables, flags=wanted.options)
    if wanted.only:
        services = make_services(functions, settings, variables=variables, flags=wanted.options, only=wanted.only)
    log(f"{len(services)} service{'s' * (len(services) != 1)}: {', '.join(service.name for service in services)}")
    return _Found(environment, choice, every, services, {spec.name: wants_container(spec, choice) for spec in every})


def _for_processes(settings: Settings, store: ImageStore, found: _Found, steps: Steps) -> BuildResult:
    with steps.reported("resolve") as report:  # that has been done
        request = host_request(settings, found.choice, found.environment.interpreter)
        return make_host_builder(store).build(request, report)


def _for_containers(
    settings: Settings, store: ImageStore, flags: BuildFlags, found: _Found, steps: Steps
) -> BuildResult:
    functions = function_of(found.every)
    request = container_request(settings, found.choice, flags, functions=functions, tag=_CONTAINER_TAG)
    with steps.reported() as report:
        return make_builder(store, found.choice, flags).build(request, report)
