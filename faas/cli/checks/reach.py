"""Whether an API server can be reached, as whom, and where on the way it ends when it cannot."""

from __future__ import annotations

import asyncio
import socket
import ssl
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from faas.cli.checks.check import Check
from faas.client.errors import ApiError, Forbidden, NotFound, Unauthorized, Unavailable

if TYPE_CHECKING:
    from faas.cli.checks.view import View
    from faas.client.kubeconfigs.cluster import Cluster

_STEP_S = 5.0
_SKEW_S = 60.0  # tokens and certificates that are a minute from being valid are refused by now
NOBODY = "system:anonymous"  # whom Kubernetes takes those for who show no credentials
_REVIEW = b'{"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}'


async def reachable(view: View) -> Check:
    """Whether it answers, and takes the credentials. Everything else needs this."""
    cluster, where = view.client.cluster, f"{view.client.cluster.server} (context {view.target.context})"
    try:
        who = await _user(view)
    except Unavailable as error:
        found, fix = await asyncio.to_thread(diagnose, cluster)
        return Check("reachable", "error", f"{where}: {found or error.message}", fix)
    except Unauthorized as error:
        fix = f"Log in to it again, or renew them in {cluster.source or 'the kubeconfig'}"
        return Check("reachable", "error", f"{where} does not take the credentials: {error.message}", fix)
    except Forbidden as error:
        who = NOBODY if NOBODY in error.message else ""
    except ApiError as error:
        return Check("reachable", "error", f"{where}: {error.message}", "Is it an API server of Kubernetes?")
    if who == NOBODY:
        return _as_nobody(where, cluster)
    return Check("reachable", "ok", where + (f" as {who}" if who else ""))


def _as_nobody(where: str, cluster: Cluster) -> Check:
    fix = f"Give its user credentials in {cluster.source or 'the kubeconfig'}, or log in again"
    return Check("reachable", "error", f"{where} knows you as nobody ({NOBODY})", fix)


async def kubernetes(view: View) -> Check:
    try:
        version = await view.client.version()
    except Forbidden as error:
        return Check("kubernetes", "unknown", error.message)
    return Check("kubernetes", "ok", str(version.get("gitVersion") or "of a version that it does not tell"))


async def clock(view: View) -> Check:
    """Tokens, certificates and leases are compared with the time."""
    there = await view.client.server_time()
    if there is None:
        return Check("clock", "unknown", "the server does not say what time it has")
    behind_s = (there - datetime.now(UTC)).total_seconds()
    if abs(behind_s) > _SKEW_S:
        way = "behind" if behind_s > 0 else "ahead of"
        found = f"this machine is {abs(behind_s):.0f} s {way} the cluster"
        return Check("clock", "warning", found, "Set it:  timedatectl set-ntp true")
    return Check("clock", "ok", "the same here and there")


async def _user(view: View) -> str:
    """Raises: ApiError."""
    try:
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        review = await view.client.ask("POST", path, content=_REVIEW, idempotent=True)
    except NotFound:  # a server before 1.28
        await view.client.version()
        return ""
    return str(((review.get("status") or {}).get("userInfo") or {}).get("username") or "")


def diagnose(cluster: Cluster) -> tuple[str, str]:
    """How far a connection gets, and what to do; ("", …) when it gets through. Blocking."""
    url = urlsplit(cluster.server)
    host, port = url.hostname or "", url.port or (443 if url.scheme == "https" else 80)
    try:
        socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        return (
            f"{host} has no address: {error.strerror or error}",
            f"Is the name right, and the VPN up?  getent hosts {host}",
        )
    try:
        connection = socket.create_connection((host, port), timeout=_STEP_S)
    except ConnectionRefusedError:
        return (
            f"nobody listens on {host}:{port}",
            "Is the cluster up, and is this its address?  kubectl config view --minify",
        )
    except OSError as error:
        fix = (
            f"Is a firewall or a VPN between, or does it need a proxy (HTTPS_PROXY)?  curl -vk {cluster.server}/version"
        )
        return f"no connection to {host}:{port} within {_STEP_S:g} s: {error}", fix
    with connection:
        if url.scheme != "https":
            return "", "It takes connections but does not answer; see the API server's log"
        return _diagnose_tls(cluster, connection, host)


def _diagnose_tls(cluster: Cluster, connection: socket.socket, host: str) -> tuple[str, str]:
    from faas.client.credentials.tls import make_context

    try:
        with make_context(cluster).wrap_socket(connection, server_hostname=cluster.tls_server_name or host):
            return "", "It takes connections but does not answer; see the API server's log"
    except ssl.SSLCertVerificationError as error:
        fix = f"Put the cluster's authority into certificate-authority-data of {cluster.source or 'the kubeconfig'}"
        return f"its certificate is not trusted: {error.verify_message}", fix
    except OSError as error:
        return f"TLS ends with: {error}", "Is a proxy between, or does the server want a client certificate?"
