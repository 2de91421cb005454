"""From decorators to Triggers, sources and Brokers: golden."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from faas_runtime.declaring.spec import FunctionSpec, Trigger

from faas.project.errors import ProjectError
from faas.project.manifests.objects import Objects, make_objects
from faas.project.pyproject.settings import Settings
from faas.project.services import make_services

IMAGE = "faas.local/shop@sha256:" + "ab" * 32
SINK = {"ref": {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "default"}}
LABELS = {"faas.dev/project": "shop", "app.kubernetes.io/managed-by": "faas", "faas.dev/function": "on-order"}


def function(*triggers: Trigger, name: str = "on-order", **more: Any) -> FunctionSpec:
    return FunctionSpec(name=name, target=f"main:{name}", service=more.pop("service", name), triggers=triggers, **more)


def event(name: str = "on-order", **options: Any) -> Trigger:
    filters = options.pop("filters", [{"exact": {"type": "order.created"}}])
    return Trigger(kind="event", name=name, path=f"/_faas/events/{name}", options={"filters": filters, **options})


def source(kind: str, **options: Any) -> Trigger:
    return Trigger(kind=kind, name=f"on-order-{kind}", path="/_faas/events/on-order", options=options)


def objects(*functions: FunctionSpec, variables: dict[str, str] | None = None) -> Objects:
    services = make_services(functions, Settings(Path("/shop"), "shop", {}))
    return make_objects(
        services, IMAGE, project="shop", namespace="default", root=Path("/shop"), variables=variables or {}
    )


def made_source(trigger: Trigger, **variables: str) -> Any:
    (made,) = objects(function(trigger), variables=variables).sources
    return made


def adapter(trigger: Trigger, **variables: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """The adapter, its options and its secrets (key, and whether it may be missing), of a ContainerSource."""
    made = made_source(trigger, **variables)
    assert made["kind"] == "ContainerSource"
    (container,) = made["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "faas.local/faas-sources"
    options, *secrets = container["env"]
    references = {each["name"]: each["valueFrom"]["secretKeyRef"] for each in secrets}
    return container["args"][0], json.loads(options["value"]), references


def test_an_event_decorator_is_a_trigger_whose_broker_is_made_and_published_to() -> None:
    made = objects(function(event()), function(Trigger(kind="http"), name="shop"))

    assert made.triggers == (
        {
            "apiVersion": "eventing.knative.dev/v1",
            "kind": "Trigger",
            "metadata": {"name": "on-order", "namespace": "default", "labels": LABELS},
            "spec": {
                "broker": "default",
                "subscriber": {
                    "ref": {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "on-order"},
                    "uri": "/_faas/events/on-order",
                },
                "filters": [{"exact": {"type": "order.created"}}],
            },
        },
    )
    assert [broker["metadata"] for broker in made.brokers] == [{"name": "default", "namespace": "default"}]
    assert made.sources == ()
    for service in made.services:
        env = service["spec"]["template"]["spec"]["containers"][0]["env"]
        address = "http://broker-ingress.knative-eventing.svc.cluster.local/default/default"
        assert {"name": "K_SINK", "value": address} in env


def test_a_project_without_events_knows_no_broker_unless_it_names_one() -> None:
    http = Trigger(kind="http")

    plain = objects(function(http))
    named = objects(function(http, options={"broker": "audit", "env": {"K_SINK": "http://mine"}}))

    assert (plain.brokers, plain.triggers, plain.sources) == ((), (), ())
    assert len(plain.services[0]["spec"]["template"]["spec"]["containers"][0]["env"]) == 1
    assert [broker["metadata"]["name"] for broker in named.brokers] == ["audit"]
    env = named.services[0]["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "K_SINK", "value": "http://mine"} in env


def test_delivery_options_are_whole_since_they_replace_the_brokers() -> None:
    (trigger,) = objects(
        function(event(retry=3, delivery_timeout=90.5, ordered_by="data.id", parallelism=2, backlog_target=5))
    ).triggers

    assert trigger["spec"]["delivery"] == {
        "retry": 3, "backoffPolicy": "exponential", "backoffDelay": "PT0.2S", "timeout": "PT90.5S",
    }  # fmt: skip
    assert trigger["metadata"]["annotations"] == {
        "faas.dev/backlog-target": "5", "faas.dev/ordered-by": "data.id", "faas.dev/parallelism": "2",
    }  # fmt: skip


def test_a_dead_letter_is_a_functions_or_else_a_streams() -> None:
    made = objects(
        function(event(dead_letter="bury")),
        function(event("other", dead_letter="orders-failed"), name="other"),
        function(event("bury"), name="bury", service="undertaker"),
    )
    by_name = {trigger["metadata"]["name"]: trigger for trigger in made.triggers}

    assert by_name["on-order"]["spec"]["delivery"]["deadLetterSink"] == {
        "ref": {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "undertaker"},
        "uri": "/_faas/events/bury",
    }
    assert by_name["other"]["metadata"]["annotations"] == {"faas.dev/dead-letter-stream": "orders-failed"}
    assert "delivery" not in by_name["other"]["spec"]


def test_a_source_sends_to_the_broker_and_its_trigger_knows_its_events() -> None:
    made = objects(function(source("schedule", schedule="0 9 * * *", timezone="Europe/Berlin", broker="clock")))

    assert made.sources == (
        {
            "apiVersion": "sources.knative.dev/v1",
            "kind": "PingSource",
            "metadata": {"name": "on-order-schedule", "namespace": "default", "labels": LABELS},
            "spec": {
                "schedule": "0 9 * * *",
                "timezone": "Europe/Berlin",
                "sink": {"ref": {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "clock"}},
                "ceOverrides": {"extensions": {"faassource": "on-order-schedule"}},
            },
        },
    )
    (trigger,) = made.triggers
    assert trigger["metadata"]["name"] == "on-order-schedule"
    assert trigger["spec"]["broker"] == "clock"
    assert trigger["spec"]["filters"] == [{"exact": {"faassource": "on-order-schedule"}}]


@pytest.mark.parametrize(
    ("trigger", "kind", "spec"),
    [
        pytest.param(
            source("kubernetes", resources=[{"apiVersion": "v1", "kind": "Pod"}], mode="reference",
                   selector={"app": "web"}, namespaces=["a"], service_account="watcher"),
            "sources.knative.dev/v1 ApiServerSource",
            {"mode": "Reference",
             "resources": [{"apiVersion": "v1", "kind": "Pod", "selector": {"matchLabels": {"app": "web"}}}],
             "namespaceSelector": {"matchExpressions": [
                 {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["a"]}]},
             "serviceAccountName": "watcher"}, id="kubernetes",
        ),
        pytest.param(
            source("kafka", topics=["a"], bootstrap=["k:9092"], start="earliest", ordering="unordered",
                   security="SASL_SSL", secret="kafka", consumers=3),
            "sources.knative.dev/v1 KafkaSource",
            {"topics": ["a"], "bootstrapServers": ["k:9092"], "consumerGroup": "faas.default.on-order-kafka",
             "initialOffset": "earliest", "ordering": "unordered", "consumers": 3,
             "net": {
                 "sasl": {"enable": True,
                          "user": {"secretKeyRef": {"name": "kafka", "key": "user"}},
                          "password": {"secretKeyRef": {"name": "kafka", "key": "password"}},
                          "type": {"secretKeyRef": {"name": "kafka", "key": "sasl.mechanism", "optional": True}}},
                 "tls": {"enable": True,
                         "caCert": {"secretKeyRef": {"name": "kafka", "key": "ca.crt", "optional": True}},
                         "cert": {"secretKeyRef": {"name": "kafka", "key": "user.crt", "optional": True}},
                         "key": {"secretKeyRef": {"name": "kafka", "key": "user.key", "optional": True}}}}},
            id="kafka",
        ),
        pytest.param(
            source("redis", stream="s", url="redis://cache", start="$", secret="cache"),
            "sources.knative.dev/v1alpha1 RedisStreamSource",
            {"address": "cache:6379", "stream": "s", "group": "faas.default.on-order-redis",
             "dialOptions": {"password": {"name": "cache"}}}, id="redis",
        ),
        pytest.param(
            source("github", repository="o/r", events=["push"], secret="gh", api_url="https://g/api/v3/"),
            "sources.knative.dev/v1alpha1 GitHubSource",
            {"ownerAndRepository": "o/r", "eventTypes": ["push"], "githubAPIURL": "https://g/api/v3/",
             "accessToken": {"secretKeyRef": {"name": "gh", "key": "accessToken"}},
             "secretToken": {"secretKeyRef": {"name": "gh", "key": "secretToken"}}}, id="github",
        ),
    ],
)  # fmt: skip
def test_what_knative_has_a_kind_for_is_of_that_kind(trigger: Trigger, kind: str, spec: dict[str, Any]) -> None:
    made = made_source(trigger)

    assert f"{made['apiVersion']} {made['kind']}" == kind
    rest = {key: value for key, value in made["spec"].items() if key not in ("sink", "ceOverrides")}
    assert rest == spec


@pytest.mark.parametrize(
    ("trigger", "expected", "secrets"),
    [
        pytest.param(
            source("mqtt", topics=["a/+"], qos=1, version=5, share="g", url="mqtts://b", secret="mq"),
            ("mqtt", {"url": "mqtts://b", "topics": ["a/+"], "qos": 1, "version": 5, "share": "g"}),
            {"USERNAME": "username", "PASSWORD": "password", "CA": "ca.crt", "CERT": "tls.crt", "KEY": "tls.key"},
            id="mqtt",
        ),
        pytest.param(source("mqtt", topics=["a"], qos=0, version=4),
                     ("mqtt", {"url": "", "topics": ["a"], "qos": 0, "version": 4}), {}, id="the engine's own door"),
        pytest.param(
            source("bucket", bucket="b", on=["created"], prefix="p/", suffix=[".x"], interval=60.0, secret="s3",
                   endpoint="http://s:1", region="r", path_style=True),
            ("bucket", {"bucket": "b", "on": ["created"], "prefix": "p/", "suffix": [".x"], "interval_s": 60.0,
                        "endpoint": "http://s:1", "region": "r", "path_style": True}),
            {"ACCESS_KEY": "accessKey", "SECRET_KEY": "secretKey"}, id="bucket",
        ),
        pytest.param(
            source("redis", stream="s", url="redis://cache:1", start="0", group="g"),
            ("redis", {"address": "redis://cache:1", "stream": "s", "start": "0", "group": "g"}), {},
            id="redis from the beginning",
        ),
        pytest.param(
            source("rabbitmq", queue="q", exchange="e", routing_key=["a.#"], prefetch=5, secret="mq"),
            ("rabbitmq", {"url": "amqp://localhost:5672", "queue": "q", "exchange": "e", "routing_keys": ["a.#"],
                          "prefetch": 5}), {"USERNAME": "username", "PASSWORD": "password"}, id="rabbitmq",
        ),
        pytest.param(
            source("webhook", path="/s", methods=["POST"], secret="s", signature="X-S", signature_prefix="v1="),
            ("webhook", {"path": "/s", "methods": ["POST"], "signature_header": "X-S", "signature_prefix": "v1="}),
            {"SECRET": "secret"}, id="webhook",
        ),
        pytest.param(
            source("files", path="in", patterns=["*"], on=["created"], recursive=True, settle=1.0),
            ("files", {"path": "/shop/in", "patterns": ["*"], "on": ["created"], "recursive": True, "settle_s": 1.0}),
            {}, id="files",
        ),
    ],
)  # fmt: skip
def test_everything_else_is_our_adapter(trigger: Trigger, expected: Any, secrets: dict[str, str]) -> None:
    name, options, references = adapter(trigger)

    assert (name, options) == expected
    assert {key.removeprefix("FAAS_SOURCE_"): value["key"] for key, value in references.items()} == secrets
    required = {name for name, value in references.items() if not value.get("optional")}
    assert required <= {"FAAS_SOURCE_SECRET", "FAAS_SOURCE_ACCESS_KEY", "FAAS_SOURCE_SECRET_KEY"}


def test_addresses_are_filled_from_the_environment_and_checked_again() -> None:
    trigger = source("mqtt", topics=["a"], qos=1, version=5, url="mqtt://${HOST}:${PORT:-1883}")

    assert adapter(trigger, HOST="broker.example")[1]["url"] == "mqtt://broker.example:1883"
    with pytest.raises(ProjectError) as missing:
        adapter(trigger)
    assert missing.value.message.endswith("has url='mqtt://${HOST}:${PORT:-1883}', and HOST is not set")
    with pytest.raises(ProjectError, match="the address holds a password"):
        adapter(trigger, HOST="me:secret@broker")


def test_two_triggers_of_one_name_are_told() -> None:
    with pytest.raises(ProjectError, match="two decorators make a Trigger on-order-2"):
        objects(function(event(), event("on-order-2")), function(event("on-order-2"), name="on-order-2"))
