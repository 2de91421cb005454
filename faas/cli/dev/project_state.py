"""The folder as it is now, as objects to apply; a value, so that two saves can be compared."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from faas_builders.builder import Report, silent
from faas_runtime.declaring.spec import Description

from faas.cli.dev.containers import container_image
from faas.cli.eventing.rows import adapter_options, source_word
from faas.deploy.images.choice import choose, wants_container
from faas.project.errors import ProjectError
from faas.project.manifests.objects import Objects, make_objects
from faas.project.manifests.podspec import Overrides
from faas.project.pyproject.build_settings import BuildSettings
from faas.project.pyproject.settings import Settings, load_settings
from faas.project.python.devimage import dev_bundle
from faas.project.python.environment import Environment, choose_environment
from faas.project.secret_values import Values, read_config, read_secret
from faas.project.services import ServiceSpec, make_services


@dataclass(frozen=True, slots=True)
class Project:
    """Where the code is and which Python runs it; read again when pyproject.toml or a lock file changes."""

    settings: Settings
    environment: Environment
    secrets: Mapping[str, Values] = field(default_factory=dict)  # that the project declares
    missing: tuple[str, ...] = ()  # why others are not to be had: here somebody may do without


@dataclass(frozen=True, slots=True)
class Desired:
    """What should be deployed: the same content and declarations give an equal value."""

    services: tuple[ServiceSpec, ...]
    objects: Objects  # they name images by digest
    in_container: frozenset[str] = frozenset()  # names of services

    def inboxes(self, root: Path) -> frozenset[Path]:
        """The folders below `root` that a function's `files` source watches."""
        watched = (
            root / str(adapter_options(source)["path"]) for source in self.objects.sources
            if source_word(source) == "files"
        )  # fmt: skip
        return frozenset(folder for folder in watched if root in folder.parents)


def load_project(path: Path, python: Path | None, variables: Mapping[str, str] = os.environ) -> Project:
    """Raises: ProjectError, BuildError."""
    settings = load_settings(path)
    environment = choose_environment(settings, python=python, variables=variables)
    secrets: dict[str, Values] = {}
    missing: list[str] = []
    for name, declared in settings.secrets.items():
        try:
            secrets[name] = read_secret(declared, root=settings.root, variables=variables)
        except ProjectError as error:
            missing.append(error.message)
    return Project(settings, environment, secrets, tuple(missing))


def make_desired(
    project: Project,
    description: Description,
    *,
    images: Path,
    namespace: str,
    overrides: Overrides,
    container: bool | None = None,
    report: Report = silent,
    variables: Mapping[str, str] = os.environ,
) -> Desired:
    """Args:
        container: how all functions run, over what each says.
        report: is told what the image for containers goes through, where there is one.
    Raises: ProjectError: options that cannot be; BuildError.
    """
    settings = project.settings
    flags = {} if container is None else {"container": container}
    services = make_services(description.functions, settings, variables=variables, flags=flags)
    choice = choose(BuildSettings(), settings.build, "run")
    in_container = {spec.name: wants_container(spec, choice) for spec in services}
    made = {}
    if False in in_container.values():
        made[False] = dev_bundle(settings, project.environment, images).reference
    if True in in_container.values():
        made[True] = container_image(settings, choice, services, images, report)
    objects = make_objects(
        services,
        {name: made[way] for name, way in in_container.items()},
        project=settings.name,
        namespace=namespace,
        root=settings.root,
        variables=variables,
        overrides=overrides,
        settings=settings,
        config=read_config(settings.config, root=settings.root, variables=variables),
        secrets=project.secrets,
    )
    return Desired(services, objects, frozenset(name for name, way in in_container.items() if way))
