"""Events of sources: the attributes that handlers and filters rely on, word for word."""

from datetime import UTC, datetime
from typing import Any

import pytest
from faas_runtime.events import wire
from faas_runtime.events.shapes import (
    bucket,
    files,
    github,
    kafka,
    kubernetes,
    mqtt,
    rabbitmq,
    redis,
    schedule,
    webhook,
)
from faas_runtime.events.shapes.bucket import BucketObject
from faas_runtime.events.shapes.files import FileChange
from faas_runtime.events.shapes.making import content_type_of
from hypothesis import given
from hypothesis import strategies as st

from faas import Event, EventError

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def said(event: Event[Any]) -> dict[str, Any]:
    """What travels, but for the data."""
    headers, _ = wire.binary(event)
    return {name.decode().removeprefix("ce-"): value.decode() for name, value in headers if name != b"ce-specversion"}


def test_a_schedule_is_a_pingsources_and_the_same_due_time_has_the_same_id() -> None:
    event = schedule.make_event("default", "tick", due=NOON, data=b'{"n": 1}', content_type="application/json")

    assert said(event) == {
        "id": schedule.make_event("default", "tick", due=NOON).id, "type": "dev.knative.sources.ping",
        "source": "/apis/v1/namespaces/default/pingsources/tick", "time": "2026-01-01T12:00:00Z",
        "content-type": "application/json",
    }  # fmt: skip
    assert event.data == {"n": 1}


@pytest.mark.parametrize(
    ("payload", "kind", "data"),
    [
        pytest.param(b'{"c": 21.5}', "application/json", {"c": 21.5}, id="json"),
        pytest.param(b"21.5", "application/json", 21.5, id="number"),
        pytest.param(b"ON", "text/plain; charset=utf-8", "ON", id="text"),
        pytest.param(b"\xff\x00", "application/octet-stream", b"\xff\x00", id="bytes"),
        pytest.param(b"", "text/plain; charset=utf-8", "", id="empty"),
        pytest.param(b'{"c"', "text/plain; charset=utf-8", '{"c"', id="broken json"),
        pytest.param(b'"\xff"', "application/octet-stream", b'"\xff"', id="a string that is no text"),
    ],
)
def test_an_mqtt_message_says_its_topic_and_its_payload_is_looked_at(payload: bytes, kind: str, data: Any) -> None:
    event = mqtt.make_event("mqtt://localhost:1883", "sensors/1/temperature", payload, id="1", time=NOON, qos=1)

    assert said(event) == {
        "id": "1", "type": "dev.faas.mqtt.message", "source": "mqtt://localhost:1883",
        "subject": "sensors/1/temperature", "time": "2026-01-01T12:00:00Z", "mqttqos": "1", "content-type": kind,
    }  # fmt: skip
    assert event.data == data


@given(st.binary(max_size=40))
def test_any_payload_has_a_content_type_under_which_it_can_be_read(payload: bytes) -> None:
    Event.received("t", "s", "1", None, None, content_type_of(payload), None, {}, payload).data  # noqa: B018


def test_a_cloud_event_inside_a_message_is_passed_on_as_it_is() -> None:
    inner = Event("order.created", {"id": 7}, source="/shop", id="42", extensions={"amount": 3})
    (_, body) = wire.structured(inner)

    structured = mqtt.make_event(
        "mqtt://b", "t", body, id="1", time=NOON, content_type="application/cloudevents+json; charset=utf-8"
    )
    by_headers = kafka.make_event(
        "default", "k", "t", 0, 1, b'{"id":7}', key="a",
        headers={"ce_specversion": "1.0", "ce_id": "42", "ce_type": "order.created", "ce_source": "/shop",
                 "content-type": "application/json"},
    )  # fmt: skip
    by_properties = rabbitmq.make_event(
        "default", "r", "q", b"x", id="1",
        headers={"cloudEvents:specversion": "1.0", "cloudEvents:id": "42", "cloudEvents:type": "t",
                 "cloudEvents:source": "/s"},
    )  # fmt: skip

    assert (structured.type, structured.id, structured.data) == ("order.created", "42", {"id": 7})
    assert (by_headers.type, by_headers.id, by_headers.data) == ("order.created", "42", {"id": 7})
    assert by_headers.extensions == {"partitionkey": "a"}
    assert (by_properties.type, by_properties.source, by_properties.payload) == ("t", "/s", b"x")


