"""From a project's folder to its images and the objects that would be applied; needs no API server."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from faas_builders.builder import BuildResult
from faas_builders.oci.store import ImageStore

from faas.client.protocol import Object
from faas.deploy.images.choice import ImageChoice, choose, wants_container
from faas.deploy.images.requests import (
    BuildFlags,
    container_request,
    function_of,
    host_request,
    make_builder,
    make_host_builder,
    said_by,
)
from faas.deploy.objects.which import kind_of_manifest
from faas.deploy.planning import every_object
from faas.deploy.steps import Steps
from faas.project.errors import ProjectError
from faas.project.manifests.objects import Objects, make_objects
from faas.project.manifests.podspec import Overrides
from faas.project.manifests.references import names_read
from faas.project.manifests.surroundings import Surroundings
from faas.project.pyproject.settings import Settings
from faas.project.python.discover import describe
from faas.project.python.environment import Environment, image_environment
from faas.project.secret_values import SecretValue, Values, read_config, read_secrets
from faas.project.services import ServiceSpec, current_variables, make_services
from faas.resources.kinds import SECRET

if TYPE_CHECKING:
    from faas.deploy.images.publishing import Destination

Letters = Literal["none", "made", "kept"]
"""Our store of dead letters in a cluster: there is none; the deploy makes it; Triggers that send there go on doing so,
and this user may neither see nor make it."""

_CONTAINER_TAG = "container"  # beside `latest`, the image for processes


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asked for beside the project itself."""

    namespace: str = "default"
    only: tuple[str, ...] = ()  # names of services; all when empty
    options: Mapping[str, Any] = field(default_factory=dict)  # over the project's
    overrides: Overrides = field(default_factory=Overrides)
    flags: BuildFlags = field(default_factory=BuildFlags)
    destination: Destination | None = None  # of a cluster's images; None: the engine of this machine has them already
    letters: Letters = "none"
    surroundings: Surroundings = field(default_factory=Surroundings)  # what the cluster has already
    check: Callable[[Sequence[Object]], None] | None = None  # of the objects, before anything is built
    read_secrets: bool = True  # not for manifests that only somebody looks at


@dataclass(frozen=True, slots=True)
class Prepared:
    project: str
    namespace: str
    process_image: BuildResult | None
    container_image: BuildResult | None
    services: tuple[ServiceSpec, ...]
    objects: Objects
    whole: bool  # nothing of the project was left out
    stage: str = ""
    letters: Letters = "none"
    store_image: str = ""  # of our store of dead letters, where it is made

    @property
    def manifests(self) -> tuple[Object, ...]:
        """All that may be seen of what is applied, in the order in which it is; Secrets may not."""
        return tuple(obj for obj in every_object(self.objects) if kind_of_manifest(obj) != SECRET)


def prepare(settings: Settings, store: ImageStore, wanted: Wanted, steps: Steps) -> Prepared:
    """Find the functions, make the images, write the manifests.

    The functions are asked of what will be in the image, not of the user's own environment: what imports here imports
    there. Raises: ProjectError; faas_builders' BuildError.
    """
    found = _find_and_check(settings, wanted, steps)
    ways = {found.in_container[spec.name] for spec in found.services}
    process_image = _for_processes(settings, store, found, steps) if False in ways else None
    container_image = _for_containers(settings, store, wanted, found, steps) if True in ways else None
    images = {way: made.reference for way, made in ((False, process_image), (True, container_image)) if made}
    destination = wanted.destination
    if destination is not None and container_image is not None:
        from faas.deploy.images.publishing import publish  # who deploys to the engine has no need of registries

        images[True] = publish(store, container_image, destination, steps)
    # Those that nobody wants have no image; they are here for what their names mean.
    of_services = {name: images.get(way, "") for name, way in found.in_container.items()}
    return _prepared(settings, store, wanted, found, of_services, steps, process_image, container_image)


def prepare_with(
    settings: Settings,
    store: ImageStore,
    wanted: Wanted,
    images: Mapping[str, str],
    steps: Steps,
    *,
    bring: Callable[[str], str] = str,
) -> Prepared:
    """`prepare` with images that are in a registry already, by the names of services.

    Args: bring: has an image where it can be pulled, once nothing else stands in the way; its reference there.
    Raises: ProjectError: the project has no such service, or one that has no image; BuilderError.
    """
    found = _find_and_check(settings, wanted, steps)
    if missing := [spec.name for spec in found.services if spec.name not in images]:
        raise ProjectError(
            f"the code has functions of which there is no image yet: {', '.join(missing)}",
            "Deploy them to the first stage too, or name those that are meant",
        )
    brought = {image: bring(image) for image in dict.fromkeys(images[spec.name] for spec in found.services)}
    of_services = {name: brought.get(images.get(name, ""), "") for name in found.in_container}
    return _prepared(settings, store, wanted, found, of_services, steps)


