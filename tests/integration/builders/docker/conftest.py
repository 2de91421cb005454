"""A small project, a cache of its own, and bases that the Docker engine has."""

from __future__ import annotations

from typing import Any

import pytest

from tests.containers_world import MadeImage
from tests.unit.builders.conftest import cache, project, shared_cache

__all__ = ["cache", "project", "shared_cache"]


@pytest.fixture
def base(docker: Any, debian_base: MadeImage) -> str:
    name = "faas-test-python:3.11"
    debian_base.load(docker, name)
    return name


@pytest.fixture
def shell(docker: Any, busybox: MadeImage) -> str:
    name = "faas-test-shell:1"
    busybox.load(docker, name)
    return name
