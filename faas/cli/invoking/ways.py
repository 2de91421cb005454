"""The ways to a function of a cluster from here: by its name, by the ingress, or through the API server.

The first two go through the proxy that the environment names for them, as curl would; the last as all requests to the
API server do.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from faas.cli.errors import CommandError
from faas.client.errors import ApiError, Forbidden
from faas.client.services.access import Access, is_allowed
from faas.client.services.ingress import (
    NoIngress,
    PodPort,
    addresses_of,
    gateway_of,
    is_ready,
    pod_behind,
    read_gateway,
)
from faas.client.transport.proxies import proxy_of
from faas.client.transport.tunnels import Proxy, ProxyFailed, connect
from faas.resources import keys
from faas.resources.kinds import POD

if TYPE_CHECKING:
    from faas.client.credentials.identity import Identity
    from faas.client.http.client import HttpClient
    from faas.client.kubeconfigs.cluster import Cluster
    from faas.client.protocol import Object

CONNECT_S = 3.0  # an address that leads nowhere must not hold up the next way
_PROXY_S = 10.0  # a proxy looks for the address itself
_QUEUE_PORTS = ("queue-port", "http-queue")  # of Knative's proxy beside a function
_MAGIC = re.compile(r"(?:^|[.-])(\d{1,3}(?:[.-]\d{1,3}){3})\.(?:sslip|nip|xip)\.io\Z")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Way:
    """`told` names it for people. It is an open connection, or a Pod to forward to."""

    told: str
    connection: socket.socket | None = None
    forward: PodPort | None = None
    past_ingress: bool = False  # straight to one instance: no split, no start from zero
    proxy: Proxy | None = None  # the connection leads to it, and it is to hand the request on


@dataclass(frozen=True, slots=True)
class Call:
    """Whom to call: a URL that the Service has, and the Revision that most of its requests go to."""

    service: Object
    url: str
    revision: str
    is_internal: bool
    flags: str = ""  # what names the place on a command line, for hints

    @property
    def name(self) -> str:
        return str(self.service["metadata"]["name"])

    @property
    def namespace(self) -> str:
        return str(self.service["metadata"]["namespace"])


async def find_way(client: HttpClient, call: Call, via: str) -> Way:
    """The first way that is open.

    Args: via: `ingress`, `port-forward`, or a URL whose host and port are dialled; "" is whatever works.
    Raises: CommandError: there is none; it says why for each.
    """
    if "://" in via:
        return await _by_url(call, via)
    steps: list[Callable[[], Awaitable[Way]]] = []
    if not via:
        steps.append(lambda: _by_name(call))
    if via in ("", "ingress"):
        steps.append(lambda: _by_ingress(client, call))
    if via in ("", "port-forward"):
        steps += [lambda: _by_forward(client, call), lambda: _past_ingress(client, call)]
    reasons: list[str] = []
    for step in steps:
        try:
            return await step()
        except NoIngress as missing:
            if missing.reason not in reasons:
                reasons.append(missing.reason)
        except ApiError as error:
            reasons.append(error.message)
    raise CommandError(f"there is no way to {call.name} from here", _other_way(call), "\n".join(reasons))


@contextmanager
def opened(
    way: Way, call: Call, cluster: Cluster, identity: Identity
) -> Iterator[tuple[socket.socket, Callable[[], str]]]:
    """The connection, and what to ask for why it broke. Raises: CommandError: it cannot be forwarded to."""
    if way.connection is not None:
        with way.connection:
            yield way.connection, lambda: ""
        return
    from faas.client.services.portforward import PortForwardFailed, PortForwardMissing, forwarded

    assert way.forward is not None
    hint = _other_way(call)
    try:
        with forwarded(cluster, identity, way.forward) as forward:
            yield forward.socket, lambda: forward.error
    except PortForwardMissing as error:
        raise CommandError(str(error), f"Install it:  pip install 'faas[{error.extra}]'\n{hint}") from error
    except PortForwardFailed as error:
        raise CommandError(str(error), hint) from error


def _other_way(call: Call) -> str:
    return f"Name an address that leads there:  faas invoke {call.name} --via http://HOST:PORT{call.flags}"


async def _by_url(call: Call, via: str) -> Way:
    try:
        return await _dialled(via, f"no connection to {via}", _proxy_of(call.url, via))
    except NoIngress as error:
        raise CommandError(f"there is no way to {call.name} from here", _other_way(call), error.reason) from error


async def _by_name(call: Call) -> Way:
    url = urlsplit(call.url)
    host = url.hostname or ""
    told = address_in(host)
    address = f"{url.scheme}://{told}:{url.port}" if url.port else f"{url.scheme}://{told}"
    if not call.is_internal and (proxy := _proxy_of(*([address] if told else []), call.url)) is not None:
        return await _by_proxy(call, proxy)
    try:
        await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        if not told:
            raise NoIngress(f"{host} has no address here") from None
        return Way(told, (await _dialled(address, f"{told} does not answer")).connection)
    return Way("", (await _dialled(call.url, f"{host} does not answer")).connection)


async def _by_proxy(call: Call, proxy: Proxy) -> Way:
    """A name that need not mean anything here: the proxy looks it up."""
    if urlsplit(call.url).scheme == "https" or not proxy.is_http:
        return await _dialled(call.url, "", proxy)
    try:
        connection = await asyncio.to_thread(proxy.dial, CONNECT_S)
    except OSError as error:
        raise NoIngress(str(error.strerror)) from None
    return Way(f"the proxy {proxy.told}", connection, proxy=proxy)


def _proxy_of(*urls: str) -> Proxy | None:
    """The proxy for the last of these, which all mean the same place; None where one of them is excepted."""
    found = [proxy_of(url, os.environ) for url in urls]
    try:
        return Proxy.of_url(found[-1]) if all(found) else None
    except OSError as error:
        raise NoIngress(str(error.strerror)) from None


def address_in(host: str) -> str:
    """The address that names under sslip.io and nip.io have in them; "" in others.

    Many routers, and machines without a way out, do not resolve these: their DNS gives private addresses. Pure.
    """
    found = _MAGIC.search(host)
    return found[1].replace("-", ".") if found else ""


async def _by_ingress(client: HttpClient, call: Call) -> Way:
    gateway = await gateway_of(client, call.name, call.namespace, internal=call.is_internal)
    service = await read_gateway(client, gateway)
    scheme = urlsplit(call.url).scheme
    addresses, why = await addresses_of(client, service, scheme, client.cluster.server)
    reasons: list[str] = []
    for address in addresses:
        url = f"{scheme}://{address}"
        try:
            way = await _dialled(url, f"the ingress does not answer at {address}", _proxy_of(call.url, url))
        except NoIngress as missing:
            reasons.append(missing.reason)
        else:
            return replace(way, told=f"ingress {gateway} at {way.told.removeprefix(f'{scheme}://')}")
    raise NoIngress("; ".join(dict.fromkeys(text for text in (*reasons, why) if text)))


async def _by_forward(client: HttpClient, call: Call) -> Way:
    gateway = await gateway_of(client, call.name, call.namespace, internal=call.is_internal)
    pod = await pod_behind(client, await read_gateway(client, gateway), urlsplit(call.url).scheme)
    await _may_forward(client, pod.namespace)
    return Way(f"port-forward to {pod}", forward=pod)


async def _past_ingress(client: HttpClient, call: Call) -> Way:
    """To an instance itself: what is left to whoever has rights in one namespace only, and no road there."""
    selector = f"{keys.REVISION_LABEL}={call.revision}"
    try:
        pods = (await client.list(POD, call.namespace, label_selector=selector)).items
    except Forbidden as error:
        raise NoIngress(error.message) from None
    ready = next(filter(is_ready, pods), None)
    if ready is None:
        raise NoIngress(f"{call.revision} has no instance to forward to, and only the ingress can have one started")
    for container in ready["spec"].get("containers") or ():
        for port in container.get("ports") or ():
            if port.get("name") in _QUEUE_PORTS:
                await _may_forward(client, call.namespace)
                pod = PodPort(call.namespace, str(ready["metadata"]["name"]), int(port["containerPort"]))
                return Way(f"port-forward to {pod}", forward=pod, past_ingress=True)
    raise NoIngress(f"Pod {ready['metadata']['name']} has no port of Knative's proxy")


async def _may_forward(client: HttpClient, namespace: str) -> None:
    """Raises: NoIngress. Asked before, so that there is another way left to try."""
    if not await is_allowed(client, Access("", "pods/portforward", "create"), namespace):
        raise NoIngress("no port-forward", lacking="create pods/portforward", namespace=namespace)


async def _dialled(url: str, what: str, proxy: Proxy | None = None) -> Way:
    """Raises: NoIngress."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _DEFAULT_PORTS.get(parts.scheme, 80)
    timeout_s = CONNECT_S if proxy is None else _PROXY_S
    try:
        connection = await asyncio.to_thread(connect, host, port, proxy, timeout_s=timeout_s)
    except ProxyFailed as error:
        raise NoIngress(str(error.strerror)) from None
    except OSError as error:
        raise NoIngress(f"{what}: {error.strerror or error}") from None
    return Way(url if proxy is None else f"{url} through the proxy {proxy.told}", connection)
