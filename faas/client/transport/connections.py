"""How a connection to an API server is made, and what it means when one is not, or breaks."""

from __future__ import annotations

import os
import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from faas.client.credentials.tls import make_context
from faas.client.errors import ApiError, Unavailable, Untrusted
from faas.client.kubeconfigs.cluster import Cluster
from faas.client.kubeconfigs.files import KubeconfigError
from faas.client.transport._httpx import httpx
from faas.client.transport.proxies import proxy_of

CONNECT_S = 10.0  # with TLS, and perhaps a proxy between

# A peer that vanished without a word is noticed 30 s after its last one; client-go's HTTP/2 pings take 45 s.
_IDLE_S = 15  # silence before the kernel asks after it: a packet, which a peer that is there answers
_ASK_AGAIN_S = 5  # only one that did not answer is asked more often
_ASKED = 3
_GONE_S = _IDLE_S + _ASKED * _ASK_AGAIN_S  # also for what was sent and is not acknowledged, where the system has that

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_SILENCE: dict[type[Exception], str] = {
    httpx.ConnectTimeout: "no connection in time",
    httpx.ReadTimeout: "it took the request and fell silent",
    httpx.WriteTimeout: "it stopped taking the request",
}


def make_connections(cluster: Cluster, certificate: str) -> httpx.AsyncClient:
    """What opens connections to a cluster's API server, and keeps them.

    Args: certificate: PEM of a client certificate and its key that a plugin gave.
    Raises: KubeconfigError.
    """
    server = cluster.server
    tls = make_context(cluster, certificate) if server.startswith("https") else False
    proxy = cluster.proxy_url or proxy_of(server, os.environ)
    try:
        _ = urlsplit(proxy).port  # raises for one that there cannot be
        transport = httpx.AsyncHTTPTransport(
            verify=tls,
            proxy=httpx.Proxy(proxy) if proxy else None,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=30.0),
            socket_options=keepalive(),
        )
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        raise _bad_proxy(cluster, proxy) from error
    return httpx.AsyncClient(transport=transport, trust_env=False, follow_redirects=False)


def keepalive() -> list[tuple[int, int, int]]:
    """Socket options with which the kernel asks after a peer that is silent, and gives up one that is gone."""
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
    for name, value in (
        ("TCP_KEEPIDLE", _IDLE_S),
        ("TCP_KEEPALIVE", _IDLE_S),  # what macOS calls it
        ("TCP_KEEPINTVL", _ASK_AGAIN_S),
        ("TCP_KEEPCNT", _ASKED),
        ("TCP_USER_TIMEOUT", _GONE_S * 1000),
    ):
        if hasattr(socket, name):
            options.append((socket.IPPROTO_TCP, getattr(socket, name), value))
    return options


def was_sent(error: httpx.RequestError) -> bool:
    """Whether the server may have got the request, and carried it out."""
    return not isinstance(error, _NOT_SENT)


def unavailable(cluster: Cluster, error: Exception) -> ApiError:
    """What is said of a server that did not answer: Unavailable, or Untrusted."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    failure: ApiError
    if isinstance(cause, ssl.SSLCertVerificationError):
        failure = Untrusted(
            f"the API server at {cluster.server} shows a certificate that is not trusted: {cause.verify_message}"
        )
    else:
        what = _SILENCE.get(type(error)) or _words(error)
        failure = Unavailable(f"the API server at {cluster.server} does not answer: {what}")
    failure.context = cluster.context
    failure.__cause__ = error
    return failure


def _words(error: Exception) -> str:
    """What an exception says; but not of what we would have sent, which it quotes with its credentials."""
    if isinstance(error, httpx.LocalProtocolError):
        return "the request cannot be written: a header of the kubeconfig, or the other side ended in the middle"
    return str(error) or type(error).__name__


def _bad_proxy(cluster: Cluster, proxy: str) -> KubeconfigError:
    """Names no more of the proxy than its scheme: there may be a password in it."""
    scheme = proxy.partition("://")[0]
    who = "proxy-url" if cluster.proxy_url else "the environment"
    reason = f"the proxy that {who} names for {cluster.server} cannot be used ({scheme}://…)"
    hint = "Known are http, https and socks5"
    if scheme.startswith("socks"):
        hint = "SOCKS needs another package:  pip install 'faas[cluster]'"
    return KubeconfigError(Path(cluster.source), reason, hint)
