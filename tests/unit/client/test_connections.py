"""What the kernel is asked to do about a peer that is gone without a word."""

from __future__ import annotations

import socket
import sys

import pytest

from faas.client.transport.connections import keepalive


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other options")
def test_a_peer_that_vanished_is_noticed_within_half_a_minute() -> None:
    with socket.socket() as connection:
        for option in keepalive():
            connection.setsockopt(*option)

        def value(name: int) -> int:
            return connection.getsockopt(socket.IPPROTO_TCP, name)

        assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        idle, again, count = (value(name) for name in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT))
        assert (idle, idle + again * count, value(socket.TCP_USER_TIMEOUT)) == (15, 30, 30_000)
