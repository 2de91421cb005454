"""What is said about FAAS_NATS_URL before an engine starts with it."""

from __future__ import annotations

import socket

import pytest

from faas.cli.errors import CommandError
from faas.cli.own_nats import addresses_of, trouble_of


@pytest.mark.parametrize(
    ("url", "addresses"),
    [
        ("nats://a:4223", [("a", 4223)]),
        ("tls://me:secret@a", [("a", 4222)]),
        ("a, nats://b:1", [("a", 4222), ("b", 1)]),
        ("wss://a", [("a", 443)]),
        ("nats://[::1]:4222", [("::1", 4222)]),
    ],
)
def test_each_server_of_an_address_is_known(url: str, addresses: list[tuple[str, int]]) -> None:
    assert addresses_of(url) == addresses


@pytest.mark.parametrize("url", ["http://a:4222", "nats://", "nats://a:b", "nats://a,", "nats://me:secret@a:70000"])
def test_what_is_no_address_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(CommandError, match="FAAS_NATS_URL") as refused:
        addresses_of(url)
    assert "secret" not in str(refused.value)


def test_one_server_that_listens_is_enough() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # taken, and nobody listens
        here, gone = listening.getsockname()[1], silent.getsockname()[1]
        assert trouble_of(f"127.0.0.1:{gone}") == f"127.0.0.1:{gone}: Connection refused"
        assert trouble_of(f"127.0.0.1:{gone},127.0.0.1:{here}") == ""
