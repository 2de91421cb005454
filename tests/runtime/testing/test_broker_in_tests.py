"""The test client's broker: who gets an event, how often, what follows from it, and what ends as a dead letter."""

import base64

import pytest

from faas import Context, Event, HTTPError, function
from faas.testing import Client


def test_replies_and_published_events_go_to_whoever_wants_them() -> None:
    seen: list[str] = []

    @function.event(type="order.created", reply_type="order.paid")
    def pay(event: Event) -> dict[str, int]:
        return {"id": 7}

    @function.event(type="order.paid")
    async def ship(event: Event, ctx: Context) -> None:
        seen.append("ship")
        await ctx.publish(Event("order.shipped"))

    @function.event(sql="type LIKE 'order.%' AND type <> 'order.created'")
    def audit(event: Event) -> None:
        seen.append(f"audit {event.type}")

    with Client() as client:
        client.send(Event("order.created"), function=pay)
    assert [event.type for event in client.events] == ["order.paid", "order.shipped"]
    assert seen == ["ship", "audit order.paid", "audit order.shipped"]


def test_publishing_delivers_to_all_and_again_where_that_may_help() -> None:
    attempts: list[float] = []

    @function.event(type="a", retry=3, backoff="exponential", backoff_delay=1)
    def flaky(event: Event) -> None:
        attempts.append(client.clock.monotonic())
        if len(attempts) < 3:
            raise HTTPError(503)

    @function.event(type="a", retry=5)
    def refuses(event: Event) -> None:
        raise HTTPError(422)

    @function.event(type="a", broker="other")
    def elsewhere(event: Event) -> None:
        raise AssertionError("it is of another broker")

    with Client() as client:
        one, two = client.publish(Event("a", id="1"))
    assert (one.function, one.attempts, one.is_done) == ("flaky", 3, True)
    assert attempts == [0.0, 1.0, 3.0]
    assert (two.function, two.attempts, two.response.status) == ("refuses", 1, 422)
    assert [letter.id for letter in client.dead_letters] == ["1"]


def test_what_failed_for_good_goes_to_the_function_that_is_named() -> None:
    @function.event(type="a", retry=1, backoff_delay=0, dead_letter="bury")
    def fails(event: Event) -> None:
        raise HTTPError(500, "no")

    @function.event(type="never", reply_type="buried")
    def bury(event: Event) -> dict[str, object]:
        return dict(event.extensions)

    with Client() as client:
        (delivery,) = client.publish(Event("a"))
    assert delivery.attempts == 2
    (buried,) = client.events
    assert buried.type == "buried"
    assert buried.data["knativeerrorcode"] == "500"
    assert b'"detail":"no"' in base64.b64decode(buried.data["knativeerrordata"])
    assert client.dead_letters[0].extensions["knativeerrordest"] == "http://fails/_faas/events/fails"


def test_linear_waits_begin_with_none() -> None:
    moments: list[float] = []

    @function.event(type="a", retry=3, backoff="linear", backoff_delay=2)
    def fails(event: Event) -> None:
        moments.append(client.clock.monotonic())
        raise HTTPError(500)

    with Client() as client:
        client.publish(Event("a"))
    assert moments == [0.0, 0.0, 2.0, 6.0]


def test_functions_that_answer_each_other_without_end_are_told() -> None:
    @function.event(reply_type="again")
    def echo(event: Event) -> dict[str, int]:
        return {}

    with Client() as client, pytest.raises(RuntimeError, match="Narrow what they want"):
        client.send(Event("a"))


def test_what_an_http_function_publishes_is_delivered_before_its_answer_is_there() -> None:
    seen: list[int] = []

    @function.http("/orders")
    def order(ctx: Context) -> str:
        ctx.publish(Event("order.created", 7))
        return "thanks"

    @function.event(type="order.created")
    def on_order(data: int) -> None:
        seen.append(data)

    with Client() as client:
        assert client.post("/orders", function=order).text == "thanks"
        assert seen == [7]
        pending = client.begin("POST", "/orders", function=order)
        pending.result()
        assert [delivery.function for delivery in client.settle()] == ["on-order"]
    assert seen == [7, 7]
