"""A connection to a port of a Pod through the API server: for whoever is outside and finds no other way in.

The kubernetes library does it, over a WebSocket (the extra `cluster`); it is imported when the first one is opened.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faas.client.transport.proxies import proxy_of

if TYPE_CHECKING:
    from faas.client.credentials.identity import Identity
    from faas.client.kubeconfigs.cluster import Cluster
    from faas.client.services.ingress import PodPort

_THREAD = "Kubernetes port forward proxy"
_ENDING_S = 5.0
_HANDSHAKE = re.compile(r"Handshake status (\d{3})")


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
    """Raises: PortForwardMissing, PortForwardFailed."""
    try:
        from kubernetes.client import ApiClient, CoreV1Api
        from kubernetes.client.exceptions import ApiException
        from kubernetes.stream import portforward
    except ImportError as error:
        raise PortForwardMissing from error
    if cluster.impersonation:
        raise PortForwardFailed(to, "the library cannot act as somebody else (impersonation)")
    before = set(threading.enumerate())
    with tempfile.TemporaryDirectory(prefix="faas-") as folder:  # it takes files; they are read when it connects
        client: Any = ApiClient(_configuration(cluster, identity, Path(folder)))
        if identity.authorization:
            client.set_default_header("authorization", identity.authorization)
        core = CoreV1Api(client)
        try:
            forward = portforward(core.connect_get_namespaced_pod_portforward, to.pod, to.namespace, ports=str(to.port))
        except ApiException as error:
            raise _failed(to, error) from error
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


def _configuration(cluster: Cluster, identity: Identity, folder: Path) -> Any:
    from kubernetes.client import Configuration

    def kept(name: str, text: str) -> str | None:
        if not text:
            return None
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
        return str(path)

    made = Configuration()
    made.host = cluster.server
    made.verify_ssl = not cluster.insecure
    # Without one it would believe those of a package rather than those of this machine.
    made.ssl_ca_cert = kept("ca.crt", cluster.ca_data) or ssl.get_default_verify_paths().cafile
    own = identity.certificate  # both in one
    made.cert_file = kept("client.crt", own or cluster.client_cert_data) or _named(cluster.client_cert)
    made.key_file = kept("client.key", own or cluster.client_key_data) or _named(cluster.client_key)
    if cluster.tls_server_name:
        made.tls_server_name = cluster.tls_server_name
    made.proxy = cluster.proxy_url or proxy_of(cluster.server, os.environ) or None
    return made


def _named(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _failed(to: PodPort, error: Exception) -> PortForwardFailed:
    said = str(getattr(error, "reason", "") or error)
    found = _HANDSHAKE.search(said)
    if found and found[1] in ("401", "403"):
        right = f"you lack the right to create pods/portforward in namespace {to.namespace}"
        return PortForwardFailed(to, right, lacking="create pods/portforward")
    if found and found[1] == "404":
        return PortForwardFailed(to, "there is no such Pod any more")
    return PortForwardFailed(to, said.partition("-+-+-")[0].strip())
