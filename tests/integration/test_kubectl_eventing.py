"""The real kubectl, and requests as kn makes them, on eventing's kinds."""

from __future__ import annotations

import json
import ssl
import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.kubectl

OBJECTS = """\
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {name: default, namespace: NAMESPACE}
---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: orders, namespace: NAMESPACE}
spec:
  broker: default
  subscriber: {ref: {apiVersion: serving.knative.dev/v1, kind: Service, name: shop}, uri: /orders}
  filters:
  - any: [{exact: {type: a}}, {exact: {type: b}}]
  - cesql: "EXISTS subject AND subject LIKE 'order-%'"
---
apiVersion: eventing.knative.dev/v1beta2
kind: EventType
metadata: {name: order, namespace: NAMESPACE}
spec: {type: com.shop.order, source: /shop}
---
apiVersion: sources.knative.dev/v1
kind: PingSource
metadata: {name: tick, namespace: NAMESPACE}
spec: {timezone: Europe/Berlin, sink: {ref: {apiVersion: eventing.knative.dev/v1, kind: Broker, name: default}}}
---
apiVersion: sources.knative.dev/v1
kind: ApiServerSource
metadata: {name: objects, namespace: NAMESPACE}
spec: {resources: [{apiVersion: v1, kind: Event}], sink: {uri: "http://sink.example"}}
---
apiVersion: sources.knative.dev/v1
kind: ContainerSource
metadata: {name: mqtt, namespace: NAMESPACE}
spec:
  template: {spec: {containers: [{name: adapter, image: faas.local/faas-sources, args: [mqtt]}]}}
  sink: {uri: "http://sink.example"}
---
apiVersion: sources.knative.dev/v1
kind: SinkBinding
metadata: {name: shop, namespace: NAMESPACE}
spec: {subject: {apiVersion: serving.knative.dev/v1, kind: Service, name: shop}, sink: {uri: "http://sink.example"}}
---
apiVersion: sources.knative.dev/v1
kind: KafkaSource
metadata: {name: kafka, namespace: NAMESPACE}
spec: {bootstrapServers: ["kafka:9092"], topics: [orders, returns], sink: {uri: "http://sink.example"}}
---
apiVersion: sources.knative.dev/v1alpha1
kind: RedisStreamSource
metadata: {name: redis, namespace: NAMESPACE}
spec: {address: "redis://redis:6379", stream: orders, sink: {uri: "http://sink.example"}}
---
apiVersion: sources.knative.dev/v1alpha1
kind: RabbitmqSource
metadata: {name: rabbit, namespace: NAMESPACE}
spec:
  rabbitmqClusterReference: {connectionSecret: {name: rabbit}}
  rabbitmqResourcesConfig: {exchangeName: shop, queueName: orders}
  sink: {ref: {apiVersion: eventing.knative.dev/v1, kind: Broker, name: default}}
---
apiVersion: sources.knative.dev/v1alpha1
kind: GitHubSource
metadata: {name: github, namespace: NAMESPACE}
spec:
  ownerAndRepository: acme/shop
  eventTypes: [push]
  accessToken: {secretKeyRef: {name: github, key: token}}
  secretToken: {secretKeyRef: {name: github, key: secret}}
  sink: {uri: "http://sink.example"}
"""


