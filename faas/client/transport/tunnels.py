"""A connection to a host and a port, straight or through a proxy, for what httpx does not speak.

Source: RFC 9110, 9.3.6 (CONNECT) and 11.7.1 (Proxy-Authorization).
"""

from __future__ import annotations

import base64
import socket
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from faas.client.kubeconfigs.servers import without_password
from faas.client.transport import socks

_MOST_BYTES = 65536  # of what a proxy says before it connects
_WORDS = 200  # of its refusal that are shown
_PORTS = {"http": 80, "socks5": 1080, "socks5h": 1080}  # both have the proxy look up the name


class ProxyFailed(OSError):
    """The proxy does not connect; `strerror` says why."""

    def __init__(self, proxy: str, why: str) -> None:
        super().__init__(None, f"the proxy {proxy} {why}")

    def __str__(self) -> str:
        return str(self.strerror)


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP or SOCKS proxy. `told` is how it may be shown."""

    host: str
    port: int
    told: str
    is_http: bool = True
    credentials: tuple[str, str] | None = field(default=None, repr=False)

    @classmethod
    def of_url(cls, url: str) -> Proxy:
        """Raises: ProxyFailed: it is one of another kind, or no URL."""
        told = without_password(url)
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise ProxyFailed(told, "has a URL with a port or an address that there cannot be") from None
        if parts.scheme not in _PORTS:
            raise ProxyFailed(told, f"is none that can be used here; known are {', '.join(_PORTS)}")
        if not host:
            raise ProxyFailed(told, "has a URL without a host")
        credentials = None if parts.username is None else (unquote(parts.username), unquote(parts.password or ""))
        return cls(host, port or _PORTS[parts.scheme], told, parts.scheme == "http", credentials)

    @property
    def authorization(self) -> str:
        """What an HTTP proxy wants as Proxy-Authorization; "": nothing."""
        if self.credentials is None:
            return ""
        return f"Basic {base64.b64encode(':'.join(self.credentials).encode()).decode()}"

    def dial(self, timeout_s: float) -> socket.socket:
        """A connection to the proxy itself. Raises: ProxyFailed."""
        try:
            return socket.create_connection((self.host, self.port), timeout_s)
        except OSError as error:
            raise ProxyFailed(self.told, f"does not answer: {error.strerror or error}") from error


def connect(host: str, port: int, proxy: Proxy | None, *, timeout_s: float) -> socket.socket:
    """A connection that leads there, whatever is spoken over it. Raises: OSError, of a proxy ProxyFailed."""
    if proxy is None:
        return socket.create_connection((host, port), timeout_s)
    connection = proxy.dial(timeout_s)
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        if proxy.is_http:
            _ask_to_connect(connection, target, proxy)
        else:
            socks.connect(connection, host, port, proxy.credentials)
    except ProxyFailed:
        connection.close()
        raise
    except socks.SocksRefused as error:
        connection.close()
        raise ProxyFailed(proxy.told, f"does not connect to {target}: {error}") from error
    except OSError as error:
        connection.close()
        raise ProxyFailed(proxy.told, f"broke the connection: {error.strerror or error}") from error
    return connection


def _ask_to_connect(connection: socket.socket, target: str, proxy: Proxy) -> None:
    """Raises: ProxyFailed, OSError."""
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}", "User-Agent: faas"]
    lines += [f"Proxy-Authorization: {proxy.authorization}"] if proxy.authorization else []
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    said = _read_head(connection).partition(b"\r\n")[0].decode(errors="replace")
    _, _, answer = said.partition(" ")
    if not answer.startswith("2"):
        raise ProxyFailed(proxy.told, f"does not connect to {target}: {answer[:_WORDS] or 'it says nothing'}")


def _read_head(connection: socket.socket) -> bytes:
    """Byte by byte, since what comes after it is not the proxy's; it is short, and the kernel has it already."""
    head = b""
    while not head.endswith(b"\r\n\r\n") and len(head) < _MOST_BYTES and (byte := connection.recv(1)):
        head += byte
    return head