def test_what_only_looks_like_a_cloud_event_is_a_message() -> None:
    event = webhook.make_event(
        "default", "hook", b'{"type": "t"}', id="1", time=NOON, content_type="application/cloudevents+json"
    )

    assert (event.type, event.source) == ("dev.faas.webhook", "/apis/v1/namespaces/default/containersources/hook")


def test_a_listing_is_told_in_the_words_of_an_s3_notification() -> None:
    record = bucket.make_record("uploads", "img/a cat+1.jpg", time=NOON, size=3, etag="e1", region="eu-1")
    event = bucket.make_event(record)

    assert {name: value for name, value in said(event).items() if name != "id"} == {
        "type": "com.amazonaws.s3.ObjectCreated:Put", "source": "aws:s3.eu-1.uploads",
        "subject": "img/a%20cat+1.jpg", "time": "2026-01-01T12:00:00Z", "content-type": "application/json",
    }  # fmt: skip
    assert event.data["s3"]["object"]["key"] == "img/a+cat%2B1.jpg"
    assert event.id == bucket.make_event(record).id
    assert event.id != bucket.make_event({**record, "eventTime": "2026-01-02T00:00:00Z"}).id
    found = BucketObject.of_event(event)
    assert (found.bucket, found.key, found.name, found.change) == (
        "uploads",
        "img/a cat+1.jpg",
        "a cat+1.jpg",
        "created",
    )
    assert (found.size, found.etag, found.region, found.time) == (3, "e1", "eu-1", NOON)


def test_a_notification_has_its_own_id_and_its_stores_own_words() -> None:
    record = bucket.make_record("uploads", "a", time=NOON, service="minio:s3")
    record["eventName"] = "s3:ObjectCreated:Copy"
    record["responseElements"] = {"x-amz-request-id": "R", "x-amz-id-2": "H"}

    event = bucket.make_event(record)

    assert (event.id, event.source) == ("R.H", "minio:s3..uploads")
    assert (event.type, BucketObject.of_event(event).change) == ("com.amazonaws.s3.ObjectCreated:Copy", "created")
    record["eventName"] = "s3:ObjectRemoved:DeleteMarkerCreated"
    event = bucket.make_event(record)
    assert event.type == "com.amazonaws.s3.ObjectRemoved:DeleteMarkerCreated"
    assert BucketObject.of_event(event).change == "removed"
    record["s3"]["object"]["key"] = "b"  # removed by the same request
    assert bucket.make_event(record).id != event.id
    with pytest.raises(EventError, match="no record of an S3 notification"):
        bucket.make_event({"TestEvent": True})


def test_a_redis_entry_is_the_array_that_knative_sends() -> None:
    event = redis.make_event("localhost:6379", "orders", "1767268800000-0", ["id", "7", "item", "tea"])

    assert said(event) == {
        "id": "1767268800000-0", "type": "dev.knative.sources.redisstream", "source": "localhost:6379/orders",
        "time": "2026-01-01T12:00:00Z", "content-type": "application/json",
    }  # fmt: skip
    assert event.data == ["id", "7", "item", "tea"]
    assert redis.fields_of(event.data) == {"id": "7", "item": "tea"}
    assert redis.make_event("a", "s", "1-1", []).time is None


def test_a_kafka_record_says_where_it_was() -> None:
    event = kafka.make_event("ns", "k", "orders", 3, 41, b"7", key="a", headers={"X-Trace": "t"}, time=NOON)

    assert said(event) == {
        "id": "partition:3/offset:41", "type": "dev.knative.kafka.event", "subject": "partition:3#41",
        "source": "/apis/v1/namespaces/ns/kafkasources/k#orders", "time": "2026-01-01T12:00:00Z",
        "key": "a", "kafkaheaderxtrace": "t", "content-type": "application/json",
    }  # fmt: skip
    tombstone = kafka.make_event("ns", "k", "orders", 3, 42, None)
    assert (tombstone.payload, tombstone.datacontenttype) == (None, None)


