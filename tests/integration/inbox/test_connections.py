"""Connections of people who send nothing: letters get in beside them, and theirs end."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from faas.inbox.connections import CONNECTIONS, OF_A_PEER
from faas.inbox.serving import HEAD_S
from tests.inbox_world import RunningInbox, event_headers, running_inbox
from tests.programs import DEADLINE_S

HEALTH = b"GET /healthz HTTP/1.1\r\nhost: store\r\n\r\n"
HEAD = b"POST /default/on-order HTTP/1.1\r\nhost: store\r\n"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RunningInbox]:
    with running_inbox(tmp_path) as inbox:
        yield inbox


@pytest.fixture
def held() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def connect(
    store: RunningInbox, held: ExitStack, count: int, sending: bytes, peer: str = "127.0.0.1"
) -> list[socket.socket]:
    """Args: peer: a machine of this number has all of 127.0.0.0/8."""
    made = []
    for _ in range(count):
        address = ("127.0.0.1", store.program.port)
        made.append(held.enter_context(socket.create_connection(address, DEADLINE_S, source_address=(peer, 0))))
        if sending:
            made[-1].sendall(sending)
    return made


def is_healthy(connection: socket.socket) -> bool:
    answer = b""
    while not answer.endswith(b"\r\n\r\nok\n"):
        more = connection.recv(1024)
        assert more, answer
        answer += more
    return answer.startswith(b"HTTP/1.1 200")


def is_over(connection: socket.socket) -> bool:
    """Wait until the server ends it."""
    connection.settimeout(HEAD_S + DEADLINE_S)
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize(
    "sending",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(HEAD, id="half a head"),
        pytest.param(HEAD + b"content-length: 9\r\n\r\n{", id="half a body"),
    ],
)
@pytest.mark.parametrize("peer", ["127.0.0.1", "127.0.0.2"])
def test_a_letter_gets_in_beside_many_connections_that_are_only_held(
    store: RunningInbox, held: ExitStack, sending: bytes, peer: str
) -> None:
    connect(store, held, CONNECTIONS + 88, sending, peer)

    assert store.post("/default/on-order", b"{}", **event_headers(1)).status_code == 202
    assert store.ask("GET", "/streams").json() == {"streams": {"": 1}}


def test_who_holds_most_makes_room_for_the_others(store: RunningInbox, held: ExitStack) -> None:
    (modest,) = connect(store, held, 1, HEALTH, "127.0.0.3")
    assert is_healthy(modest)
    greedy = [connect(store, held, OF_A_PEER + 20, b"", f"127.0.0.{number}") for number in (4, 5, 6)]

    modest.sendall(HEALTH)

    assert is_healthy(modest)
    assert is_over(greedy[0][0])


def test_a_head_that_does_not_come_ends_its_connection(store: RunningInbox, held: ExitStack) -> None:
    silent, slow, second = (connect(store, held, 1, sending)[0] for sending in (b"", HEAD, b""))
    second.sendall(HEALTH)
    assert is_healthy(second)
    second.sendall(HEAD)

    assert all(is_over(each) for each in (silent, slow, second))
