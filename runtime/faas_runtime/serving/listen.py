"""Opens the socket that a `bind` address names."""

from __future__ import annotations

import os
import socket
import stat


class CannotListen(Exception):
    """The message says where, why, and what would help."""


def listen(bind: str, *, backlog: int) -> socket.socket:
    """Raises: CannotListen."""
    kind, _, rest = bind.partition(":")
    if kind == "fd":
        return _adopt(int(rest))
    try:
        if kind == "unix":
            return _listen_unix(rest, backlog)
        host, _, port = rest.rpartition(":")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host.strip("[]"), int(port)), family=family, backlog=backlog)
    except OSError as error:
        raise CannotListen(
            f"cannot listen on {rest}: {error.strerror or error}\n"
            "  Choose another address with PORT, FAAS_HOST or FAAS_BIND"
        ) from error


def _adopt(fd: int) -> socket.socket:
    try:
        sock = socket.socket(fileno=fd)
        listening = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise CannotListen(f"cannot listen on file descriptor {fd}: {error.strerror}") from error
    if not listening:
        raise CannotListen(f"cannot listen on file descriptor {fd}: that socket does not listen")
    sock.setblocking(False)
    return sock


def _listen_unix(path: str, backlog: int) -> socket.socket:
    # What a killed process left behind is in the way; anything but a socket is not ours to remove.
    if os.path.exists(path) and stat.S_ISSOCK(os.stat(path).st_mode):
        os.unlink(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(path)
        sock.listen(backlog)
    except OSError:
        sock.close()
        raise
    return sock
