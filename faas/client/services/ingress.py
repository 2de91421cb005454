"""Where a cluster's ingress takes requests: what a Service's URL leads to when its name leads nowhere.

Each ingress of Knative says of every Route, in an Ingress of Knative's own, which Service of Kubernetes its requests
come through; the Route's owner may read it. Where that is not to be had, the class in `config-network` tells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from faas.client.errors import ApiError, Forbidden, NotFound
from faas.client.protocol import Client, Object
from faas.resources.kinds import CONFIG_MAP, CORE_SERVICE, INGRESS, NODE, POD

SYSTEM = "knative-serving"
_SUFFIX = ".ingress.networking.knative.dev"
_PORTS: dict[str, tuple[str, int]] = {"http": ("http", 80), "https": ("https", 443)}


@dataclass(frozen=True, slots=True)
class Gateway:
    """The Service of Kubernetes that an ingress takes requests through."""

    name: str
    namespace: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class PodPort:
    """Where a port-forward goes to."""

    namespace: str
    pod: str
    port: int

    def __str__(self) -> str:
        return f"{self.namespace}/{self.pod}:{self.port}"


class NoIngress(Exception):
    """There is no way in; `lacking` is the right that one would need to see whether there is."""

    def __init__(self, reason: str, *, lacking: str = "", namespace: str = "") -> None:
        if lacking:
            reason += ": " + _right(lacking, namespace)
        super().__init__(reason)
        self.reason, self.lacking = reason, lacking


# By class, what its installation calls them: for everybody, and for the cluster alone.
_KNOWN: Mapping[str, tuple[Gateway, Gateway]] = {
    "kourier": (Gateway("kourier", "kourier-system"), Gateway("kourier-internal", "kourier-system")),
    "istio": (Gateway("istio-ingressgateway", "istio-system"), Gateway("knative-local-gateway", "istio-system")),
    "contour": (Gateway("envoy", "contour-external"), Gateway("envoy", "contour-internal")),
    "gateway-api": (Gateway("istio-ingressgateway", "istio-system"), Gateway("knative-local-gateway", "istio-system")),
}


async def gateway_of(client: Client, service: str, namespace: str, *, internal: bool) -> Gateway:
    """The gateway that a Knative Service's requests come through. Raises: NoIngress.

    Args: internal: the one for callers inside the cluster.
    """
    try:
        status = (await client.get(INGRESS, service, namespace)).get("status") or {}
    except (NotFound, Forbidden):
        status = {}
    balancer = status.get("privateLoadBalancer" if internal else "publicLoadBalancer") or {}
    for entry in balancer.get("ingress") or ():
        name, _, rest = str(entry.get("domainInternal") or "").partition(".")
        if rest:
            return Gateway(name, rest.partition(".")[0])
    return await gateway_of_class(client, await ingress_class(client), internal=internal)


async def ingress_class(client: Client) -> str:
    """`kourier`, `istio`, … as the cluster is set up. Raises: NoIngress: that may not be read."""
    try:
        data = (await client.get(CONFIG_MAP, "config-network", SYSTEM)).get("data") or {}
    except NotFound:
        data = {}
    except Forbidden:
        raise NoIngress(
            "which ingress the cluster has may not be read", lacking="get configmaps", namespace=SYSTEM
        ) from None
    name = str(data.get("ingress-class") or data.get("ingress.class") or f"istio{_SUFFIX}")
    return name.removesuffix(_SUFFIX)


async def gateway_of_class(client: Client, name: str, *, internal: bool) -> Gateway:
    """Raises: NoIngress: the class is none that is known here."""
    if name == "gateway-api":
        configured = await _gateway_api(client, internal=internal)
        if configured is not None:
            return configured
    if name not in _KNOWN:
        raise NoIngress(f"the cluster's ingress is {name!r}, of which it is not known where it takes requests")
    return _KNOWN[name][internal]


async def read_gateway(client: Client, gateway: Gateway) -> Object:
    """The gateway's Service. Raises: NoIngress."""
    try:
        return await client.get(CORE_SERVICE, gateway.name, gateway.namespace)
    except Forbidden:
        raise NoIngress(
            f"Service {gateway} may not be read", lacking="get services", namespace=gateway.namespace
        ) from None
    except NotFound:
        raise NoIngress(f"Service {gateway}, the ingress, is not there") from None


