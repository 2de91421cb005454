"""What a project wants of a cluster, from the objects that it would apply."""

from __future__ import annotations

from typing import Any

import pytest

from faas.cli.checks.needs import Needs, features_of
from faas.cli.checks.rights import Access, accesses, in_words
from faas.cli.invoking.ways import address_in


def service(name: str = "hello", **spec: Any) -> dict[str, Any]:
    pod = {"containers": [{"image": "x"}], **spec}
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"template": {"spec": pod}},
    }


CLAIM = {"name": "data", "persistentVolumeClaim": {"claimName": "photos"}}


@pytest.mark.parametrize(
    ("spec", "features"),
    [
        pytest.param({}, [], id="nothing"),
        pytest.param({"affinity": {}, "tolerations": []}, [], id="fields that say nothing"),
        pytest.param({"nodeSelector": {"disk": "ssd"}}, ["kubernetes.podspec-nodeselector"], id="a node selector"),
        pytest.param(
            {"volumes": [CLAIM], "containers": [{"volumeMounts": [{"name": "data", "readOnly": True}]}]},
            ["kubernetes.podspec-persistent-volume-claim"],
            id="a claim to read",
        ),
        pytest.param(
            {"volumes": [CLAIM], "containers": [{"volumeMounts": [{"name": "data"}]}]},
            ["kubernetes.podspec-persistent-volume-claim", "kubernetes.podspec-persistent-volume-write"],
            id="a claim to write",
        ),
        pytest.param({"containers": [{}, {}]}, ["multi-container"], id="a sidecar"),
        pytest.param(
            {"containers": [{"env": [{"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}]}]},
            ["kubernetes.podspec-fieldref"],
            id="a field of the Pod as a variable",
        ),
    ],
)
def test_gates_that_a_service_needs(spec: dict[str, Any], features: list[str]) -> None:
    assert features_of([service(**spec)]) == dict.fromkeys(features, ("hello",))


def test_a_gate_is_named_with_all_who_need_it() -> None:
    wanting = [service(name, runtimeClassName="gvisor") for name in ("a", "b")]
    assert features_of(wanting) == {"kubernetes.podspec-runtimeclassname": ("a", "b")}


def test_claims_domains_and_kinds_are_told_apart() -> None:
    mapping = {"apiVersion": "serving.knative.dev/v1beta1", "kind": "DomainMapping", "metadata": {"name": "a.example"}}
    needs = Needs("shop", (service(volumes=[CLAIM]), mapping))
    assert (needs.claims, needs.domains, needs.has_events) == (("photos",), ("a.example",), False)
    assert [kind.plural for kind in needs.kinds] == ["services", "domainmappings"]


def test_each_right_of_a_role_is_asked_for_by_itself() -> None:
    rules = [
        {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "patch"], "resourceNames": ["db"]},
    ]
    assert list(accesses(rules)) == [
        Access("", "pods/log", "get"),
        Access("", "secrets", "get", "db"),
        Access("", "secrets", "patch", "db"),
    ]


def test_rights_that_are_missing_read_as_kubectl_writes_them() -> None:
    missing = [
        Access("serving.knative.dev", "services", "create"),
        Access("serving.knative.dev", "services", "patch"),
        Access("", "secrets", "get", "db"),
    ]
    assert in_words(missing) == 'create, patch services.serving.knative.dev; get secrets "db"'


@pytest.mark.parametrize(
    ("host", "address"),
    [
        pytest.param("hello.team.192.0.2.7.sslip.io", "192.0.2.7", id="dots"),
        pytest.param("hello.team.192-0-2-1.nip.io", "192.0.2.1", id="dashes"),
        pytest.param("hello-10-0-0-1.sslip.io", "10.0.0.1", id="after a name"),
        pytest.param("hello.team.example.com", "", id="no such name"),
        pytest.param("10.0.0.1.sslip.io.example.com", "", id="somebody else's"),
    ],
)
def test_some_names_have_their_address_in_them(host: str, address: str) -> None:
    assert address_in(host) == address
