"""How Triggers and sources read in `faas list` and `faas describe`."""

from __future__ import annotations

import json
from typing import Any

import click
import pytest

from faas.cli.eventing.rows import describe_events, filters_text, source_word, summary_of, triggers_text
from faas.deploy.objects.belonging import EventObjects

READY = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}


def refused(reason: str, message: str = "") -> dict[str, Any]:
    return {"status": {"conditions": [{"type": "Ready", "status": "False", "reason": reason, "message": message}]}}


def trigger(name: str = "pay", **spec: Any) -> dict[str, Any]:
    reference = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "pay"}
    return {
        "apiVersion": "eventing.knative.dev/v1", "kind": "Trigger", "metadata": {"name": name},
        "spec": {"broker": "default", "subscriber": {"ref": reference}, **spec}, **READY,
    }  # fmt: skip


def source(kind: str, name: str = "pay-mqtt", **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "sources.knative.dev/v1", "kind": kind, "metadata": {"name": name}, "spec": spec, **READY}


def adapter(name: str, **options: Any) -> dict[str, Any]:
    container = {"args": [name], "env": [{"name": "FAAS_SOURCE", "value": json.dumps(options)}]}
    return source("ContainerSource", template={"spec": {"containers": [container]}})


OF_SOURCE = {"filters": [{"exact": {"faassource": "pay-mqtt"}}]}


def test_a_function_is_listed_with_what_brings_it_events() -> None:
    mqtt = adapter("mqtt", topics=["a"])
    events = EventObjects((trigger(), trigger("pay-mqtt", **OF_SOURCE)), (mqtt,))
    service = {"metadata": {"name": "pay"}}

    assert triggers_text(events, service) == "event, mqtt"
    broken = EventObjects(events.triggers, ({**mqtt, **refused("UpstreamUnavailable")},))
    assert click.unstyle(triggers_text(broken, service)) == "event, mqtt (UpstreamUnavailable)"
    assert triggers_text(events, {"metadata": {"name": "other"}}) == ""
    assert triggers_text(None, service) == ""


def test_a_description_has_a_line_for_each_trigger_and_one_for_its_source() -> None:
    told = {
        **trigger(filters=[{"cesql": "amount > 100"}], delivery={"retry": 3}),
        "metadata": {"name": "pay", "annotations": {"faas.dev/ordered-by": "subject",
                                                    "faas.dev/dead-letter-stream": "failed"}},
    }  # fmt: skip
    mqtt = {**adapter("mqtt", topics=["a", "b"], url="mqtt://b"), **refused("UpstreamUnavailable", "refused\nlog")}

    lines = [click.unstyle(line) for line in describe_events(
        EventObjects((trigger("pay-mqtt", **OF_SOURCE), told), (mqtt,))
    )]  # fmt: skip

    assert lines == [
        "pay  Ready  amount > 100  of Broker default  retry 3, ordered by subject, dead letters to failed",
        "pay-mqtt  Ready  Broker default",
        "  ← ContainerSource pay-mqtt  UpstreamUnavailable refused …  a, b at mqtt://b",
    ]


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        pytest.param({}, "every event  of Broker default", id="all"),
        pytest.param({"filter": {"attributes": {"type": "a"}}},
                     "type = a  of Broker default", id="old"),
        pytest.param({"filters": [{"exact": {"type": "a"}}, {"prefix": {"source": "/b"}}]},
                     "type = a and source begins with /b  of Broker default", id="both"),
        pytest.param({"filters": [*OF_SOURCE["filters"], {"cesql": "n > 1"}]},
                     "n > 1  of Broker default", id="a source's, with more"),
    ],
)  # fmt: skip
def test_filters_are_shown_in_words(spec: dict[str, Any], text: str) -> None:
    assert filters_text(trigger("pay-mqtt", **spec)) == text


@pytest.mark.parametrize(
    ("made", "word", "summary"),
    [
        (source("PingSource", schedule="@daily", timezone="UTC"), "schedule", "@daily UTC"),
        (source("ApiServerSource", resources=[{"apiVersion": "v1", "kind": "Pod"}]), "kubernetes", "v1/Pod"),
        (source("KafkaSource", topics=["a"], bootstrapServers=["k:1"]), "kafka", "a at k:1"),
        (source("RedisStreamSource", stream="s", address="r:1"), "redis", "s at r:1"),
        (source("RabbitmqSource", rabbitmqResourcesConfig={"queueName": "q"}), "rabbitmq", "q"),
        (source("GitHubSource", ownerAndRepository="o/r", eventTypes=["push"]), "github", "o/r push"),
        (adapter("bucket", bucket="b", endpoint="http://s"), "bucket", "b at http://s"),
        (adapter("files", path="/in"), "files", "/in"),
    ],
)
def test_a_source_is_said_in_a_few_words(made: dict[str, Any], word: str, summary: str) -> None:
    assert (source_word(made), summary_of(made)) == (word, summary)


def test_a_container_of_somebody_else_has_its_own_name() -> None:
    container = {"image": "example.com/heartbeats", "name": "heartbeats", "args": ["--period=1"]}

    assert source_word(source("ContainerSource", template={"spec": {"containers": [container]}})) == "heartbeats"
