"""Event functions: data in, replies out, batches, and which failures are delivered again."""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from cloudevents.http import CloudEvent
from faas_runtime.events import wire

from faas import Context, Event, FileChange, HTTPError, Response, function
from faas.testing import Client


@dataclass
class Order:
    id: int


@dataclass
class Shipped:
    order: int


def created(id: str = "1", data: Any = None, **more: Any) -> Event[Any]:
    return Event("order.created", {"id": 7} if data is None else data, source="/shop", id=id, **more)


def test_data_event_and_context_fill_their_parameters() -> None:
    @function.event(type="order.created")
    async def on_order(order: Order, event: Event, ctx: Context) -> None:
        assert (order, event.subject, event.data, ctx.function) == (Order(7), "eu/1", {"id": 7}, "on-order")

    with Client(on_order) as client:
        assert client.send(created(subject="eu/1")).status == 204
        assert client.events == []


def test_a_returned_value_is_a_reply_event_whose_id_is_the_same_for_the_same_cause() -> None:
    @function.event(type="order.created")
    def on_order(order: Order) -> Shipped:
        return Shipped(order.id)

    with Client(on_order) as client:
        client.send(created(subject="eu/1", extensions={"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"}))
        client.send(created(subject="eu/1"))
    first, second = client.events
    assert first.type == f"{__name__}.shipped".lower()
    assert first.source == "/apis/serving.knative.dev/v1/namespaces/default/services/on-order"
    assert (first.subject, first.data) == ("eu/1", {"order": 7})
    assert first.extensions == {"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"}
    # sha256("/shop\0" "1\0" "on-order\0" "0"), first 32 digits
    assert first.id == second.id == "e528fe80a52d27335e7e95b7e83e3f1f"


def test_a_reply_of_a_class_of_ours_has_the_name_that_users_know() -> None:
    @function.event(type="order.created")
    def on_order(order: Order) -> FileChange:
        return FileChange(path="/in/7.txt", name="7.txt", change="created")

    with Client(on_order) as client:
        client.send(created())
    assert [event.type for event in client.events] == ["faas.filechange"]


def test_a_reply_may_be_named_and_several() -> None:
    @function.event(type="order.created", reply_type="order.seen")
    def named(order: Order) -> dict[str, int]:
        return {"n": order.id}

    @function.event(type="order.split")
    async def several(order: Order) -> AsyncIterator[Event]:
        for n in range(2):
            yield Event(f"part.{n}", n, source="/mine")

    @function.event(type="order.both")
    def both(order: Order) -> list[Event]:
        return [Event("a", 1, id="own"), Event("b", 2)]

    with Client() as client:
        client.send(created())
        client.send(created().replace(type="order.split"))
        client.send(created().replace(type="order.both"))
    assert [event.type for event in client.events] == ["order.seen", "part.0", "part.1", "a", "b"]
    assert client.events[1].source == "/mine"
    assert client.events[3].id == "own"
    assert len({event.id for event in client.events}) == 5


@pytest.mark.parametrize(
    ("result", "status"),
    [
        pytest.param(HTTPError(503), 503, id="may pass"), pytest.param(HTTPError(400), 400, id="lasting"),
        pytest.param(ValueError(), 500, id="bug"), pytest.param((None, 429), 429, id="tuple"),
        pytest.param(Response(status=202), 202, id="response"),
    ],
)  # fmt: skip
def test_outcomes_other_than_replies(result: Any, status: int) -> None:
    @function.event()
    def handler(event: Event) -> Any:
        if isinstance(result, Exception):
            raise result
        return result

    with Client(handler) as client:
        assert client.send(created()).status == status


def test_data_that_does_not_fit_is_a_failure_that_is_not_delivered_again() -> None:
    @function.event()
    def handler(order: Order) -> None: ...

    with Client(handler) as client:
        answer = client.send(created(data={"id": "x"}))
        assert (answer.status, answer.json()["errors"][0]["pointer"]) == (422, "/id")
        assert client.post("/", json={"id": 1}).status == 415
        bad = {"ce-specversion": "1.0", "ce-type": "t", "ce-source": "s"}
        assert client.post("/", json={}, headers=bad).json()["detail"] == "the attribute 'id' is missing"


