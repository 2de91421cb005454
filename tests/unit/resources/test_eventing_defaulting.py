"""Defaults of eventing's kinds, as Knative's webhooks set them."""

from __future__ import annotations

from typing import Any

import pytest

from faas.resources import kinds
from faas.resources.config import Config, ConfigError, parse_config
from faas.resources.defaulting import set_defaults
from tests.unit.resources.eventing_objects import SPECS, TO_BROKER, bare, whole

CLASS = "eventing.knative.dev/broker.class"


def test_a_bare_broker_gets_knatives_class_and_delivery() -> None:
    broker = whole(kinds.BROKER)

    assert broker["metadata"]["annotations"] == {CLASS: "MTChannelBasedBroker"}
    assert broker["spec"] == {"delivery": {"retry": 10, "backoffPolicy": "exponential", "backoffDelay": "PT0.2S"}}


def test_a_broker_keeps_its_own_class_and_delivery() -> None:
    broker = whole(kinds.BROKER, {CLASS: "Kafka"}, delivery={"retry": 1, "deadLetterSink": TO_BROKER})

    assert broker["metadata"]["annotations"] == {CLASS: "Kafka"}
    assert broker["spec"]["delivery"]["retry"] == 1
    assert broker["spec"]["delivery"]["deadLetterSink"]["ref"]["namespace"] == "shop"


NAMESPACE_DEFAULTS = """\
clusterDefault:
  brokerClass: MTChannelBasedBroker
  apiVersion: v1
  kind: ConfigMap
  name: config-br-default-channel
  namespace: knative-eventing
  brokerClasses:
    Kafka: {delivery: {retry: 7}}
namespaceDefaults:
  shop:
    brokerClass: Own
    delivery: {retry: 3}
"""


@pytest.mark.parametrize(
    ("namespace", "annotations", "broker_class", "retry", "config"),
    [
        pytest.param("shop", {}, "Own", 3, None, id="the namespace's own"),
        pytest.param("other", {}, "MTChannelBasedBroker", None, "config-br-default-channel", id="the cluster's"),
        pytest.param("other", {CLASS: "Kafka"}, "Kafka", 7, None, id="of its class"),
        pytest.param("shop", {CLASS: "Kafka"}, "Kafka", 7, None, id="of its class, the namespace has none"),
        pytest.param("shop", {CLASS: "New"}, "New", None, "config-br-default-channel", id="a class nobody configured"),
    ],
)
def test_config_br_defaults_decides_by_namespace_and_class(
    namespace: str, annotations: dict[str, str], broker_class: str, retry: int | None, config: str | None
) -> None:
    settings = parse_config({"config-br-defaults": {"default-br-config": NAMESPACE_DEFAULTS}})
    raw = bare(kinds.BROKER, annotations)
    raw["metadata"]["namespace"] = namespace

    broker = set_defaults(kinds.BROKER, raw, settings)

    assert broker["metadata"]["annotations"][CLASS] == broker_class
    assert (broker["spec"].get("delivery") or {}).get("retry") == retry
    assert (broker["spec"].get("config") or {}).get("name") == config


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("clusterDefault: {}", "clusterDefault.brokerClass is missing", id="no class"),
        pytest.param("clusterDefault: [", "failed to parse", id="no YAML"),
        pytest.param("clusterDefault: 3", "Expected `object`, got `int`", id="no object"),
    ],
)
def test_broker_defaults_that_cannot_be_used_are_refused(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint.replace(".", r"\.").replace("`", "`")):
        parse_config({"config-br-defaults": {"default-br-config": text}})


def test_a_trigger_is_for_the_default_broker_and_says_so_in_a_label() -> None:
    trigger = whole(kinds.TRIGGER)

    assert trigger["metadata"]["labels"] == {"eventing.knative.dev/broker": "default"}
    assert trigger["spec"] == {"broker": "default", "filter": {}, "subscriber": {"uri": "http://sink.example"}}


def test_a_trigger_of_another_broker_is_labelled_with_it() -> None:
    trigger = whole(kinds.TRIGGER, broker="orders", subscriber=TO_BROKER)

    assert trigger["metadata"]["labels"] == {"eventing.knative.dev/broker": "orders"}
    assert trigger["spec"]["subscriber"]["ref"]["namespace"] == "shop"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        pytest.param(kinds.PING_SOURCE, {"schedule": "* * * * *"}, id="ping"),
        pytest.param(kinds.API_SERVER_SOURCE, {"mode": "Reference", "serviceAccountName": "default"}, id="apiserver"),
        pytest.param(
            kinds.KAFKA_SOURCE,
            {
                "consumers": 1,
                "initialOffset": "latest",
                "ordering": "ordered",
                "consumerGroup": "knative-kafka-source-u-1",
            },
            id="kafka",
        ),
        pytest.param(
            kinds.RABBITMQ_SOURCE,
            {
                "rabbitmqClusterReference": {"connectionSecret": {"name": "s"}, "namespace": "shop"},
                "rabbitmqResourcesConfig": {"exchangeName": "shop", "queueName": "orders", "parallelism": 1},
            },
            id="rabbitmq",
        ),
    ],
)
def test_a_source_gets_what_it_does_not_say(kind: kinds.Kind, expected: dict[str, Any]) -> None:
    assert whole(kind)["spec"] == {**SPECS[kind], **expected}


def test_containers_of_a_source_are_named_after_it() -> None:
    source = whole(
        kinds.CONTAINER_SOURCE, template={"spec": {"containers": [{"image": "a"}, {"image": "b", "name": "mine"}]}}
    )

    assert [container["name"] for container in source["spec"]["template"]["spec"]["containers"]] == ["x-0", "mine"]


def test_the_subject_of_a_sink_binding_is_in_its_namespace() -> None:
    assert whole(kinds.SINK_BINDING)["spec"]["subject"]["namespace"] == "shop"


@pytest.mark.parametrize("kind", kinds.SOURCES, ids=str)
def test_a_sink_is_in_the_namespace_of_its_source(kind: kinds.Kind) -> None:
    assert whole(kind, sink=TO_BROKER)["spec"]["sink"]["ref"]["namespace"] == "shop"


@pytest.mark.parametrize("kind", [kinds.BROKER, kinds.TRIGGER, kinds.EVENT_TYPE, *kinds.SOURCES], ids=str)
def test_who_made_and_who_changed_it_is_noted(kind: kinds.Kind) -> None:
    made = set_defaults(kind, bare(kind), Config(), user="jane")
    same = set_defaults(kind, made, Config(), old=made, user="joe")
    changed = set_defaults(kind, {**made, "spec": {**made["spec"], "new": 1}}, Config(), old=made, user="joe")

    def noted(raw: dict[str, Any]) -> tuple[str, str]:
        annotations = raw["metadata"]["annotations"]
        return annotations[f"{kind.group}/creator"], annotations[f"{kind.group}/lastModifier"]

    assert (noted(made), noted(same), noted(changed)) == (("jane", "jane"), ("jane", "jane"), ("jane", "joe"))


@pytest.mark.parametrize("kind", [kinds.BROKER, kinds.TRIGGER, kinds.EVENT_TYPE, *kinds.SOURCES], ids=str)
def test_defaults_are_set_once(kind: kinds.Kind) -> None:
    once = whole(kind)

    assert set_defaults(kind, once, Config(), old=once) == once
