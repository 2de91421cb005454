"""The folder as it is now, as Services to apply; a value, so that two saves can be compared."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from faas_runtime.spec import Description

from faas.client.protocol import Object
from faas.project.devimage import dev_bundle
from faas.project.environment import Environment, choose_environment
from faas.project.manifests import Overrides, make_service
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
    manifests: tuple[Object, ...]


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
    name = project.settings.name
    manifests = tuple(
        make_service(spec, bundle.reference, project=name, namespace=namespace, overrides=overrides)
        for spec in services
    )
    return Desired(bundle.digest, services, manifests)
