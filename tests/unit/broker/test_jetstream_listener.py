"""Whose process listens at a port."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import msgspec
import pytest

from faas.engine.broker.jetstream import connection
from faas.engine.broker.jetstream.listener import listener_uid
from faas.engine.contract.settings import EngineSettings, Listeners, NatsCredentials, NatsSettings


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells whose a socket is")
def test_a_listener_is_its_users() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
        assert listener_uid(port) == os.geteuid()
    assert listener_uid(port) is None


def test_where_nobody_tells_nothing_is_known() -> None:
    assert listener_uid(4222, ("/nowhere",)) is None


def test_another_users_process_at_the_port_of_nats_server_hears_no_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = EngineSettings(tmp_path, tmp_path, Listeners(-1, -1, -1, -1), nats=NatsSettings(port=4222))
    settings.nats_dir.mkdir()
    settings.nats_credentials.write_bytes(msgspec.json.encode(NatsCredentials("faas-broker", "secret")))
    monkeypatch.setattr(connection, "listener_uid", lambda port: os.geteuid())
    assert connection.server_of(settings).password == "secret"
    monkeypatch.setattr(connection, "listener_uid", lambda port: os.geteuid() + 1)
    with pytest.raises(PermissionError, match="not ours"):
        connection.server_of(settings)