def _prepared(
    settings: Settings,
    store: ImageStore,
    wanted: Wanted,
    found: _Found,
    images: Mapping[str, str],
    steps: Steps,
    process_image: BuildResult | None = None,
    container_image: BuildResult | None = None,
) -> Prepared:
    objects = _objects(settings, wanted, found, images)
    destination, programs = wanted.destination, ""
    if destination is not None and (objects.needs_adapters or (wanted.letters == "made" and objects.triggers)):
        from faas.deploy.images.publishing import programs_image

        programs = programs_image(store, destination, steps, base=_programs_base(found.choice))
        objects = objects.with_adapters(programs)
    return Prepared(
        settings.name, wanted.namespace, process_image, container_image, found.services, objects, not wanted.only,
        settings.stage.name if settings.stage else "", wanted.letters,
        programs if wanted.letters == "made" and objects.triggers else "",
    )  # fmt: skip


def _find_and_check(settings: Settings, wanted: Wanted, steps: Steps) -> _Found:
    """All that can go wrong before anything is built: a secret that is not to be had, what a cluster cannot do."""
    with steps.step("resolve") as log:
        found = _find(settings, wanted, log)
        # Declared Secrets will be there; their values are read when nothing else stands in the way.
        expected = {name: dict.fromkeys(each.keys, SecretValue(b"")) for name, each in settings.secrets.items()}
        draft = _objects(settings, wanted, replace(found, secrets=expected), dict.fromkeys(found.in_container, ""))
        if wanted.destination is not None:
            _say_notes(settings, found, draft, wanted.surroundings, log)
        if wanted.check is not None:
            wanted.check(every_object(draft))
    return replace(found, secrets=_read_secrets(settings, wanted, draft)) if wanted.read_secrets else found


def _say_notes(
    settings: Settings, found: _Found, objects: Objects, there: Surroundings, log: Callable[[str], None]
) -> None:
    """What a cluster does otherwise; what it would have to allow it says itself. Raises: RefusedByCluster."""
    from faas.project.notes import check_for_cluster, notes_for_cluster  # who deploys to the engine needs none

    notes = notes_for_cluster(found.services, objects, settings, there)
    check_for_cluster(notes)
    for note in notes:
        if note.effect != "needs":
            log(f"note: {note}" + (f". {note.hint}" if note.hint else ""))


def _read_secrets(settings: Settings, wanted: Wanted, objects: Objects) -> Mapping[str, Values]:
    """Of some services, only what those read."""
    declared = settings.secrets
    if wanted.only:
        read = names_read((*objects.services, *objects.sources))
        declared = {name: each for name, each in declared.items() if name in read}
    return read_secrets(declared, root=settings.root, variables=current_variables())


def _objects(settings: Settings, wanted: Wanted, found: _Found, images: Mapping[str, str]) -> Objects:
    variables, root = current_variables(), settings.root
    objects = make_objects(
        found.every,
        images,
        project=settings.name,
        namespace=wanted.namespace,
        root=root,
        variables=variables,
        overrides=wanted.overrides,
        settings=settings,
        config=read_config(settings.config, root=root, variables=variables),
        secrets=found.secrets,
        there=wanted.surroundings if wanted.destination is not None else None,
        unprivileged=wanted.destination is not None and found.choice.builder == "oci",
    )
    return objects.only([service.name for service in found.services]) if wanted.only else objects


def _programs_base(choice: ImageChoice) -> str:
    """The project's, where it is an image with a Python: it is in the registry that the builder reaches."""
    return choice.base if choice.builder == "oci" else ""


@dataclass(frozen=True, slots=True)
class _Found:
    environment: Environment
    choice: ImageChoice
    every: tuple[ServiceSpec, ...]  # of the project
    services: tuple[ServiceSpec, ...]  # those wanted
    in_container: Mapping[str, bool]  # by the names of all
    secrets: Mapping[str, Values] = field(default_factory=dict)  # once they are read


def _find(settings: Settings, wanted: Wanted, log: Callable[[str], None]) -> _Found:
    flags = wanted.flags
    version = flags.build.python or settings.build.python
    groups = flags.build.groups
    environment = image_environment(settings, python=flags.python, version=version, groups=groups, log=log)
    log(environment.text)
    is_cluster = wanted.destination is not None
    choice = choose(said_by(flags, environment.interpreter), settings.build, "cluster" if is_cluster else "deploy")
    functions = describe(settings.root, environment).functions
    variables = current_variables()
    every = services = make_services(functions, settings, variables=variables, flags=wanted.options)
    if wanted.only:
        services = make_services(functions, settings, variables=variables, flags=wanted.options, only=wanted.only)
    log(f"{len(services)} service{'s' * (len(services) != 1)}: {', '.join(service.name for service in services)}")
    ways = {spec.name: is_cluster or wants_container(spec, choice) for spec in every}
    return _Found(environment, choice, every, services, ways)


def _for_processes(settings: Settings, store: ImageStore, found: _Found, steps: Steps) -> BuildResult:
    with steps.reported("resolve") as report:  # that has been done
        request = host_request(settings, found.choice, found.environment.interpreter)
        return make_host_builder(store).build(request, report)


def _for_containers(settings: Settings, store: ImageStore, wanted: Wanted, found: _Found, steps: Steps) -> BuildResult:
    request = container_request(
        settings, found.choice, wanted.flags, functions=function_of(found.every),
        tag=_CONTAINER_TAG, platforms=wanted.destination.platforms if wanted.destination else (),
    )  # fmt: skip
    with steps.reported() as report:
        return make_builder(store, found.choice, wanted.flags).build(request, report)
