"""A nats-server for each test that asks for one, and the engine's settings around it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from faas.engine.contract.settings import EngineSettings
from tests.broker_world import broker_settings
from tests.nats_world import Nats, running_nats


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[Nats]:
    with running_nats(tmp_path / "nats") as server:
        yield server


@pytest.fixture
def settings(nats: Nats) -> Iterator[EngineSettings]:
    with broker_settings(nats) as made:
        yield made