def ok(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout


def objects(namespace: str) -> str:
    return OBJECTS.replace("NAMESPACE", namespace)


@pytest.fixture(scope="module")
def http(api: Any) -> Iterator[httpx.Client]:
    context = ssl.create_default_context(cadata=(api.state / "tls" / "ca.crt").read_text())
    headers = {"Authorization": f"Bearer {api.token}"}
    with httpx.Client(base_url=api.url, verify=context, headers=headers, timeout=20) as client:
        yield client


@pytest.mark.parametrize("flags", [pytest.param([], id="client"), pytest.param(["--server-side"], id="server")])
def test_every_kind_is_applied_and_shown_and_deleted(api: Any, flags: list[str]) -> None:
    namespace = "server" if flags else "client"
    ok(api.kubectl("create", "namespace", namespace))
    assert len(ok(api.kubectl("apply", *flags, "-f", "-", input=objects(namespace))).splitlines()) == 11
    again = ok(api.kubectl("apply", *flags, "-f", "-", input=objects(namespace)))
    assert "configured" not in again
    shown = ok(api.kubectl("get", "brokers,triggers,eventtypes,sources", "-n", namespace, "-o", "name")).split()
    assert len(shown) == 11
    ok(api.kubectl("delete", "-f", "-", input=objects(namespace)))
    assert ok(api.kubectl("get", "brokers,triggers,eventtypes,sources", "-n", namespace, "-o", "name")) == ""


def test_columns_are_those_of_the_version(api: Any) -> None:
    ok(api.kubectl("create", "namespace", "columns"))
    ok(api.kubectl("apply", "-f", "-", input=objects("columns")))

    def head(*arguments: str) -> str:
        return ok(api.kubectl("get", *arguments, "-n", "columns")).splitlines()[0]

    assert head("brokers", "-o", "wide").split() == ["NAME", "URL", "AGE", "READY", "REASON", "CLASS"]
    assert head("triggers").split() == ["NAME", "BROKER", "SUBSCRIBER_URI", "AGE", "READY", "REASON"]
    assert head("pingsources").split() == ["NAME", "SINK", "SCHEDULE", "AGE", "READY", "REASON"]
    assert "SCHEMA" not in head("eventtypes")
    assert "SCHEMA" in head("eventtypes.v1beta2.eventing.knative.dev")
    assert ok(api.kubectl("get", "kafkasources", "-n", "columns")).split()[7] == '["orders","returns"]'


def test_a_deprecated_version_works_and_says_so(api: Any) -> None:
    manifest = """\
apiVersion: sources.knative.dev/v1beta2
kind: PingSource
metadata: {name: old}
spec: {sink: {uri: "http://sink.example"}}
"""
    done = api.kubectl("apply", "-f", "-", input=manifest)
    assert "Warning: sources.knative.dev/v1beta2 PingSource is deprecated" in done.stderr
    ok(done)
    assert ok(api.kubectl("get", "pingsource", "old", "-o", "jsonpath={.apiVersion}")) == "sources.knative.dev/v1"


def test_a_typo_is_refused_with_its_path(api: Any) -> None:
    misspelt = objects("default").replace("exact: {type: b}", "exacct: {type: b}")
    refused = api.kubectl("apply", "-f", "-", input=misspelt)
    assert refused.returncode != 0
    assert 'unknown field "spec.filters[0].any[1].exacct"' in refused.stderr


def test_an_ambiguous_expression_is_warned_of(api: Any) -> None:
    ambiguous = objects("default").replace("EXISTS subject AND subject LIKE", "EXISTS a OR EXISTS b AND subject LIKE")
    done = api.kubectl("apply", "--dry-run=server", "-f", "-", input=ambiguous)
    ok(done)
    assert "Warning: spec.filters[1].cesql: " in done.stderr


def test_explain_knows_every_field_of_each_version(api: Any) -> None:
    filters = ok(api.kubectl("explain", "trigger.spec.filters"))
    assert "filters <[]SubscriptionsAPIFilter>" in filters
    assert all(
        f"\n  {dialect}\t<" in filters for dialect in ("all", "any", "cesql", "exact", "not", "prefix", "suffix")
    )
    assert "exact\t<map[string]string>" in ok(api.kubectl("explain", "trigger", "--recursive"))
    assert "attributes" in ok(api.kubectl("explain", "eventtype.spec"))
    old = ok(api.kubectl("explain", "eventtype.spec", "--api-version=eventing.knative.dev/v1beta1"))
    assert "schemaData" in old


def test_definitions_name_what_is_served(api: Any) -> None:
    names = ok(api.kubectl("get", "crd", "-o", "name")).split()
    assert "customresourcedefinition.apiextensions.k8s.io/triggers.eventing.knative.dev" in names
    ok(api.kubectl("wait", "crd/brokers.eventing.knative.dev", "--for=condition=Established", "--timeout=5s"))
    refused = api.kubectl("delete", "crd", "brokers.eventing.knative.dev")
    assert refused.returncode != 0
    assert "are read-only here" in refused.stderr


def test_kn_finds_source_types_and_sources(http: httpx.Client) -> None:
    """`kn source list-types` lists definitions by a label; `kn source list` then each kind in its stored version."""
    definitions = http.get(
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        params={"labelSelector": "duck.knative.dev/source=true"},
    ).json()
    assert definitions["kind"] == "CustomResourceDefinitionList"
    assert len(definitions["items"]) == 8
    for item in definitions["items"]:
        spec = item["spec"]
        served = next(version["name"] for version in spec["versions"] if version["served"])
        listed = http.get(f"/apis/{spec['group']}/{served}/namespaces/default/{spec['names']['plural']}")
        assert listed.json()["kind"] == spec["names"]["listKind"]
    ping = next(item for item in definitions["items"] if item["spec"]["names"]["kind"] == "PingSource")
    types = json.loads(ping["metadata"]["annotations"]["registry.knative.dev/eventTypes"])
    assert types[0]["type"] == "dev.knative.sources.ping"


def test_kn_updates_what_it_read(http: httpx.Client) -> None:
    """kn sends whole objects with creationTimestamp null and an empty status, and puts back what it got."""
    base = "/apis/eventing.knative.dev/v1/namespaces/default/triggers"
    trigger = {
        "apiVersion": "eventing.knative.dev/v1",
        "kind": "Trigger",
        "metadata": {"name": "kn", "namespace": "default", "creationTimestamp": None},
        "spec": {
            "broker": "default",
            "filter": {"attributes": {"type": "a"}},
            "subscriber": {"uri": "http://sink.example"},
        },
        "status": {},
    }
    made = http.post(base, json=trigger)
    assert made.status_code == 201, made.text
    changed = made.json()
    changed["spec"]["filter"]["attributes"]["type"] = "b"
    assert http.put(f"{base}/kn", json=changed).status_code == 200
    stale = http.put(f"{base}/kn", json=changed)
    assert (stale.status_code, stale.json()["reason"]) == (409, "Conflict")


def test_kn_writes_event_types_in_v1beta2(http: httpx.Client) -> None:
    base = "/apis/eventing.knative.dev/v1beta2/namespaces/default/eventtypes"
    event_type = {
        "apiVersion": "eventing.knative.dev/v1beta2",
        "kind": "EventType",
        "metadata": {"name": "kn", "namespace": "default", "creationTimestamp": None},
        "spec": {
            "type": "a.b",
            "source": "/s",
            "reference": {"kind": "Broker", "name": "default", "apiVersion": "eventing.knative.dev/v1"},
        },
        "status": {},
    }
    assert http.post(base, json=event_type).status_code == 201
    (listed,) = [item for item in http.get(base).json()["items"] if item["metadata"]["name"] == "kn"]
    assert (listed["spec"]["type"], listed["spec"]["reference"]["name"]) == ("a.b", "default")
    accept = {"Accept": "application/json;as=Table;g=meta.k8s.io;v=v1"}
    table = http.get(f"{base}/kn", headers=accept).json()
    assert table["rows"][0]["cells"][:3] == ["kn", "a.b", "/s"]


def test_a_watch_of_an_old_version_over_the_wire(http: httpx.Client) -> None:
    base = "/apis/sources.knative.dev/{}/namespaces/default/pingsources"
    source = {"metadata": {"name": "watched"}, "spec": {"sink": {"uri": "http://sink.example"}}}
    assert http.post(base.format("v1"), json=source).status_code == 201
    params = {"watch": "true", "fieldSelector": "metadata.name=watched"}
    with http.stream("GET", base.format("v1beta2"), params=params) as stream:
        event = json.loads(next(stream.iter_lines()))
    assert (event["type"], event["object"]["apiVersion"]) == ("ADDED", "sources.knative.dev/v1beta2")


def test_the_preferred_version_is_the_most_stable_and_newest(http: httpx.Client) -> None:
    groups = {group["name"]: group for group in http.get("/apis").json()["groups"]}
    versions = [entry["version"] for entry in groups["eventing.knative.dev"]["versions"]]
    assert versions == ["v1", "v1beta3", "v1beta2", "v1beta1"]
    assert groups["sources.knative.dev"]["preferredVersion"]["version"] == "v1"
    names = {entry["name"] for entry in http.get("/apis/sources.knative.dev/v1beta1").json()["resources"]}
    assert names == {"kafkasources", "kafkasources/status"}
    assert http.get("/openapi/v3/apis/eventing.knative.dev/v1beta1").status_code == 200
