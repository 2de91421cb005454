"""One HTTP request over TCP, a Unix socket or a way that is open already, with the answer as a stream."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from faas.cli.errors import CommandError

if TYPE_CHECKING:
    from faas.client.transport.tunnels import Proxy


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None

    def through(self, proxy: Proxy, host: str) -> Request:
        """The same, for a proxy that is to hand it on to `host` (RFC 9112, absolute-form)."""
        shown = {"Proxy-Authorization": proxy.authorization} if proxy.authorization else {}
        return replace(self, path=f"http://{host}{self.path}", headers={**self.headers, **shown})


class Answer:
    """An answer whose body is still coming."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self._response = response
        self.status, self.reason = response.status, response.reason
        self.headers = {name.lower(): value for name, value in response.getheaders()}

    def chunks(self) -> Iterator[bytes]:
        """What has arrived, as soon as it has: streams show while they run."""
        while chunk := self._response.read1(65536):
            yield chunk


@contextmanager
def send(request: Request, host: str, address: str, *, timeout_s: float, hint: str = "") -> Iterator[Answer]:
    """Send to `address` (host:port or unix:/path) with Host `host`.

    Args: hint: what to do when nobody answers. Raises: CommandError: nobody does.
    """
    with _exchange(_connection(address, timeout_s), request, host, address, timeout_s, hint) as answer:
        yield answer


@contextmanager
def send_over(
    connection: socket.socket,
    request: Request,
    host: str,
    where: str,
    *,
    timeout_s: float,
    hint: str = "",
    tls: ssl.SSLContext | None = None,
    why: Callable[[], str] = str,
) -> Iterator[Answer]:
    """Send over a connection that is open, to whatever it leads to, with Host `host`.

    Args:
        where: what it leads to, in words.
        hint: what to do when it breaks.
        tls: to speak TLS over it, to a server that proves to be `host`.
        why: what others know of why it broke.
    Raises: CommandError: it breaks, or the certificate is another's.
    """
    opened = _OpenConnection(connection, host, timeout_s, tls)
    with _exchange(opened, request, host, where, timeout_s, hint, why) as answer:
        yield answer


def trusting(*, insecure: bool) -> ssl.SSLContext:
    """The system's authorities, and those that SSL_CERT_FILE names; or anybody."""
    context = ssl.create_default_context()
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


@contextmanager
def _exchange(
    connection: http.client.HTTPConnection,
    request: Request,
    host: str,
    where: str,
    timeout_s: float,
    hint: str,
    why: Callable[[], str] = str,
) -> Iterator[Answer]:
    try:
        headers = {"User-Agent": "faas", "Accept": "*/*", **request.headers, "Host": host}
        connection.request(request.method, request.path, body=request.body, headers=headers)
        yield Answer(connection.getresponse())
    except TimeoutError as error:
        raise CommandError(f"no answer within {timeout_s:g} s", "Wait longer with --timeout") from error
    except ConnectionRefusedError as error:
        raise CommandError(f"nobody listens on {where}", hint) from error
    except ssl.SSLCertVerificationError as error:
        what = f"the certificate of {where} is not that of {host}: {error.verify_message}"
        advice = "Have it trusted (SSL_CERT_FILE names more authorities), or take any certificate:  --insecure"
        raise CommandError(what, advice) from error
    except ValueError as error:  # a line end in a header; it would quote what may be a password
        raise CommandError("the request cannot be written: a header has a character that none may have") from error
    except (OSError, http.client.HTTPException) as error:
        said = why() or str(error) or type(error).__name__
        raise CommandError(f"the connection to {where} broke: {said}", hint) from error
    finally:
        connection.close()


def _connection(address: str, timeout_s: float) -> http.client.HTTPConnection:
    if address.startswith("unix:"):
        return _UnixConnection(address.removeprefix("unix:"), timeout_s)
    return http.client.HTTPConnection(address, timeout=timeout_s)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class _OpenConnection(http.client.HTTPConnection):
    def __init__(self, connection: socket.socket, host: str, timeout_s: float, tls: ssl.SSLContext | None) -> None:
        super().__init__(host, timeout=timeout_s)
        self._open, self._tls = connection, tls

    def connect(self) -> None:
        self._open.settimeout(self.timeout)
        self.sock = self._tls.wrap_socket(self._open, server_hostname=self.host) if self._tls else self._open
