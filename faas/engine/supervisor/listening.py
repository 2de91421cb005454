"""The listening sockets: they outlive gateway and engine, so a client that connects meanwhile only waits."""

from __future__ import annotations

import contextlib
import errno
import os
import socket

from faas.engine.supervisor.errors import AddressRefused, PortInUse
from faas.engine.supervisor.processes import port_owner

_BACKLOG = 4096  # net.core.somaxconn of current kernels; who waits here while a process restarts is not lost
# Below Linux' range of ports for outgoing connections.
_API_PORTS = range(16443, 16543)
_NATS_PORTS = range(14222, 16422)
_UNIX = {
    "internal": "internal.sock",
    "control": "control.sock",
    "broker": "broker.sock",
    "broker_control": "brokerctl.sock",
}
_LOOPBACK = "127.0.0.1"


class Sockets:
    """What clients and the engine's own processes connect to."""

    def __init__(self, public: socket.socket, api: socket.socket, unix: dict[str, socket.socket]) -> None:
        self.public, self.api, self.unix = public, api, unix

    @property
    def public_port(self) -> int:
        return int(self.public.getsockname()[1])

    @property
    def api_port(self) -> int:
        return int(self.api.getsockname()[1])

    def fds(self) -> dict[str, int]:
        """As `faas.engine.contract.settings.Listeners` names them."""
        return {name: sock.fileno() for name, sock in self._named().items()}

    def close(self) -> None:
        for sock in self._named().values():
            sock.close()

    def _named(self) -> dict[str, socket.socket]:
        return {"public": self.public, "api": self.api, **self.unix}


def open_sockets(*, host: str, port: int, api_port: int, state_dir: str, runtime_dir: str) -> Sockets:
    """Bind everything or nothing.

    Raises: PortInUse, AddressRefused.
    """
    opened: list[socket.socket] = []
    try:
        opened.append(listen_tcp(host, port))
        # A kubeconfig that was handed out stays true.
        opened.append(listen_tcp(_LOOPBACK, api_port) if api_port else _remembered(f"{state_dir}/api-port", _API_PORTS))
        opened.extend(_listen_unix(f"{runtime_dir}/{name}") for name in _UNIX.values())
    except BaseException:
        for sock in opened:
            sock.close()
        raise
    return Sockets(opened[0], opened[1], dict(zip(_UNIX, opened[2:], strict=True)))


def choose_nats_port(folder: str) -> int:
    """Where nats-server of our own will listen; the same from start to start.

    It makes its socket itself, and later, if ever.
    """
    with _remembered(f"{folder}/port", _NATS_PORTS) as sock:
        return int(sock.getsockname()[1])


def check_free(host: str, port: int) -> None:
    """Raises: PortInUse, AddressRefused: for a program that will listen there, and would only tell its log."""
    listen_tcp(host, port).close()


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


def _remembered(memory: str, ports: range) -> socket.socket:
    """Listen on the port that a state had before, else on a free one of the range, else on any; it is written down.

    Where the search begins is a matter of chance: engines of several states would else all agree on the one that is
    free now, and whichever is down for a moment would find another on its own.
    """
    before = _read_port(memory)
    first = int.from_bytes(os.urandom(4), "big") % len(ports)
    for port in [*([before] if before else []), *ports[first:], *ports[:first], 0]:
        with contextlib.suppress(PortInUse):
            sock = listen_tcp(_LOOPBACK, port)
            with open(memory, "w") as file:
                file.write(str(sock.getsockname()[1]))
            return sock
    raise PortInUse(_LOOPBACK, ports[-1], *port_owner(ports[-1]))


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
