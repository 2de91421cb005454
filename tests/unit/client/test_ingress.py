"""Where an ingress takes requests, from what its objects say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from faas.client.errors import Forbidden, NotFound
from faas.client.protocol import Object, ObjectList
from faas.client.services.ingress import (
    Gateway,
    NoIngress,
    PodPort,
    addresses_of,
    gateway_of,
    ingress_class,
    pod_behind,
    read_gateway,
)
from faas.resources.kinds import Kind

KOURIER = Gateway("kourier", "kourier-system")


@dataclass
class Objects:
    """An API server's objects, by kind, namespace and name; `hidden` kinds may not be read."""

    found: dict[tuple[str, str, str], Object] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)

    def put(self, kind: str, namespace: str, name: str, **content: Any) -> None:
        metadata = {"name": name, "namespace": namespace, **content.pop("metadata", {})}
        self.found[kind, namespace, name] = {"kind": kind, "metadata": metadata, **content}

    async def get(self, kind: Kind, name: str, namespace: str = "") -> Object:
        self._check(kind)
        try:
            return self.found[kind.kind, namespace, name]
        except KeyError:
            raise NotFound(f"{kind} {name} not found") from None

    async def list(self, kind: Kind, namespace: str = "", **selectors: str) -> ObjectList:
        self._check(kind)
        wanted = dict(pair.split("=") for pair in selectors.get("label_selector", "").split(",") if pair)
        return ObjectList(
            [
                obj
                for (name, space, _), obj in self.found.items()
                if (name, space) == (kind.kind, namespace)
                and wanted.items() <= (obj["metadata"].get("labels") or {}).items()
            ],
            "1",
        )

    def _check(self, kind: Kind) -> None:
        if kind.kind in self.hidden:
            raise Forbidden(f"{kind} is forbidden")


@pytest.fixture
def objects() -> Objects:
    return Objects()


