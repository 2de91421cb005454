"""Editions of a project, whether or not it is deployed anywhere: one without a stage, and one for each stage.

The project's code is run once, in a process of its own, to ask what it declares; no image is made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from faas_runtime.spec import FunctionSpec

from faas.client.protocol import Object
from faas.deploy.export.edition import Edition, make_edition
from faas.project.discover import describe
from faas.project.environment import image_environment
from faas.project.objects import Objects, make_objects
from faas.project.secret_values import read_config
from faas.project.services import current_variables, make_services
from faas.project.settings import Settings, load_settings
from faas.resources.keys import SOURCES_IMAGE


@dataclass(frozen=True, slots=True)
class Project:
    """`base` is what the project says without any stage; `stages` what it says for each, in pyproject.toml's order."""

    base: Edition
    stages: tuple[Edition, ...] = ()


def read_project(path: Path, *, image: str = "", log: Callable[[str], None] = lambda line: None) -> Project:
    """All editions of a project. Args: as of `read_stage`."""
    base = load_settings(path)
    functions = _functions(base, log)
    stages = tuple(_edition(load_settings(path, stage), functions, image) for stage in base.stages)
    return Project(_edition(base, functions, image), stages)


def read_stage(
    path: Path, stage: str = "", *, namespace: str = "", image: str = "", log: Callable[[str], None] = lambda line: None
) -> Edition:
    """One edition of a project.

    Args:
        stage: "": without any.
        namespace: instead of the stage's.
        image: what runs it, as a reference; a digest alone (`sha256:…`) is of the image that the stage names.
    Raises: ProjectError.
    """
    settings = load_settings(path, stage)
    return _edition(settings, _functions(settings, log), image, namespace)


def _functions(settings: Settings, log: Callable[[str], None]) -> Sequence[FunctionSpec]:
    build = settings.build
    environment = image_environment(settings, python=None, version=build.python, groups=build.groups, log=log)
    return describe(settings.root, environment).functions


def _edition(settings: Settings, functions: Sequence[FunctionSpec], image: str, namespace: str = "") -> Edition:
    variables = current_variables()
    stage = settings.stage
    place = namespace or (stage.namespace if stage else "") or "default"
    objects = make_objects(
        make_services(functions, settings, variables=variables),
        image_of(settings, image),
        project=settings.name,
        namespace=place,
        root=settings.root,
        variables=variables,
        settings=settings,
        config=read_config(settings.config, root=settings.root, variables=variables),
        for_cluster=True,
    )
    if objects.needs_adapters and stage and stage.registry:
        objects = objects.with_adapters(f"{stage.registry}/{SOURCES_IMAGE.rpartition('/')[2]}")
    return make_edition(
        settings.name,
        place,
        manifests_of(objects),
        stage=stage.name if stage else "",
        secrets={name: each.keys for name, each in settings.secrets.items()},
        declared=list(settings.secrets),
    )


def manifests_of(objects: Objects) -> list[Object]:
    """All but Secrets, which have no manifest that may be seen."""
    parts = (objects.access, objects.config_maps, objects.brokers, objects.services, objects.domain_mappings,
             objects.triggers, objects.sources)  # fmt: skip
    return [obj for part in parts for obj in part]


def image_of(settings: Settings, image: str) -> str:
    """The reference that is written; where nobody has named one, the project's name stands in its place."""
    if image and not image.startswith("sha256:"):
        return image
    name = settings.build.image or settings.name
    return f"{name.partition('@')[0]}@{image}" if image else name