def test_a_rabbitmq_message_is_its_own_subject() -> None:
    event = rabbitmq.make_event("ns", "r", "orders", b"x", id="m1", routing_key="eu.new", time=NOON)

    assert said(event) == {
        "id": "m1", "type": "dev.knative.rabbitmq.event", "subject": "m1", "routingkey": "eu.new",
        "source": "/apis/v1/namespaces/ns/rabbitmqsources/r#orders", "time": "2026-01-01T12:00:00Z",
        "content-type": "text/plain; charset=utf-8",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "payload", "subject"),
    [
        pytest.param("push", {"compare": "https://github.com/o/r/compare/a...b"}, "a...b", id="push"),
        pytest.param("issues", {"issue": {"number": 7}}, "7", id="issue"),
        pytest.param("gollum", {"pages": [{"page_name": "Home"}, {"page_name": "Main"}]}, "Home,Main", id="wiki"),
        pytest.param("release", {"release": {"tag_name": "v1"}}, "v1", id="release"),
        pytest.param("pull_request", {"odd": True}, None, id="not what was expected"),
        pytest.param("unheard_of", {}, None, id="unknown"),
    ],
)
def test_a_github_delivery_says_what_it_is_about(kind: str, payload: dict[str, Any], subject: str | None) -> None:
    event = github.make_event("o/r", kind, "d1", b"{}", payload)

    assert (event.type, event.source, event.id) == (f"dev.knative.source.github.{kind}", "https://github.com/o/r", "d1")
    assert event.subject == subject


def test_every_kind_that_a_githubsource_takes_has_a_subject() -> None:
    assert sorted(github._SUBJECTS) == sorted(github.EVENTS)


def test_a_kubernetes_object_is_told_whole_or_by_its_name() -> None:
    pod = {"apiVersion": "v1", "kind": "Pod",
           "metadata": {"name": "web", "namespace": "shop", "uid": "u", "resourceVersion": "5"}}  # fmt: skip

    whole = kubernetes.make_event("https://127.0.0.1:6443", "update", pod, plural="pods", mode="Resource")
    named = kubernetes.make_event("https://127.0.0.1:6443", "delete", pod, plural="pods", mode="Reference")

    assert said(whole) == {
        "id": whole.id, "type": "dev.knative.apiserver.resource.update", "source": "https://127.0.0.1:6443",
        "subject": "/api/v1/namespaces/shop/pods/web", "apiversion": "v1", "kind": "Pod", "name": "web",
        "namespace": "shop", "content-type": "application/json",
    }  # fmt: skip
    assert whole.data == pod
    assert named.type == "dev.knative.apiserver.ref.delete"
    assert named.data == {"kind": "Pod", "namespace": "shop", "name": "web", "apiVersion": "v1"}
    assert kubernetes.self_link("apps/v1", "deployments", "a", "b") == "/apis/apps/v1/namespaces/a/deployments/b"
    assert kubernetes.self_link("v1", "nodes", "", "n") == "/api/v1/nodes/n"


def test_a_file_is_told_once_for_each_state_it_was_seen_in() -> None:
    event = files.make_event("/srv/in", "a/b.csv", "created", time=NOON, size=3, modified_ns=NOON.timestamp() * 10**9)  # type: ignore[arg-type]

    assert said(event) == {
        "id": event.id, "type": "dev.faas.file.created", "source": "file:///srv/in", "subject": "a/b.csv",
        "time": "2026-01-01T12:00:00Z", "content-type": "application/json",
    }  # fmt: skip
    assert FileChange.of_event(event) == FileChange(
        path="/srv/in/a/b.csv", name="a/b.csv", change="created", size=3, modified=NOON
    )
    removed = FileChange.of_event(files.make_event("/srv/in", "a", "removed", time=NOON))
    assert (removed.size, removed.modified) == (None, None)
