"""The folder as it is now, as objects to apply; a value, so that two saves can be compared."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from faas_runtime.spec import Description

from faas.cli.eventing_rows import adapter_options, source_word
from faas.project.devimage import dev_bundle
from faas.project.environment import Environment, choose_environment
from faas.project.manifests import Overrides
from faas.project.objects import Objects, make_objects
from faas.project.services import ServiceSpec, make_services
from faas.project.settings import Settings, load_settings


@dataclass(frozen=True, slots=True)
class Project:
    """Where the code is and which Python runs it; read again when pyproject.toml or a lock file changes."""

    settings: Settings
    environment: Environment


@dataclass(frozen=True, slots=True)
class Desired:
    """What should be deployed: the same content and declarations give an equal value."""

    digest: str
    services: tuple[ServiceSpec, ...]
    objects: Objects

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
    return Project(settings, choose_environment(settings, python=python, variables=variables))


def make_desired(
    project: Project,
    description: Description,
    *,
    images: Path,
    namespace: str,
    overrides: Overrides,
    variables: Mapping[str, str] = os.environ,
) -> Desired:
    """Raises: ProjectError: options that cannot be; ProjectFileError."""
    services = make_services(description.functions, project.settings, variables=variables)
    bundle = dev_bundle(project.settings, project.environment, images)
    objects = make_objects(
        services,
        bundle.reference,
        project=project.settings.name,
        namespace=namespace,
        root=project.settings.root,
        variables=variables,
        overrides=overrides,
    )
    return Desired(bundle.digest, services, objects)
