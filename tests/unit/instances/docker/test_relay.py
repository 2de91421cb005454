"""Names of cluster-local services for containers, and the way that they lead."""

from __future__ import annotations

import asyncio
import logging
import socket
from pathlib import Path

import pytest

from faas.engine.instances.docker.relay import Relay, names_in
from tests.programs import free_port


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("http://city.default.svc.cluster.local", ("city.default.svc.cluster.local",), id="a URL"),
        pytest.param(
            "http://broker-ingress.knative-eventing.svc.cluster.local/default/orders",
            ("broker-ingress.knative-eventing.svc.cluster.local",),
            id="K_SINK",
        ),
        pytest.param(
            "a.b.svc.cluster.local:80,c.d.svc.cluster.local.",
            ("a.b.svc.cluster.local", "c.d.svc.cluster.local"),
            id="a list",
        ),
        pytest.param("http://example.com/svc.cluster.local", (), id="another host"),
        pytest.param("http://a.b.svc.cluster.local.evil.com", (), id="a longer name"),
        pytest.param("svc.cluster.local", (), id="the domain alone"),
    ],
)
def test_names_are_found_in_what_a_container_is_told(text: str, expected: tuple[str, ...]) -> None:
    assert names_in([text]) == expected


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"gateway: " + await reader.read())
    writer.close()


async def asked(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"hello")
    writer.write_eof()
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


def test_connections_of_our_containers_lead_to_the_gateway_and_no_others(tmp_path: Path) -> None:
    ours: set[str] = set()
    port = free_port()

    async def run() -> None:
        gateway = await asyncio.start_unix_server(echo, tmp_path / "internal.sock")
        relay = Relay(tmp_path / "internal.sock", ours.__contains__, port)
        assert await relay.open("127.0.0.1")
        assert await asked(port) == b""
        ours.add("127.0.0.1")
        assert await asked(port) == b"gateway: hello"
        await relay.close()
        gateway.close()

    asyncio.run(run())


def test_a_gateway_that_is_away_closes_the_connection(tmp_path: Path) -> None:
    port = free_port()

    async def run() -> None:
        relay = Relay(tmp_path / "nobody.sock", lambda address: True, port)
        assert await relay.open("127.0.0.1")
        assert await asked(port) == b""
        await relay.close()

    asyncio.run(run())


def test_a_port_that_cannot_be_had_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            relay = Relay(tmp_path / "internal.sock", lambda address: True, taken.getsockname()[1])
            assert not await relay.open("127.0.0.1")
            assert not await relay.open("127.0.0.1")

    with caplog.at_level(logging.WARNING):
        asyncio.run(run())
    assert len(caplog.records) == 1
    assert "cannot call cluster-local services" in caplog.text
