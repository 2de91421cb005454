"""Editions of a project, whether or not it is deployed anywhere: one without a stage, and one for each stage.

The project's code is run once, in a process of its own, to ask what it declares; no image is made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from faas_builders.oci import references
from faas_runtime.declaring.spec import FunctionSpec

from faas.client.services import store
from faas.deploy.export.editions.edition import Edition, make_edition
from faas.deploy.images.choice import choose
from faas.deploy.planning import every_object
from faas.deploy.programs.dead_letters import dead_letter_objects, with_dead_letter_sinks
from faas.project.manifests.objects import make_objects
from faas.project.manifests.surroundings import Surroundings
from faas.project.notes import Note, notes_for_cluster
from faas.project.pyproject.build_settings import BuildSettings
from faas.project.pyproject.settings import Settings, load_settings
from faas.project.python.discover import describe
from faas.project.python.environment import image_environment
from faas.project.secret_values import read_config
from faas.project.services import current_variables, make_services

Log = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Images:
    """References that are written into what is exported.

    `functions`: what runs the project; a digest alone (`sha256:…`) is of the image that the stage names. `programs`:
    our own, of sources and of the store of dead letters; without it there is no such store.
    """

    functions: str = ""
    programs: str = ""


@dataclass(frozen=True, slots=True)
class Project:
    """`base` is what the project says without any stage; `stages` what it says for each, in pyproject.toml's order."""

    base: Edition
    stages: tuple[Edition, ...] = ()
    notes: tuple[Note, ...] = ()  # what a cluster does otherwise than the engine, in any of them


def read_project(path: Path, images: Images = Images(), *, log: Log = lambda line: None) -> Project:
    """All editions of a project. Raises: ProjectError."""
    settings = load_settings(path)
    functions = _functions(settings, log)
    every = [_edition(load_settings(path, stage), functions, images) for stage in ("", *settings.stages)]
    (base, _), *stages = every
    notes = dict.fromkeys(note for _, noted in every for note in noted)
    return Project(base, tuple(stage for stage, _ in stages), tuple(notes))


def read_stage(
    path: Path, stage: str = "", *, namespace: str = "", images: Images = Images(), log: Log = lambda line: None
) -> Project:
    """One edition of a project, as its base.

    Args: stage: "": without any. namespace: instead of the stage's.
    Raises: ProjectError.
    """
    settings = load_settings(path, stage)
    edition, notes = _edition(settings, _functions(settings, log), images, namespace)
    return Project(edition, notes=notes)


def _functions(settings: Settings, log: Log) -> Sequence[FunctionSpec]:
    build = settings.build
    environment = image_environment(settings, python=None, version=build.python, groups=build.groups, log=log)
    return describe(settings.root, environment).functions


def _edition(
    settings: Settings, functions: Sequence[FunctionSpec], images: Images, namespace: str = ""
) -> tuple[Edition, tuple[Note, ...]]:
    variables, stage = current_variables(), settings.stage
    place = namespace or (stage.namespace if stage else "") or "default"
    services = make_services(functions, settings, variables=variables)
    objects = make_objects(
        services,
        image_of(settings, images.functions),
        project=settings.name,
        namespace=place,
        root=settings.root,
        variables=variables,
        settings=settings,
        config=read_config(settings.config, root=settings.root, variables=variables),
        there=Surroundings(),
        unprivileged=choose(BuildSettings(), settings.build, "cluster").builder == "oci",
    )
    secrets = {name: tuple(declared.keys) for name, declared in settings.secrets.items()}
    if images.programs:
        objects = objects.with_adapters(images.programs)
    if images.programs and settings.dead_letters and objects.triggers:
        objects = with_dead_letter_sinks(objects, place)
        objects = replace(objects, programs=dead_letter_objects(place, images.programs))
        secrets[store.NAME] = (store.TOKEN_KEY,)
    edition = make_edition(
        settings.name,
        place,
        every_object(objects),
        stage=stage.name if stage else "",
        secrets=secrets,
        declared=secrets,
    )
    return edition, notes_for_cluster(services, objects, settings)


def image_of(settings: Settings, image: str) -> str:
    """The reference that is written; where nobody has named one, the project's name stands in its place."""
    if image and not image.startswith("sha256:"):
        return image
    name = settings.build.image or settings.name
    return references.by_digest(name, image) if image else name
