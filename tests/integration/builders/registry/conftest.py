"""Registries that misbehave, and clients that do not wait long for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from faas_builders.registry.client import Registry
from faas_builders.registry.credentials import Keychain

from tests.integration.builders.registry.faulty import FaultyRegistry, faulty_registry


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The credentials and proxies of whoever runs the tests have no part in them."""
    for name in ("REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))


@pytest.fixture
def faulty() -> Iterator[FaultyRegistry]:
    with faulty_registry() as registry:
        yield registry


class Client(Registry):
    """`waits` has the seconds that it would have waited."""

    def __init__(self, host: str, *, credentials: Keychain | None = None, timeout_s: float = 20.0) -> None:
        self.waits: list[float] = []
        super().__init__(host, credentials=credentials, timeout_s=timeout_s, wait=self.waits.append)


@pytest.fixture
def client(faulty: FaultyRegistry) -> Iterator[Client]:
    with Client(faulty.host) as client:
        yield client
