"""A SOCKS5 proxy that is asked to connect, over a connection to it. Source: RFC 1928, RFC 1929.

Read to the byte: what comes after the proxy's answers is not the proxy's.
"""

from __future__ import annotations

import socket
from typing import Final

_VERSION: Final = 5
_NO_PASSWORD, _PASSWORD = 0, 2
_ADDRESS_BYTES = {1: 4, 4: 16}  # of the kinds of address that an answer may have; a name says its own length
_NAME: Final = 3
_MOST: Final = 255  # bytes of a name, or of a password
_WHY = {
    1: "it failed",
    2: "its rules forbid it",
    3: "the network cannot be reached",
    4: "the host cannot be reached",
    5: "connection refused",
    6: "it took too long",
}


class SocksRefused(Exception):
    """The proxy does not connect, and why."""


def connect(connection: socket.socket, host: str, port: int, credentials: tuple[str, str] | None) -> None:
    """Have the proxy lead on to a host, whose name it looks up. Raises: SocksRefused, OSError."""
    method = _NO_PASSWORD if credentials is None else _PASSWORD
    connection.sendall(bytes([_VERSION, 1, method]))
    version, chosen = _read(connection, 2)
    if version != _VERSION:
        raise SocksRefused("it does not speak SOCKS5")
    if chosen != method:
        raise SocksRefused("it wants a password" if credentials is None else "it takes no password")
    if credentials is not None:
        _show(connection, credentials)
    connection.sendall(bytes([_VERSION, 1, 0, _NAME]) + _counted(host) + port.to_bytes(2, "big"))
    _, code, _, kind = _read(connection, 4)
    if code:
        raise SocksRefused(_WHY.get(code, f"it answered {code}"))
    _read(connection, (_ADDRESS_BYTES.get(kind) or _read(connection, 1)[0]) + 2)


def _show(connection: socket.socket, credentials: tuple[str, str]) -> None:
    name, password = credentials
    connection.sendall(b"\x01" + _counted(name) + _counted(password))
    if _read(connection, 2)[1]:
        raise SocksRefused("the password is wrong")


def _counted(text: str) -> bytes:
    data = text.encode()
    if not 0 < len(data) <= _MOST:
        raise SocksRefused("a name or a password is empty, or too long for SOCKS")
    return bytes([len(data)]) + data


def _read(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise SocksRefused("it ended the connection")
        data += piece
    return data
