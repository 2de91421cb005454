"""The complete buildpack, once, for the Python that runs the tests; and apps that a lifecycle builds with it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from faas_builders.cnb.package import package
from faas_builders.target import Platform

from tests.integration.builders.cnb.lifecycle import Lifecycle
from tests.unit.builders.conftest import shared_cache

__all__ = ["shared_cache"]

MINOR = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture(scope="session")
def buildpack(tmp_path_factory: pytest.TempPathFactory, shared_cache: Path) -> Path:
    folder = tmp_path_factory.mktemp("buildpack") / "made"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(shared_cache))
        package(folder, Platform.of_this_machine(), (MINOR,), lambda line: None)
    return folder


@pytest.fixture
def lifecycle(buildpack: Path, tmp_path: Path) -> Lifecycle:
    """An app without files, built with the Python that runs the tests."""
    app = tmp_path / "workspace"
    app.mkdir()
    path = tmp_path / "path"
    path.mkdir()
    for name in ("python3", f"python{MINOR}"):
        (path / name).symlink_to(os.path.realpath(sys.executable))
    return Lifecycle(buildpack, app, tmp_path, path=f"{path}:/usr/bin:/bin")
