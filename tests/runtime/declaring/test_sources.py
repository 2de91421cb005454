"""Decorators of sources: what they record, what they refuse and how, and what their handlers are given."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from faas_runtime.declaring.registry import REGISTRY
from faas_runtime.declaring.triggers import filters_of, trigger_names
from faas_runtime.options.sources import EXAMPLES, OPTIONS
from faas_runtime.options.sources.buses import topic_filter, topic_matches
from hypothesis import given
from hypothesis import strategies as st

from faas import BucketObject, DeclarationError, Event, FileChange, function
from faas.testing import Client


@dataclass
class Reading:
    celsius: float


def recorded() -> dict[str, Any]:
    (only,) = REGISTRY.functions.values()
    (declaration,) = only.declarations
    return declaration.options


@pytest.mark.parametrize(
    ("decorator", "options"),
    [
        pytest.param(
            function.schedule("*/5  * * * *", timezone="Europe/Berlin", data={"n": 1}),
            {"schedule": "*/5 * * * *", "timezone": "Europe/Berlin", "data": '{"n":1}',
             "content_type": "application/json"}, id="schedule",
        ),
        pytest.param(function.schedule("@hourly", data=b"\xff"),
                     {"schedule": "@hourly", "data_base64": "/w==", "content_type": "application/octet-stream"},
                     id="schedule with bytes"),
        pytest.param(function.mqtt("sensors/+/temperature", retry=3, ordered_by="subject"),
                     {"topics": ["sensors/+/temperature"], "qos": 1, "version": 5, "retry": 3, "ordered_by": "subject"},
                     id="mqtt"),
        pytest.param(function.bucket("uploads", on=("created", "removed"), prefix="img/", suffix=(".jpg", ".png"),
                                     endpoint="http://127.0.0.1:8333", interval="1m", secret="s3"),
                     {"bucket": "uploads", "on": ["created", "removed"], "prefix": "img/", "suffix": [".jpg", ".png"],
                      "endpoint": "http://127.0.0.1:8333", "interval": 60.0, "secret": "s3"}, id="bucket"),
        pytest.param(function.redis("orders", url="cache:6379", start="earliest"),
                     {"stream": "orders", "url": "redis://cache:6379", "start": "0"}, id="redis"),
        pytest.param(function.kafka(["a", "b"], bootstrap="k1:9092,k2:9092", secret="kafka"),
                     {"topics": ["a", "b"], "bootstrap": ["k1:9092", "k2:9092"], "start": "latest",
                      "ordering": "ordered", "secret": "kafka", "security": "SASL_SSL"}, id="kafka"),
        pytest.param(function.rabbitmq("orders", url="amqp://mq/shop", exchange="shop", routing_key="eu.#", prefetch=5),
                     {"queue": "orders", "url": "amqp://mq/shop", "exchange": "shop", "routing_key": ["eu.#"],
                      "prefetch": 5}, id="rabbitmq"),
        pytest.param(function.github("owner/repo", events=("push", "issues"), secret="gh"),
                     {"repository": "owner/repo", "events": ["push", "issues"], "secret": "gh"}, id="github"),
        pytest.param(function.kubernetes(["v1/Pod", "apps/v1/Deployment"], selector="app=web", on="add"),
                     {"resources": [{"apiVersion": "v1", "kind": "Pod"},
                                    {"apiVersion": "apps/v1", "kind": "Deployment"}],
                      "mode": "resource", "on": ["add"], "selector": {"app": "web"}}, id="kubernetes"),
        pytest.param(function.webhook("/stripe", methods="post", secret="stripe", signature="X-Signature"),
                     {"path": "/stripe", "methods": ["POST"], "secret": "stripe", "signature": "X-Signature"},
                     id="webhook"),
        pytest.param(function.files("/srv/in", patterns="*.csv", settle="2s"),
                     {"path": "/srv/in", "patterns": ["*.csv"], "on": ["created"], "recursive": True, "settle": 2.0},
                     id="files"),
    ],
)  # fmt: skip
def test_a_source_records_its_options_in_their_normal_form(decorator: Any, options: dict[str, Any]) -> None:
    def handler() -> None: ...

    assert decorator(handler) is handler
    assert recorded() == options


@pytest.mark.parametrize(
    ("declare", "said"),
    [
        pytest.param(lambda: function.schedule("* * * *"), "expected 5 to 6 fields, found 4", id="too few fields"),
        pytest.param(lambda: function.schedule("61 * * * *"), "minute: end of range (61) above", id="minute"),
        pytest.param(lambda: function.schedule("0 9 * * 7"), "it takes 0 to 6, or sun, mon", id="Sunday is 0"),
        pytest.param(lambda: function.schedule("0 0 31 feb *"), "there is no such day", id="31 February"),
        pytest.param(lambda: function.schedule("0 18-9 * * *"), "18-9\n  write 9-18, or two ranges", id="backwards"),
        pytest.param(lambda: function.schedule("*/0 * * * *"), "step of range should be a positive number", id="step"),
        pytest.param(lambda: function.schedule("@every 5m"), 'write "*/5 * * * *"', id="every"),
        pytest.param(lambda: function.schedule("@dayly"), "did you mean '@daily'?", id="word"),
        pytest.param(lambda: function.schedule("TZ=UTC 0 9 * * *"), 'say timezone="Europe/Berlin"', id="zone inside"),
        pytest.param(
            lambda: function.schedule("@daily", timezone="Berlin"), "did you mean 'Europe/Berlin'?", id="zone"
        ),
        pytest.param(lambda: function.mqtt("a/b#"), "'#' stands alone", id="hash"),
        pytest.param(lambda: function.mqtt("a+/b"), "'+' stands for a whole level", id="plus"),
        pytest.param(lambda: function.mqtt("$share/g/a"), 'say share="g"', id="share"),
        pytest.param(lambda: function.mqtt("a", qos=3), "it takes 0, 1 or 2", id="qos"),  # type: ignore[arg-type]
        pytest.param(lambda: function.mqtt("a", url="mqtt://me:secret@b"), 'say secret="NAME"', id="password"),
        pytest.param(lambda: function.mqtt("a", url="mqtt://me:${PW}@b"), "would still stand in the object", id="env"),
        pytest.param(lambda: function.mqtt("a", url="http://b"), "write mqtt://HOST:PORT", id="scheme"),
        pytest.param(lambda: function.mqtt("a", secret="s"), 'say url="mqtts://HOST:8883"', id="secret for own door"),
        pytest.param(lambda: function.mqtt("a", qoss=1), "did you mean 'qos'?", id="unknown option"),  # type: ignore[call-arg]
        pytest.param(lambda: function.mqtt("a", retyr=1), "did you mean 'retry'?", id="unknown delivery"),  # type: ignore[call-arg]
        pytest.param(lambda: function.bucket("No"), "3 to 63 lower-case", id="bucket"),
        pytest.param(lambda: function.bucket("uploads", on="create"), "did you mean 'created'?", id="change"),  # type: ignore[arg-type]
        pytest.param(lambda: function.bucket("uploads", interval=5, notifications=True), "leave interval", id="both"),
        pytest.param(lambda: function.bucket("uploads", notifications=True), "anybody could send", id="open door"),
        pytest.param(lambda: function.redis("s", start="then"), "'latest', 'earliest' or the id", id="redis start"),
        pytest.param(lambda: function.kafka("t"), 'say bootstrap="localhost:9092"', id="kafka without servers"),
        pytest.param(lambda: function.kafka("t", bootstrap="b:1", security="SASL_SSL"), 'secret="NAME"', id="sasl"),
        pytest.param(lambda: function.rabbitmq("q", routing_key="k"), 'say exchange="NAME" too', id="routing key"),
        pytest.param(lambda: function.github("owner/repo"), "in GitHub's name", id="github without secret"),
        pytest.param(lambda: function.github("o/r", events="pushs", secret="s"), "did you mean 'push'?", id="github"),
        pytest.param(lambda: function.kubernetes("Pod"), 'write it as "v1/Pod"', id="kubernetes"),
        pytest.param(lambda: function.webhook("stripe"), "a path: '/stripe'", id="webhook"),
        pytest.param(lambda: function.webhook("/s", signature="X"), "a signature is checked with a key", id="no key"),
        pytest.param(lambda: function.webhook("/s", secret="s"), "which header has the signature", id="no header"),
        pytest.param(lambda: function.files("../x"), "a path without '..'", id="folder"),
        pytest.param(lambda: function.event(filters=[{"exakt": {"type": "a"}}]), "filters", id="raw filter"),
        pytest.param(lambda: function.event(ordered_by="Data"), "'data.device.id'", id="ordered by"),
    ],
)
def test_what_cannot_work_is_refused_where_it_stands(declare: Any, said: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        declare()
    assert said in str(caught.value)
    assert caught.value.file == __file__


@pytest.mark.parametrize("kind", sorted(OPTIONS))
def test_a_source_without_parentheses_says_how_it_is_written(kind: str) -> None:
    def handler() -> None: ...

    with pytest.raises(DeclarationError, match="stands without parentheses") as caught:
        getattr(function, kind)(handler)
    assert EXAMPLES[kind] in str(caught.value)


@given(
    st.lists(st.sampled_from(["a", "b", "+"]), min_size=1, max_size=4), st.booleans(),
    st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=5),
)  # fmt: skip
def test_an_mqtt_filter_matches_as_its_levels_do(levels: list[str], rest: bool, topic: list[str]) -> None:
    pattern = topic_filter("/".join([*levels, "#"] if rest else levels))
    long_enough = len(topic) >= len(levels) if rest else len(topic) == len(levels)
    expected = long_enough and all(want in ("+", have) for want, have in zip(levels, topic, strict=False))

    assert topic_matches(pattern, "/".join(topic)) is expected


def test_names_tell_triggers_apart_and_fit_in_a_label() -> None:
    assert trigger_names("on-reading", ["mqtt", "http", "event", "mqtt", "event"]) == [
        "on-reading-mqtt", "", "on-reading", "on-reading-mqtt-2", "on-reading-2",
    ]  # fmt: skip
    (long,) = trigger_names("a" * 60, ["kubernetes"])
    assert (len(long), long[:54]) == (63, "a" * 54)
    assert trigger_names("a" * 59 + "b", ["kubernetes"]) != [long]


def test_a_source_is_known_by_its_name_and_kinds_of_changes_by_their_type() -> None:
    assert filters_of("mqtt", {}, "on-reading-mqtt") == [{"exact": {"faassource": "on-reading-mqtt"}}]
    assert filters_of("kubernetes", {"mode": "reference", "on": ["add", "delete"]}, "n")[1] == {
        "any": [
            {"exact": {"type": "dev.knative.apiserver.ref.add"}},
            {"exact": {"type": "dev.knative.apiserver.ref.delete"}},
        ]
    }


def test_an_mqtt_payload_becomes_what_the_handler_asks_for() -> None:
    seen: list[Any] = []

    @function.mqtt("sensors/+/temperature")
    def typed(reading: Reading, event: Event) -> None:
        seen.append((reading, event.subject, event.extensions["faassource"]))

    @function.mqtt("text/#")
    def text(data: str) -> None:
        seen.append(data)

    @function.mqtt("raw")
    def raw(data: bytes) -> None:
        seen.append(data)

    with Client() as client:
        assert client.mqtt("sensors/7/temperature", {"celsius": 21.5}).status == 204
        assert client.mqtt("sensors/7/temperature", "hot").status == 422
        assert client.mqtt("text/a", "21.5").status == 204
        assert client.mqtt("text/a", b"\xff").status == 400
        assert client.mqtt("raw", b"\xff").status == 204
        with pytest.raises(LookupError, match="no event decorator wants the MQTT topic 'other'"):
            client.mqtt("other")
        with pytest.raises(LookupError, match=r"no function of this client has @function\.kafka"):
            client.kafka("x")
    assert seen == [(Reading(21.5), "sensors/7/temperature", "typed-mqtt"), "21.5", b"\xff"]


def test_a_schedule_needs_no_parameter() -> None:
    due: list[datetime | None] = []

    @function.schedule("0 9 * * mon-fri", timezone="Europe/Berlin")
    def report() -> None:
        due.append(None)

    @function.schedule("@daily", data={"celsius": 1})
    async def nightly(reading: Reading, event: Event) -> None:
        due.append(event.time)
        assert reading == Reading(1.0)

    with Client() as client:
        assert client.schedule(function=report).status == 204
        assert client.schedule(function=nightly).status == 204
    assert due == [None, datetime(2026, 1, 1, tzinfo=UTC)]


def test_every_source_hands_over_its_own_data() -> None:
    seen: list[Any] = []

    @function.bucket("uploads", prefix="img/", suffix=(".jpg", ".png"))
    def on_image(image: BucketObject) -> None:
        seen.append((image.bucket, image.key, image.change))

    @function.files("/srv/in", patterns="*.csv", on=("created", "removed"))
    def on_file(found: FileChange, event: Event[FileChange]) -> None:
        seen.append((found.path, found.change, event.data == found))

    @function.redis("readings")
    def on_entry(reading: Reading) -> None:
        seen.append(reading)

    @function.kafka("orders", bootstrap="localhost:9092")
    def on_record(data: dict[str, int], event: Event) -> None:
        seen.append((data, event.subject, event.extensions["key"]))

    @function.rabbitmq("orders")
    def on_message(data: str) -> None:
        seen.append(data)

    @function.github("o/r", events="push", secret="gh")
    def on_push(data: dict[str, Any], event: Event) -> None:
        seen.append((data["ref"], event.type))

    @function.kubernetes("v1/Pod", on="delete", selector={"app": "web"})
    def on_pod(data: dict[str, Any]) -> None:
        seen.append(data["metadata"]["name"])

    @function.webhook("/slack")
    def on_slack(data: dict[str, str]) -> None:
        seen.append(data)

    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "a"}}
    with Client() as client:
        assert client.bucket("img/a b.jpg", size=3).status == 204
        assert client.files("a.csv").status == 204
        assert client.redis({"celsius": 21.5}).status == 204
        assert client.kafka({"id": 7}, key="eu").status == 204
        assert client.rabbitmq("hello").status == 204
        assert client.github("push", {"ref": "main", "compare": "x/y/a...b"}).status == 204
        assert client.kubernetes(pod, "delete").status == 204
        answer = client.webhook("user=ada&text=hi+there", content_type="application/x-www-form-urlencoded")
        assert answer.status == 204
        for nobody in (
            lambda: client.bucket("doc/a.jpg"), lambda: client.bucket("img/a.jpg", removed=True),
            lambda: client.files("a.txt"), lambda: client.github("issues", {}), lambda: client.kubernetes(pod, "add"),
        ):  # fmt: skip
            with pytest.raises(LookupError, match="no event decorator wants"):
                nobody()
    assert seen == [
        ("uploads", "img/a b.jpg", "created"), ("/srv/in/a.csv", "created", True), Reading(21.5),
        ({"id": 7}, "partition:0#2", "eu"), "hello", ("main", "dev.knative.source.github.push"), "web",
        {"user": "ada", "text": "hi there"},
    ]  # fmt: skip