def deliver_batch(client: Client, *events: Event[Any]) -> Any:
    headers, body = wire.batch(events)
    return client.post("/", content=body, headers={name.decode(): value.decode() for name, value in headers})


def test_a_batch_is_handled_event_by_event() -> None:
    seen: list[int] = []

    @function.event(reply_type="seen")
    def handler(order: Order) -> dict[str, int]:
        seen.append(order.id)
        return {"n": order.id}

    with Client(handler) as client:
        answer = deliver_batch(client, created("1", {"id": 1}), created("2", {"id": 2}))
        assert deliver_batch(client).status == 204
    assert seen == [1, 2]
    assert [event.data for event in answer.events] == [{"n": 1}, {"n": 2}]


def test_a_failure_that_may_pass_fails_the_batch_before_one_that_lasts() -> None:
    @function.event()
    def handler(order: Order) -> None:
        if order.id == 3:
            raise HTTPError(503)

    with Client(handler) as client:
        lasting = deliver_batch(client, created("1"), created("2", {"id": "x"}))
        passing = deliver_batch(client, created("1"), created("2", {"id": "x"}), created("3", {"id": 3}))
    assert (lasting.status, lasting.json()["items"]) == (422, [{"index": 1, "id": "2", "status": 422}])
    assert (passing.status, [item["id"] for item in passing.json()["items"]]) == (503, ["2", "3"])


def test_functions_that_share_a_service_and_stacked_decorators_have_paths_of_their_own() -> None:
    @function.event(type="a", service="shop")
    @function.event(type="b", service="shop")
    def one(event: Event) -> tuple[str, int]:
        return f"one {event.type}", 299

    @function.event(type="c", service="shop", path="/c")
    def two(event: Event) -> tuple[str, int]:
        return "two", 299

    with Client() as client:
        for type_, text in (("a", "one a"), ("b", "one b"), ("c", "two")):
            assert client.send(Event(type_)).text == text
        headers = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "s", "ce-type": "x"}
        assert client.post("/_faas/events/one/2", headers=headers).text == "one x"
        assert client.post("/", headers=headers).status == 404


def test_send_says_when_nobody_or_several_want_the_event() -> None:
    @function.event(type="a")
    def one(event: Event) -> None: ...

    @function.event(source={"prefix": "/shop"})
    def two(event: Event) -> None: ...

    with Client() as client:
        with pytest.raises(LookupError, match="no event decorator wants"):
            client.send(Event("b"))
        with pytest.raises(LookupError, match="one, two"):
            client.send(Event("a", source="/shop/1"))
        assert client.send(Event("a", source="/shop/1"), function=two).status == 204


def test_the_sdks_own_event_class() -> None:
    @function.event()
    def handler(event: CloudEvent) -> None:
        assert (event["type"], event["subject"], event["ext"], event.data) == ("order.created", "s", "1", {"id": 7})

    with Client(handler) as client:
        assert client.send(created(subject="s", extensions={"ext": "1"})).status == 204


def test_text_and_bytes_as_data() -> None:
    @function.event(type="text")
    def text(data: str) -> tuple[str, int]:
        return data, 200

    @function.event(type="bytes")
    def raw(data: bytes) -> tuple[bytes, int]:
        return data, 200

    with Client() as client:
        assert client.send(Event("text", "hé", datacontenttype="text/plain")).text == "hé"
        assert client.send(Event("bytes", b"\0\1")).content == b"\0\1"


def generated() -> Iterator[dict[str, int]]:
    yield {"a": 1}


def test_a_generators_items_are_replies() -> None:
    @function.event(type="order.created", reply_type="item")
    def handler(event: Event) -> Iterator[dict[str, int]]:
        return generated()

    with Client(handler) as client:
        assert json.loads(client.send(created()).content) == {"a": 1}