async def addresses_of(client: Client, gateway: Object, scheme: str, server: str) -> tuple[list[str], str]:
    """`host:port` where the gateway may be reached from outside, the best first; and why there are no more.

    Args: server: the API server's URL; on a cluster of one machine its host has the NodePorts as well.
    """
    spec, status = gateway.get("spec") or {}, gateway.get("status") or {}
    port = _port_of(spec, scheme)
    if port is None:
        return [], f"Service {_name(gateway)} has no port for {scheme}"
    given = [
        str(entry.get("ip") or entry.get("hostname") or "")
        for entry in (status.get("loadBalancer") or {}).get("ingress") or ()
    ]
    hosts = [host for host in [*given, *map(str, spec.get("externalIPs") or ())] if host]
    found = [address(host, int(port["port"])) for host in hosts]
    told = ""
    if not found:
        is_pending = spec.get("type") == "LoadBalancer"
        told = f"Service {_name(gateway)} " + (
            "waits for an address (no load balancer gave it one)"
            if is_pending
            else f"has no address outside the cluster (type {spec.get('type') or 'ClusterIP'})"
        )
    if node_port := port.get("nodePort"):
        nodes, why = await _node_hosts(client)
        hosts = [*nodes, *([urlsplit(server).hostname or ""] if not nodes else [])]
        found += [address(host, int(node_port)) for host in hosts if host]
        told = "; ".join(text for text in (told, why) if text)
    return found, told


async def pod_behind(client: Client, gateway: Object, scheme: str) -> PodPort:
    """A ready Pod of the gateway, and the port it takes such requests on. Raises: NoIngress."""
    metadata, spec = gateway["metadata"], gateway.get("spec") or {}
    port = _port_of(spec, scheme)
    if port is None:
        raise NoIngress(f"Service {_name(gateway)} has no port for {scheme}")
    selector = ",".join(f"{key}={value}" for key, value in sorted((spec.get("selector") or {}).items()))
    if not selector:
        raise NoIngress(f"Service {_name(gateway)} selects no Pods, so that none can be forwarded to")
    namespace = str(metadata["namespace"])
    try:
        pods = (await client.list(POD, namespace, label_selector=selector)).items
    except Forbidden:
        raise NoIngress("the ingress's Pods may not be seen", lacking="list pods", namespace=namespace) from None
    ready = next(filter(is_ready, pods), None)
    if ready is None:
        raise NoIngress(f"the ingress has no Pod that is ready (Service {_name(gateway)})")
    return PodPort(namespace, str(ready["metadata"]["name"]), _target_port(ready, port))


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Whether a Pod takes requests."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    is_ending = bool(pod["metadata"].get("deletionTimestamp"))
    return not is_ending and any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _port_of(spec: Mapping[str, Any], scheme: str) -> Mapping[str, Any] | None:
    """http, http2 and http80 are names that installations give it."""
    name, number = _PORTS[scheme]
    ports: Sequence[Mapping[str, Any]] = spec.get("ports") or ()
    for port in ports:
        if port.get("port") == number:
            return port
    named = [port for port in ports if str(port.get("name") or "").startswith(name)]
    fitting = [port for port in named if scheme == "https" or not str(port.get("name")).startswith("https")]
    return fitting[0] if fitting else None


def _target_port(pod: Object, port: Mapping[str, Any]) -> int:
    target = port.get("targetPort") or port["port"]
    if isinstance(target, int):
        return target
    for container in pod["spec"].get("containers") or ():
        for known in container.get("ports") or ():
            if known.get("name") == target:
                return int(known["containerPort"])
    raise NoIngress(f"Pod {_name(pod)} has no port {target!r}")


async def _node_hosts(client: Client) -> tuple[list[str], str]:
    """Addresses of nodes, those for the outside first; and why there are none."""
    try:
        nodes = (await client.list(NODE)).items
    except ApiError:
        return [], f"nodes may not be seen: {_right('list nodes', '')}"
    given = [each for node in nodes for each in (node.get("status") or {}).get("addresses") or ()]
    wanted = [str(each["address"]) for kind in ("ExternalIP", "InternalIP") for each in given if each["type"] == kind]
    return wanted[:4], ""  # one that answers is enough, and each that does not takes its time


async def _gateway_api(client: Client, *, internal: bool) -> Gateway | None:
    """Source: net-gateway-api's config-gateway: a list of gateways, each with `service: NAMESPACE/NAME`."""
    import yaml

    try:
        data = (await client.get(CONFIG_MAP, "config-gateway", SYSTEM)).get("data") or {}
        entries = yaml.safe_load(data.get("local-gateways" if internal else "external-gateways") or "") or []
    except (NotFound, Forbidden, yaml.YAMLError):
        return None
    for entry in entries if isinstance(entries, list) else ():
        namespace, slash, name = str((entry or {}).get("service") or "").partition("/")
        if slash:
            return Gateway(name, namespace)
    return None


def _right(what: str, namespace: str) -> str:
    return f"you lack the right to {what}" + (f" in namespace {namespace}" if namespace else " (of the whole cluster)")


def _name(obj: Mapping[str, Any]) -> str:
    return f"{obj['metadata']['namespace']}/{obj['metadata']['name']}"
