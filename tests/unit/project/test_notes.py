"""What is said before a deploy to a cluster of what is otherwise there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from faas_runtime.declaring.spec import FunctionSpec, Trigger

from faas.project.manifests.objects import make_objects
from faas.project.manifests.surroundings import Surroundings
from faas.project.notes import Note, RefusedByCluster, check_for_cluster, notes_for_cluster
from faas.project.pyproject.brokers import BrokerSettings
from faas.project.pyproject.settings import Settings
from faas.project.services import make_services

HTTP = Trigger(kind="http")


def source(kind: str, **options: Any) -> Trigger:
    return Trigger(kind=kind, name=f"f-{kind}", path="/_faas/events/f", options=options)


def event(**options: Any) -> Trigger:
    return Trigger(kind="event", name="f", path="/", options={"filters": [], **options})


def notes(*triggers: Trigger, options: dict[str, Any] | None = None, **said: Any) -> tuple[Note, ...]:
    spec = FunctionSpec(name="f", target="main:f", service="f", triggers=triggers, options=options or {})
    settings = Settings(Path("/shop"), "shop", **said)
    services = make_services([spec], settings)
    objects = make_objects(
        services, "image", project="shop", namespace="team", root=Path("/shop"), variables={}, settings=settings,
        there=Surroundings(),
    )  # fmt: skip
    return notes_for_cluster(services, objects, settings)


def short(found: tuple[Note, ...]) -> list[str]:
    return [f"{note.effect} {note.subject} {note.said}" for note in found]


def test_what_is_the_same_there_is_not_talked_about() -> None:
    options = {
        "min_scale": 1, "max_scale": 5, "timeout": 600.0, "cpu": "1", "secrets": ["db"], "scale_to_zero_after": 300.0,
        "volumes": {"/a": "empty:1Gi", "/b": "secret:x"}, "snapshot": False, "container": False,
        "service_account": "sa", "window": 90,
    }  # fmt: skip

    assert notes(HTTP, event(retry=3, delivery_timeout=5.0), options=options) == ()


@pytest.mark.parametrize(
    ("options", "expected", "words"),
    [
        ({"node_selector": {"a": "b"}}, "needs f node_selector", "kubernetes.podspec-nodeselector"),
        ({"tolerations": [{"key": "a"}]}, "needs f tolerations", "kubernetes.podspec-tolerations"),
        ({"affinity": {"nodeAffinity": {}}}, "needs f affinity", "kubernetes.podspec-affinity"),
        ({"runtime_class": "gvisor"}, "needs f runtime_class", "kubernetes.podspec-runtimeclassname"),
        ({"volumes": {"/a": "pvc:x"}}, "needs f volumes: /a", "kubernetes.podspec-persistent-volume-claim"),
        ({"volumes": {"/a": "pvc:x:rw"}}, "needs f volumes: /a", "and kubernetes.podspec-persistent-volume-write"),
        ({"metric": "cpu"}, "needs f autoscaler hpa", "serving-hpa"),
        ({"timeout": 601.0}, "needs f timeout=601", "max-revision-timeout-seconds"),
        ({"initial_scale": 0}, "needs f initial_scale=0", "allow-zero-initial-scale"),
        ({"domains": ["a.b"]}, "needs f domains", "DNS"),
        ({"scale_to_zero_after": 30.0}, "differs f scale_to_zero_after=30", "about 90 s after"),
        ({"scale_to_zero_after": 7200.0}, "differs f scale_to_zero_after=7200", "about 3660 s after"),
        ({"scale_to_zero_after": 7200.0, "min_scale": 1}, "", ""),
    ],
)
def test_options(options: dict[str, Any], expected: str, words: str) -> None:
    found = notes(HTTP, options=options)

    assert short(found) == ([expected] if expected else [])
    assert words in " ".join(note.text for note in found)


@pytest.mark.parametrize(
    ("trigger", "said", "expected", "words"),
    [
        (event(ordered_by="subject"), {}, "ignored f ordered_by='subject'", "keeps no order"),
        (event(ordered_by="subject"), {"brokers": {"default": BrokerSettings("Kafka")}},
         "differs f ordered_by='subject'", "within a partition"),
        (event(parallelism=3), {}, "ignored f parallelism", "what the function takes at once"),
        (event(backlog_target=3), {}, "ignored f backlog_target", "not the events that wait"),
        (event(dead_letter="lost"), {"dead_letters": False}, "ignored f dead_letter='lost'", "is gone"),
        (event(dead_letter="lost"), {}, "", ""),
        (event(dead_letter="f"), {"dead_letters": False}, "", ""),
    ],
)  # fmt: skip
def test_triggers(trigger: Trigger, said: dict[str, Any], expected: str, words: str) -> None:
    found = notes(trigger, **said)

    assert short(found) == ([expected] if expected else [])
    assert words in " ".join(note.text for note in found)


POD = [{"apiVersion": "v1", "kind": "Pod"}]


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        (source("files", path="in"), "refused f-files @function.files"),
        (source("mqtt", topics=["a"]), "refused f-mqtt @function.mqtt"),
        (source("mqtt", topics=["a"], url="mqtts://broker.example"), ""),
        (source("rabbitmq", queue="q"), "refused f-rabbitmq @function.rabbitmq"),
        (source("rabbitmq", queue="q", url="amqp://mq.example"), ""),
        (source("redis", stream="s", url="redis://127.0.0.1:1", start="$"), "refused f-redis @function.redis"),
        (source("redis", stream="s", url="redis://localhost", start="0"), "refused f-redis @function.redis"),
        (source("kafka", topics=["t"], bootstrap=["localhost:9092"], start="latest", ordering="ordered",
                security="PLAINTEXT"), "refused f-kafka @function.kafka"),
        (source("bucket", bucket="b", on=["created"]), "differs f-bucket @function.bucket"),
        (source("bucket", bucket="b", on=["created"], notifications=True, secret="s"), ""),
        (source("webhook", path="/"), ""),
        (source("schedule", schedule="* * * * *"), ""),
        (source("kubernetes", resources=POD, mode="resource"), "needs f-kubernetes @function.kubernetes"),
        (source("kubernetes", resources=POD, mode="resource", namespaces=["x"]),
         "refused f-kubernetes @function.kubernetes"),
        (source("kubernetes", resources=POD, mode="resource", namespaces=["x"], service_account="w"), ""),
    ],
)  # fmt: skip
def test_sources(trigger: Trigger, expected: str) -> None:
    assert short(notes(trigger)) == ([expected] if expected else [])


def test_brokers() -> None:
    found = notes(
        event(),
        brokers={"default": BrokerSettings("Homemade", annotations={"faas.dev/retention": "PT72H"})},
    )

    assert short(found) == ["differs default class = 'Homemade'", "ignored default faas.dev/retention"]


def test_only_what_cannot_work_is_refused_and_all_of_it_at_once() -> None:
    found = notes(source("files", path="in"), source("mqtt", topics=["a"]), event(parallelism=3))

    with pytest.raises(RefusedByCluster) as caught:
        check_for_cluster(found)
    check_for_cluster([note for note in found if note.effect != "refused"])

    assert caught.value.message.splitlines() == [
        "f-files: @function.files: a folder of this machine cannot be watched from there",
        "f-mqtt: @function.mqtt: only the engine has a door for MQTT of its own",
    ]
    assert len(caught.value.hint.splitlines()) == 2
