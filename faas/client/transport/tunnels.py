"""A connection to a host and a port, straight or through an HTTP proxy, for what httpx does not speak.

Source: RFC 9110, 9.3.6 (CONNECT) and 11.7.1 (Proxy-Authorization).
"""

from __future__ import annotations

import base64
import socket
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from faas.client.kubeconfigs.servers import without_password

_MOST_BYTES = 65536  # of what a proxy says before it connects
_WORDS = 200  # of its refusal that are shown


class ProxyFailed(OSError):
    """The proxy does not connect; `strerror` says why."""

    def __init__(self, proxy: str, why: str) -> None:
        super().__init__(None, f"the proxy {proxy} {why}")


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy. `told` is how it may be shown."""

    host: str
    port: int
    told: str
    authorization: str = field(default="", repr=False)  # a header's value

    @classmethod
    def of_url(cls, url: str) -> Proxy:
        """Raises: ProxyFailed: it is one of another kind, or no URL."""
        told = without_password(url)
        parts = urlsplit(url)
        if parts.scheme != "http":
            raise ProxyFailed(told, "is none that can be used here: it has to be http://HOST:PORT")
        try:
            host, port = parts.hostname, parts.port or 80
        except ValueError:
            host, port = None, 0
        if not host:
            raise ProxyFailed(told, "has a URL with a port or an address that there cannot be")
        if parts.username is None:
            return cls(host, port, told)
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        return cls(host, port, told, f"Basic {base64.b64encode(pair).decode()}")

    def dial(self, timeout_s: float) -> socket.socket:
        """Raises: ProxyFailed."""
        try:
            return socket.create_connection((self.host, self.port), timeout_s)
        except OSError as error:
            raise ProxyFailed(self.told, f"does not answer: {error.strerror or error}") from error


def connect(host: str, port: int, proxy: Proxy | None, *, timeout_s: float) -> socket.socket:
    """A connection that leads there, whatever is spoken over it. Raises: OSError, of a proxy ProxyFailed."""
    if proxy is None:
        return socket.create_connection((host, port), timeout_s)
    connection = proxy.dial(timeout_s)
    try:
        target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}", "User-Agent: faas"]
        lines += [f"Proxy-Authorization: {proxy.authorization}"] if proxy.authorization else []
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        said = _read_head(connection).partition(b"\r\n")[0].decode(errors="replace")
        _, _, answer = said.partition(" ")
        if not answer.startswith("2"):
            raise ProxyFailed(proxy.told, f"does not connect to {target}: {answer[:_WORDS] or 'it says nothing'}")
    except ProxyFailed:
        connection.close()
        raise
    except OSError as error:
        connection.close()
        raise ProxyFailed(proxy.told, f"broke the connection: {error.strerror or error}") from error
    return connection


def _read_head(connection: socket.socket) -> bytes:
    """Byte by byte, since what comes after it is not the proxy's; it is short, and the kernel has it already."""
    head = b""
    while not head.endswith(b"\r\n\r\n") and len(head) < _MOST_BYTES and (byte := connection.recv(1)):
        head += byte
    return head
