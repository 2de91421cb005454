"""Brokers, Triggers and EventTypes over the real API in process; the test plays the broker's process."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from faas.client.protocol import Object
from faas.engine.contract.eventing import BrokerConfig, BrokerStatus, Delivery, SeenType, TriggerConfig, TriggerStatus
from faas.engine.contract.revision import Endpoint, RevisionKey
from faas.resources.kinds import BROKER, EVENT, EVENT_TYPE, SERVICE, TRIGGER, Kind
from tests.engine_world import DEADLINE_S, World, condition, engine_world, in_world, is_ready

INGRESS = RevisionKey("knative-eventing", "broker-ingress")
URL = "http://broker-ingress.knative-eventing.svc.cluster.local/default/default"
DLQ = {"ref": {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "dlq"}}


def obj(kind: Kind, name: str, spec: Object, **annotations: str) -> Object:
    keys = {key.replace("__", "/").replace("_", "-"): value for key, value in annotations.items()}
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {"name": name, "namespace": "default", "annotations": keys},
        "spec": spec,
    }


def subscriber(name: str = "hello", uri: str = "") -> Object:
    ref = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": name}
    return {"ref": ref, **({"uri": uri} if uri else {})}


async def apply(world: World, manifest: Object) -> Object:
    kind = {kind.kind: kind for kind in (BROKER, TRIGGER, EVENT_TYPE)}[manifest["kind"]]
    name = manifest["metadata"]["name"]
    return await world.client.patch(kind, name, manifest, "default", type="apply", force=True)


async def on_board(observed: Any, key: Any, wanted: Callable[[Any], bool]) -> Any:
    """The value on the board, as soon as it is as wanted."""
    try:
        async with asyncio.timeout(DEADLINE_S):
            async for _ in observed.changes():
                if key in observed and wanted(observed[key]):
                    return observed[key]
    except TimeoutError:
        raise AssertionError(f"{key} did not get there; last: {observed.get(key)}") from None


async def gone(observed: Any, key: Any) -> None:
    async with asyncio.timeout(DEADLINE_S):
        async for _ in observed.changes():
            if key not in observed:
                return


async def ready_broker(world: World, **annotations: str) -> Object:
    await apply(world, obj(BROKER, "default", {}, **annotations))
    await on_board(world.board.brokers, "default/default", lambda _: True)
    world.board.broker_status.put("default/default", BrokerStatus("default/default", ready=True))
    return await world.until(BROKER, "default", is_ready)


async def ready_service(world: World, name: str = "hello", **changes: Any) -> None:
    await world.apply(name, **changes)
    await world.service_ready(name, f"{name}-00001")


@in_world
async def test_a_broker_becomes_ready_when_its_process_takes_events(world: World) -> None:
    await apply(world, obj(BROKER, "default", {}, **{"faas.dev__retention": "PT1H", "faas.dev__max_bytes": "10Mi"}))
    broker = await world.until(
        BROKER, "default", lambda raw: condition(raw, "IngressReady").get("reason") == "Starting"
    )
    assert condition(broker, "Ready")["status"] == "Unknown"
    assert broker["status"]["address"] == {"name": "http", "url": URL}
    config = world.board.brokers["default/default"]
    assert config == BrokerConfig("default/default", broker["metadata"]["uid"], 3600.0, 10 * 2**20)
    world.board.broker_status.put("default/default", BrokerStatus("default/default", ready=True))
    broker = await world.until(BROKER, "default", is_ready)
    assert {entry["type"]: entry["status"] for entry in broker["status"]["conditions"]} == {
        "Addressable": "True",
        "DeadLetterSinkResolved": "True",
        "EventPoliciesReady": "True",
        "FilterReady": "True",
        "IngressReady": "True",
        "Ready": "True",
        "TriggerChannelReady": "True",
    }


@in_world
async def test_the_gateway_knows_the_ingress_while_there_is_a_broker(world: World) -> None:
    await ready_broker(world)
    board = world.board
    assert board.endpoints[INGRESS] == (Endpoint("broker", "unix:/nonexistent/broker.sock"),)
    assert board.hosts["broker-ingress.knative-eventing.svc.cluster.local"] == "knative-eventing/broker-ingress"
    target = board.targets["knative-eventing/broker-ingress"]
    assert (target.public, [(split.revision, split.percent) for split in target.splits]) == (
        False,
        [(str(INGRESS), 100)],
    )
    assert board.policies[INGRESS].revision == str(INGRESS)
    await world.client.delete(BROKER, "default", "default")
    await gone(board.brokers, "default/default")
    await gone(board.endpoints, INGRESS)
    assert "knative-eventing/broker-ingress" not in board.targets
    assert INGRESS not in board.policies


@pytest.mark.parametrize(
    ("status", "type", "reason", "message"),
    [
        pytest.param(
            BrokerStatus("default/default", ready=False, reason="NATSUnavailable", message="no answer"),
            "TriggerChannelReady",
            "NATSUnavailable",
            "no answer",
            id="nats is away",
        ),
        pytest.param(
            BrokerStatus(
                "default/default", ready=False, reason="LogFull", message="The log is full", held_by="default/slow"
            ),
            "IngressReady",
            "LogFull",
            "The log is full; the trigger default/slow has not finished its oldest event",
            id="the log is full",
        ),
    ],
)
def test_a_broker_says_why_it_takes_no_events(status: BrokerStatus, type: str, reason: str, message: str) -> None:
    async def body(world: World) -> None:
        await ready_broker(world)
        world.board.broker_status.put("default/default", status)
        broker = await world.until(BROKER, "default", lambda raw: condition(raw, "Ready").get("status") == "False")
        assert condition(broker, type)["reason"] == condition(broker, "Ready")["reason"] == reason
        assert condition(broker, type)["message"] == message

    in_world(body)()


@in_world
async def test_a_broker_of_another_class_is_left_alone_and_told_so(world: World) -> None:
    await apply(world, obj(BROKER, "default", {}, **{"eventing.knative.dev__broker.class": "Kafka"}))
    broker = await world.until(BROKER, "default", lambda raw: condition(raw, "Ready").get("status") == "False")
    assert condition(broker, "Ready")["reason"] == "BrokerClassUnknown"
    assert "MTChannelBasedBroker" in condition(broker, "Ready")["message"]
    assert "address" not in broker["status"]
    assert "default/default" not in world.board.brokers


@in_world
async def test_a_trigger_is_resolved_and_ready_when_the_broker_has_begun_with_it(world: World) -> None:
    await ready_broker(world)
    await ready_service(world)
    spec = {"broker": "default", "filter": {"attributes": {"type": "a.b", "source": ""}}}
    annotations = {"faas.dev__ordered_by": "subject", "faas.dev__parallelism": "3"}
    await apply(
        world, obj(TRIGGER, "on-order", {**spec, "subscriber": subscriber(uri="/_faas/events/on_order")}, **annotations)
    )
    config = await on_board(world.board.triggers, "default/on-order", lambda value: value is not None)
    trigger = await world.until(TRIGGER, "on-order", lambda raw: bool((raw.get("status") or {}).get("subscriberUri")))
    assert config == TriggerConfig(
        key="default/on-order",
        uid=trigger["metadata"]["uid"],
        broker="default/default",
        subscriber_uri="http://hello.default.svc.cluster.local/_faas/events/on_order",
        filters=({"exact": {"type": "a.b"}}, {"prefix": {"source": ""}}),
        delivery=Delivery(retry=10, backoff_policy="exponential", backoff_delay_s=0.2),
        ordered_by="subject",
        parallelism=3,
        target="default/hello",
    )
    assert condition(trigger, "SubscriptionReady")["status"] == "Unknown"
    world.board.trigger_status.put("default/on-order", TriggerStatus("default/on-order", 0, 0, 0, 0, 0, 0, 0))
    trigger = await world.until(TRIGGER, "on-order", is_ready)
    assert trigger["status"]["subscriberUri"] == config.subscriber_uri
    assert [entry["type"] for entry in trigger["status"]["conditions"]] == [
        "BrokerReady",
        "DeadLetterSinkResolved",
        "DependencyReady",
        "OIDCIdentityCreated",
        "Ready",
        "SubscriberResolved",
        "SubscriptionReady",
    ]


@in_world
async def test_a_trigger_whose_subscriber_comes_later_is_held_until_then(world: World) -> None:
    await ready_broker(world)
    await apply(world, obj(TRIGGER, "t", {"broker": "default", "subscriber": subscriber("late")}))
    trigger = await world.until(TRIGGER, "t", lambda raw: condition(raw, "SubscriberResolved").get("status") == "False")
    resolved = condition(trigger, "SubscriberResolved")
    assert resolved["reason"] == "Unable to get the Subscriber's URI"
    assert resolved["message"] == 'services.serving.knative.dev "late" not found in namespace default'
    assert world.board.triggers["default/t"] is None
    await ready_service(world, "late")
    await on_board(world.board.triggers, "default/t", lambda value: value is not None)
    await world.client.delete(SERVICE, "late", "default")
    await on_board(world.board.triggers, "default/t", lambda value: value is None)
    await world.client.delete(TRIGGER, "t", "default")
    await gone(world.board.triggers, "default/t")


@in_world
async def test_a_triggers_own_delivery_replaces_its_brokers_and_only_the_sink_falls_back(world: World) -> None:
    await ready_service(world, "dlq")
    await ready_service(world)
    delivery = {"retry": 3, "backoffPolicy": "linear", "backoffDelay": "PT2S", "deadLetterSink": DLQ}
    await apply(world, obj(BROKER, "default", {"delivery": delivery}))
    spec = {"broker": "default", "subscriber": subscriber()}
    await apply(world, obj(TRIGGER, "inherits", spec))
    sink = "http://dlq.default.svc.cluster.local"
    config = await on_board(
        world.board.triggers, "default/inherits", lambda value: value and value.delivery.dead_letter_uri
    )
    assert config.delivery == Delivery(3, "linear", 2.0, dead_letter_uri=sink)
    await apply(world, obj(TRIGGER, "own", {**spec, "delivery": {"retry": 1, "timeout": "PT5S"}}))
    config = await on_board(world.board.triggers, "default/own", lambda value: value and value.delivery.dead_letter_uri)
    assert config.delivery == Delivery(1, "exponential", 0.0, timeout_s=5.0, dead_letter_uri=sink)
    trigger = await world.until(TRIGGER, "own", lambda raw: bool((raw.get("status") or {}).get("deadLetterSinkUri")))
    assert trigger["status"]["deadLetterSinkUri"] == sink
    broker = await world.client.get(BROKER, "default", "default")
    assert broker["status"]["deadLetterSinkUri"] == sink


@in_world
async def test_a_named_dead_letter_stream_and_what_the_template_says_reach_the_broker(world: World) -> None:
    await ready_broker(world)
    await ready_service(world, template={"annotations": {"faas.dev/ordered-by": "source"}})
    manifest = obj(TRIGGER, "t", {"broker": "default", "subscriber": subscriber()})
    manifest["metadata"]["annotations"] = {"faas.dev/dead-letter-stream": "failed"}
    await apply(world, manifest)
    config = await on_board(world.board.triggers, "default/t", lambda value: value is not None)
    assert (config.delivery.dead_letter_stream, config.ordered_by) == ("failed", "source")


@in_world
async def test_a_trigger_without_its_broker_is_held_and_says_so(world: World) -> None:
    await apply(world, obj(TRIGGER, "t", {"broker": "default", "subscriber": {"uri": "http://example.com/in"}}))
    trigger = await world.until(TRIGGER, "t", lambda raw: condition(raw, "BrokerReady").get("status") == "False")
    assert condition(trigger, "Ready")["reason"] == "BrokerDoesNotExist"
    assert world.board.triggers["default/t"] is None
    await ready_broker(world)
    config = await on_board(world.board.triggers, "default/t", lambda value: value is not None)
    assert (config.subscriber_uri, config.target) == ("http://example.com/in", "")


@in_world
async def test_a_trigger_waits_for_its_dependency(world: World) -> None:
    await ready_broker(world)
    await ready_service(world)
    manifest = obj(TRIGGER, "t", {"broker": "default", "subscriber": subscriber()})
    reference = '{"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "first"}'
    manifest["metadata"]["annotations"] = {"knative.dev/dependency": reference}
    await apply(world, manifest)
    trigger = await world.until(TRIGGER, "t", lambda raw: condition(raw, "DependencyReady").get("status") == "False")
    assert condition(trigger, "DependencyReady")["reason"] == "DependencyDoesNotExist"
    assert world.board.triggers["default/t"] is None
    await ready_service(world, "first")
    await on_board(world.board.triggers, "default/t", lambda value: value is not None)


@in_world
async def test_a_change_of_readiness_is_told_as_an_event(world: World) -> None:
    await ready_broker(world)
    event = {}
    async with asyncio.timeout(DEADLINE_S):
        async for change in world.client.watch(EVENT, "default"):
            event = change.object
            if event["involvedObject"]["kind"] == "Broker":
                break
    assert (event["type"], event["reason"]) == ("Normal", "BrokerReady")


def test_after_a_restart_nothing_is_less_ready_than_before() -> None:
    async def body() -> None:
        async with engine_world() as world:
            await ready_broker(world)
            await ready_service(world)
            await apply(world, obj(TRIGGER, "t", {"broker": "default", "subscriber": subscriber()}))
            await on_board(world.board.triggers, "default/t", lambda value: value is not None)
            world.board.trigger_status.put("default/t", TriggerStatus("default/t", 0, 0, 0, 0, 0, 0, 0))
            before = [await world.until(TRIGGER, "t", is_ready), await world.until(BROKER, "default", is_ready)]
            config = world.board.triggers["default/t"]
        async with engine_world(world.client) as again:
            await again.controllers.settled()
            assert again.board.triggers["default/t"] == config
            after = [
                await again.client.get(kind, name, "default") for kind, name in ((TRIGGER, "t"), (BROKER, "default"))
            ]
            assert after == before

    asyncio.run(body())


@in_world
async def test_an_event_type_says_whether_what_it_refers_to_is_there(world: World) -> None:
    reference = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "default"}
    names = ("id", "source", "specversion", "type")
    spec = {"attributes": [{"name": name, "required": True, "value": "1.0"} for name in names]}
    await apply(world, obj(EVENT_TYPE, "plain", spec))
    event_type = await world.until(EVENT_TYPE, "plain", is_ready)
    assert condition(event_type, "ReferenceExists")["reason"] == "ReferenceNotSet"
    await apply(world, obj(EVENT_TYPE, "order", {**spec, "reference": reference}))
    event_type = await world.until(EVENT_TYPE, "order", lambda raw: condition(raw, "Ready").get("status") == "False")
    assert condition(event_type, "ReferenceExists")["reason"] == "ResourceDoesNotExist"
    await ready_broker(world)
    await world.until(EVENT_TYPE, "order", is_ready)


@in_world
async def test_types_that_a_broker_has_seen_become_event_types_where_it_asks_for_them(world: World) -> None:
    broker = await ready_broker(world)
    seen = (SeenType("default/default", "com.acme.order", "/shop", count=3),)
    world.controllers.types_seen(seen)
    assert (await world.client.list(EVENT_TYPE, "default")).items == []
    await ready_broker(world, **{"faas.dev__event_types": "enabled", "faas.dev__retention": "PT1H"})
    await on_board(world.board.brokers, "default/default", lambda config: config.retention_s == 3600)
    world.controllers.types_seen(seen)
    name = "et-default-" + hashlib.md5(b"com.acme.order/shopdefaultdefault").hexdigest()
    event_type = await world.until(EVENT_TYPE, name, is_ready)
    assert event_type["spec"]["reference"]["name"] == "default"
    assert event_type["metadata"]["ownerReferences"][0]["uid"] == broker["metadata"]["uid"]
    values = {entry["name"]: entry.get("value") for entry in event_type["spec"]["attributes"]}
    assert values == {"type": "com.acme.order", "source": "/shop", "specversion": "1.0", "id": None}
    await world.client.delete(BROKER, "default", "default")
    await world.until_gone(EVENT_TYPE, name)
