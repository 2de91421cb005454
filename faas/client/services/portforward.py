"""A connection to a port of a Pod through the API server: for whoever is outside and finds no other way in.

The kubernetes library speaks it, over a WebSocket (the extra `cluster`); it is imported when the first one is opened.
The connection under it is ours: believed, proxied and shown to the server as every other one, and as who is meant.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from faas.client.transport.connections import CONNECT_S, keepalive
from faas.client.transport.proxies import proxy_of
from faas.client.transport.refusals import error_of
from faas.client.transport.tunnels import Proxy, connect

if TYPE_CHECKING:
    from faas.client.credentials.identity import Identity
    from faas.client.kubeconfigs.cluster import Cluster
    from faas.client.services.ingress import PodPort

_PROTOCOL = "v4.channel.k8s.io"
_THREAD = "Kubernetes port forward proxy"
_ENDING_S = 5.0
_ANSWER_S = 30.0  # of the API server, which asks the node


class PortForwardMissing(Exception):
    """The library is not installed; `extra` is what brings it."""

    extra = "cluster"

    def __init__(self) -> None:
        super().__init__("forwarding a port needs the kubernetes library, which is not installed")


class PortForwardFailed(Exception):
    """The API server, or the node behind it, refuses; `lacking` is the right that one would need."""

    def __init__(self, to: PodPort, reason: str, *, lacking: str = "") -> None:
        super().__init__(f"no port-forward to {to}: {reason}")
        self.to, self.reason, self.lacking = to, reason, lacking


@dataclass(frozen=True, slots=True)
class Forwarded:
    """`socket` is the connection; whoever uses it may close it."""

    socket: socket.socket
    _forward: Any
    _port: int

    @property
    def error(self) -> str:
        """What the node says of the connection that it should have made; "" while it says nothing."""
        return str(self._forward.error(self._port) or "").strip()


@contextmanager
def forwarded(cluster: Cluster, identity: Identity, to: PodPort) -> Iterator[Forwarded]:
    """Raises: PortForwardMissing, PortForwardFailed; KubeconfigError."""
    try:
        from kubernetes.stream.ws_client import PortForward
    except ImportError as error:
        raise PortForwardMissing from error
    before = set(threading.enumerate())
    forward: Any = PortForward(_websocket(cluster, identity, to), [to.port])  # type: ignore[no-untyped-call]
    wrapped = forward.socket(to.port)
    connection = socket.socket(fileno=os.dup(wrapped.fileno()))  # a real one, which TLS can be spoken over
    wrapped.close()
    try:
        yield Forwarded(connection, forward, to.port)
    finally:
        connection.close()
        # The library ends with what is closed first, but leaves a connection that the server ended to be collected.
        for thread in set(threading.enumerate()) - before:
            if thread.name.startswith(_THREAD):
                thread.join(_ENDING_S)
        forward.websocket.shutdown()


def _websocket(cluster: Cluster, identity: Identity, to: PodPort) -> Any:
    """One that is open. Raises: PortForwardFailed; KubeconfigError."""
    from websocket import WebSocket, WebSocketBadStatusException, WebSocketException  # the library's own

    pairs = [*cluster.impersonation]
    pairs += [("Authorization", identity.authorization)] if identity.authorization else []
    if not all(f"{name}{value}".isprintable() for name, value in pairs):
        raise PortForwardFailed(to, "a header of the kubeconfig has a character that none may have")
    headers = [f"{name}: {value}" for name, value in pairs]
    path = f"/api/v1/namespaces/{quote(to.namespace)}/pods/{quote(to.pod)}/portforward?ports={to.port}"
    websocket: Any = WebSocket(skip_utf8_validation=False)
    connection = _connection(cluster, identity, to)
    try:
        websocket.connect(
            f"ws{cluster.server.removeprefix('http')}{path}",
            socket=connection, header=headers, subprotocols=[_PROTOCOL], redirect_limit=0,
        )  # fmt: skip
        if (status := websocket.getstatus()) != 101:
            raise PortForwardFailed(to, f"the API server answered {status}")
        websocket.settimeout(None)
    except WebSocketBadStatusException as error:
        connection.close()
        raise _refused(to, error.status_code, error.resp_body or b"") from error
    except (OSError, WebSocketException) as error:
        connection.close()
        raise PortForwardFailed(to, _said(error)) from error
    except BaseException:
        connection.close()
        raise
    return websocket


def _connection(cluster: Cluster, identity: Identity, to: PodPort) -> socket.socket:
    """To the API server, as `transport.connections` makes them. Raises: PortForwardFailed; KubeconfigError."""
    from faas.client.credentials.tls import make_context

    server = urlsplit(cluster.server)
    is_tls = server.scheme == "https"
    host, port = server.hostname or "", server.port or (443 if is_tls else 80)
    tls = make_context(cluster, identity.certificate) if is_tls else None
    try:
        proxy = cluster.proxy_url or proxy_of(cluster.server, os.environ)
        connection = connect(host, port, Proxy.of_url(proxy) if proxy else None, timeout_s=CONNECT_S)
        try:
            for option in keepalive():
                connection.setsockopt(*option)
            connection.settimeout(_ANSWER_S)
            if tls is not None:
                connection = tls.wrap_socket(connection, server_hostname=cluster.tls_server_name or host)
        except BaseException:
            connection.close()
            raise
    except OSError as error:  # ssl's own are OSErrors
        raise PortForwardFailed(to, _said(error)) from error
    return connection


def _said(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)


def _refused(to: PodPort, code: int, body: bytes) -> PortForwardFailed:
    said = error_of(code, body).message
    if code in (401, 403) and "impersonate" not in said:
        right = f"you lack the right to create pods/portforward in namespace {to.namespace}"
        return PortForwardFailed(to, right, lacking="create pods/portforward")
    if code == 404:
        return PortForwardFailed(to, "there is no such Pod any more")
    return PortForwardFailed(to, said)