def run(work: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    return asyncio.run(work(*arguments, **options))


def test_what_the_routes_own_ingress_says_comes_first(objects: Objects) -> None:
    """So it is with any ingress, and needs no right outside the namespace."""
    objects.put(
        "Ingress", "team", "hello",
        status={
            "publicLoadBalancer": {"ingress": [{"domainInternal": "envoy.contour-external.svc.cluster.local"}]},
            "privateLoadBalancer": {"ingress": [{"domainInternal": "envoy.contour-internal.svc.cluster.local"}]},
        },
    )  # fmt: skip
    objects.hidden.add("ConfigMap")
    assert run(gateway_of, objects, "hello", "team", internal=False) == Gateway("envoy", "contour-external")
    assert run(gateway_of, objects, "hello", "team", internal=True) == Gateway("envoy", "contour-internal")


@pytest.mark.parametrize(
    ("data", "gateway"),
    [
        pytest.param({"ingress-class": "kourier.ingress.networking.knative.dev"}, KOURIER, id="kourier"),
        pytest.param({}, Gateway("istio-ingressgateway", "istio-system"), id="Knative's default"),
        pytest.param(
            {"ingress.class": "contour.ingress.networking.knative.dev"}, Gateway("envoy", "contour-external"),
            id="the key's old name",
        ),
    ],
)  # fmt: skip
def test_else_the_class_of_the_cluster_tells(objects: Objects, data: dict[str, str], gateway: Gateway) -> None:
    objects.put("ConfigMap", "knative-serving", "config-network", data=data)
    assert run(gateway_of, objects, "hello", "team", internal=False) == gateway


def test_a_gateway_of_gateway_api_is_as_it_was_configured(objects: Objects) -> None:
    data = {"ingress-class": "gateway-api.ingress.networking.knative.dev"}
    objects.put("ConfigMap", "knative-serving", "config-network", data=data)
    gateways = "- class: envoy\n  gateway: eg/public\n  service: eg/envoy-public\n"
    objects.put("ConfigMap", "knative-serving", "config-gateway", data={"external-gateways": gateways})
    assert run(gateway_of, objects, "hello", "team", internal=False) == Gateway("envoy-public", "eg")


def test_an_ingress_that_nobody_knows_is_named(objects: Objects) -> None:
    objects.put("ConfigMap", "knative-serving", "config-network", data={"ingress-class": "acme.example.com"})
    with pytest.raises(NoIngress, match=r"'acme\.example\.com'"):
        run(gateway_of, objects, "hello", "team", internal=False)


def test_rights_that_are_lacking_are_named(objects: Objects) -> None:
    objects.hidden.update({"ConfigMap", "Service"})
    with pytest.raises(NoIngress) as missing:
        run(ingress_class, objects)
    assert missing.value.lacking == "get configmaps"
    with pytest.raises(NoIngress, match="you lack the right to get services in namespace kourier-system"):
        run(read_gateway, objects, KOURIER)


def service(kind: str = "LoadBalancer", *, ingress: tuple[dict[str, str], ...] = (), **spec: Any) -> Object:
    ports = [
        {"name": "http2", "port": 80, "targetPort": 8080, "nodePort": 31080},
        {"name": "https", "port": 443, "targetPort": "tls", "nodePort": 31443},
    ]
    return {
        "metadata": {"name": "kourier", "namespace": "kourier-system"},
        "spec": {"type": kind, "ports": ports, "selector": {"app": "gateway"}, **spec},
        "status": {"loadBalancer": {"ingress": list(ingress)}},
    }


NODE = {"addresses": [{"type": "InternalIP", "address": "10.0.0.7"}, {"type": "ExternalIP", "address": "192.0.2.7"}]}


@pytest.mark.parametrize(
    ("given", "scheme", "addresses"),
    [
        pytest.param(
            service(ingress=({"ip": "192.0.2.1"},)), "http",
            ["192.0.2.1:80", "192.0.2.7:31080", "10.0.0.7:31080"], id="a load balancer's address, then the nodes'",
        ),
        pytest.param(
            service(ingress=({"hostname": "lb.example.com"},)), "https",
            ["lb.example.com:443", "192.0.2.7:31443", "10.0.0.7:31443"], id="its name, and TLS",
        ),
        pytest.param(
            service("NodePort", externalIPs=["2001:db8::1"]), "http",
            ["[2001:db8::1]:80", "192.0.2.7:31080", "10.0.0.7:31080"], id="addresses that somebody gave it",
        ),
    ],
)  # fmt: skip
def test_addresses_come_with_the_best_first(objects: Objects, given: Object, scheme: str, addresses: list[str]) -> None:
    objects.put("Node", "", "node-1", status=NODE)
    assert run(addresses_of, objects, given, scheme, "https://api.example.com:6443")[0] == addresses


def test_the_api_servers_host_may_have_the_node_ports_where_nodes_may_not_be_seen(objects: Objects) -> None:
    objects.hidden.add("Node")
    found, why = run(addresses_of, objects, service(), "http", "https://192.0.2.9:6443")
    assert found == ["192.0.2.9:31080"]
    assert "waits for an address" in why
    assert "you lack the right to list nodes (of the whole cluster)" in why


def test_a_gateway_that_is_inside_only_says_so(objects: Objects) -> None:
    inside = service("ClusterIP", ports=[{"name": "http", "port": 80, "targetPort": 8081}])
    assert run(addresses_of, objects, inside, "http", "https://api:6443") == (
        [],
        "Service kourier-system/kourier has no address outside the cluster (type ClusterIP)",
    )


def ready(status: str = "True") -> dict[str, Any]:
    return {"conditions": [{"type": "Ready", "status": status}]}


def test_ports_are_forwarded_to_a_pod_that_is_ready(objects: Objects) -> None:
    labels = {"labels": {"app": "gateway"}}
    spec = {"containers": [{"name": "envoy", "ports": [{"name": "tls", "containerPort": 8443}]}]}
    objects.put("Pod", "kourier-system", "a", metadata=labels, spec=spec, status=ready("False"))
    with pytest.raises(NoIngress, match="has no Pod that is ready"):
        run(pod_behind, objects, service(), "http")
    ending = {**labels, "deletionTimestamp": "2026-11-23T12:00:00Z"}
    objects.put("Pod", "kourier-system", "b", metadata=ending, spec=spec, status=ready())
    objects.put("Pod", "kourier-system", "c", metadata=labels, spec=spec, status=ready())
    assert run(pod_behind, objects, service(), "http") == PodPort("kourier-system", "c", 8080)
    assert run(pod_behind, objects, service(), "https") == PodPort("kourier-system", "c", 8443)
