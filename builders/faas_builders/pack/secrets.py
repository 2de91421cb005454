"""Secrets of a build, as a service binding: files in the build container that no layer gets.

Source: Service Binding for Kubernetes, "Workload Projection"; CNB bindings extension.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from faas_builders.errors import BuildError

NAME = "faas"
TARGET = f"/platform/bindings/{NAME}"
ENV = {"SERVICE_BINDING_ROOT": "/platform/bindings"}


def write_binding(secrets: Mapping[str, Path], folder: Path, docker_host: str) -> str:
    """Fill `folder` and return the volume that mounts it, read-only.

    Raises: BuildError: a secret's file is not there, or the engine is on another machine.
    """
    if docker_host and not docker_host.startswith("unix:"):
        reason = f"secrets are mounted from this machine, and the engine is at {docker_host}"
        raise BuildError(reason, "Build where the engine is, or let the platform bind them")
    folder.mkdir()
    (folder / "type").write_text(NAME)
    for name, path in secrets.items():
        try:
            shutil.copyfile(path, folder / name)
        except OSError as error:
            raise BuildError(f"secret {name}: {path}: {error.strerror}", "Name a file: --secret ID=FILE") from error
        # Builders run as users of their own; the folder around it keeps everybody else of this machine out.
        os.chmod(folder / name, 0o444)
    folder.chmod(0o755)
    return f"{folder}:{TARGET}:ro"
