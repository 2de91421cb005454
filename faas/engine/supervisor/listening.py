"""The listening sockets: they outlive gateway and engine, so a client that connects meanwhile only waits."""

from __future__ import annotations

import contextlib
import errno
import os
import socket

from faas.engine.supervisor.errors import AddressRefused, PortInUse
from faas.engine.supervisor.processes import port_owner

_BACKLOG = 4096  # net.core.somaxconn of current kernels; who waits here while a process restarts is not lost
_API_PORT_FIRST, _API_PORT_LAST = 16443, 16542  # below Linux' range of ports for outgoing connections
_LOOPBACK = "127.0.0.1"


class Sockets:
    """What clients and the engine's own processes connect to."""

    def __init__(self, public: socket.socket, api: socket.socket, internal: socket.socket, control: socket.socket):
        self.public, self.api, self.internal, self.control = public, api, internal, control

    @property
    def public_port(self) -> int:
        return int(self.public.getsockname()[1])

    @property
    def api_port(self) -> int:
        return int(self.api.getsockname()[1])

    def fds(self) -> dict[str, int]:
        return {name: getattr(self, name).fileno() for name in ("public", "internal", "control", "api")}

    def close(self) -> None:
        for sock in (self.public, self.api, self.internal, self.control):
            sock.close()


def open_sockets(*, host: str, port: int, api_port: int, state_dir: str, runtime_dir: str) -> Sockets:
    """Bind everything or nothing.

    Raises: PortInUse, AddressRefused.
    """
    opened: list[socket.socket] = []
    try:
        opened.append(listen_tcp(host, port))
        opened.append(_listen_api(api_port, f"{state_dir}/api-port"))
        opened.extend(_listen_unix(f"{runtime_dir}/{name}.sock") for name in ("internal", "control"))
    except BaseException:
        for sock in opened:
            sock.close()
        raise
    return Sockets(*opened)


def listen_tcp(host: str, port: int) -> socket.socket:
    try:
        address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except socket.gaierror as error:
        raise AddressRefused(host, port, error.strerror or str(error)) from error
    sock = socket.socket(address[0], socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(address[4])
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(host, port, *port_owner(port)) from error
        raise AddressRefused(host, port, os.strerror(error.errno or 0)) from error
    sock.setblocking(False)
    return sock


def _listen_api(wanted: int, memory: str) -> socket.socket:
    """The API's port stays the same for a state, so that a kubeconfig that was handed out stays true."""
    if wanted:
        return listen_tcp(_LOOPBACK, wanted)
    remembered = _read_port(memory)
    candidates = [remembered] if remembered else []
    for port in [*candidates, *range(_API_PORT_FIRST, _API_PORT_LAST + 1), 0]:
        with contextlib.suppress(PortInUse):
            sock = listen_tcp(_LOOPBACK, port)
            with open(memory, "w") as file:
                file.write(str(sock.getsockname()[1]))
            return sock
    raise PortInUse(_LOOPBACK, _API_PORT_LAST, *port_owner(_API_PORT_LAST))


def _read_port(path: str) -> int:
    try:
        with open(path) as file:
            return int(file.read())
    except (OSError, ValueError):
        return 0


def _listen_unix(path: str) -> socket.socket:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)  # ours: the state is locked, so whoever made it is dead
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.bind(path)
    os.chmod(path, 0o600)
    sock.listen(_BACKLOG)
    sock.setblocking(False)
    return sock
