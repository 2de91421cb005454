"""What triggers get, and when: one Broker's dispatch over a log in memory, with a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from faas.engine.broker.delivery.answers import Answer
from faas.engine.broker.dispatch.window import Bounds
from faas.engine.broker.seams.dispatching import Hold
from faas.engine.contract.eventing import Delivery
from tests.dispatch_world import DONE, FAILED, REFUSED, World, event, settle, trigger

REPLY = Answer(
    200, {b"ce-specversion": b"1.0", b"ce-id": b"r", b"ce-source": b"/f", b"ce-type": b"reply"}, b""
)  # fmt: skip


def run(scenario: Callable[[World], Awaitable[None]], **parts: object) -> None:
    async def main() -> None:
        await scenario(World(**parts))  # type: ignore[arg-type]

    asyncio.run(main())


# Beginning and going on


def test_a_new_trigger_begins_with_what_comes_after_it() -> None:
    async def scenario(world: World) -> None:
        world.log.put(event("before"))
        async with world.dispatching(trigger()) as life:
            await life.put("after")
            assert life.sent == ["after"]

    run(scenario)


def test_an_event_goes_to_those_who_want_it() -> None:
    async def scenario(world: World) -> None:
        some = trigger("some", filters=({"exact": {"type": "other"}},))
        async with world.dispatching(trigger("every"), some) as life:
            await life.put("1")
            await life.put("2", type="other")
            hosts = [(attempt.id, attempt.subscriber.uri[7:12]) for attempt in world.subscribers.open]
            assert sorted(hosts) == [("1", "every"), ("2", "every"), ("2", "some.")]

    run(scenario)


def test_after_a_crash_it_goes_on_at_its_cursor_with_what_was_open() -> None:
    async def scenario(world: World) -> None:
        world.targets.capacity("default/f", 4)
        mine = trigger(target="default/f")
        async with world.dispatching(mine) as life:
            await life.put("1", "2", "3", "4")
            await life.answer("3")
            await life.answer("1")
        world.log.put(event("5"))
        async with world.dispatching(mine) as life:
            await settle()
            assert life.sent == ["2", "4", "5"]

    run(scenario)


def test_a_trigger_made_anew_does_not_get_its_forerunners_events() -> None:
    async def scenario(world: World) -> None:
        async with world.dispatching(trigger(uid="first")) as life:
            await life.put("1")
        async with world.dispatching(trigger(uid="second")) as life:
            await life.put("2")
            assert life.sent == ["2"]
            assert [status.backlog for status in life.broker.status()] == [1]
            await life.advance(31)
            await life.apply(trigger(uid="second"))
            assert list(world.cursors.values) == ["second"]

    run(scenario)


def test_a_trigger_that_only_exists_keeps_its_place_and_gets_nothing() -> None:
    async def scenario(world: World) -> None:
        async with world.dispatching(trigger()) as life:
            await life.apply(existing=("uid-t",))
            await life.put("1")
            assert life.sent == []
            await life.advance(3600)
        async with world.dispatching() as life:
            await life.apply(existing=("uid-t",))
            assert life.broker.hold() == Hold(1, "default/t")
            await life.advance(3600)
            await life.apply(trigger())
            assert life.sent == ["1"]

    run(scenario)


def test_nothing_is_told_of_a_trigger_that_was_made_anew_until_it_has_its_place() -> None:
    async def scenario(world: World) -> None:
        async with world.dispatching(trigger()) as life:
            life.broker.apply({"anew": trigger(uid="anew")}, frozenset({"anew"}), world.bounds)
            assert list(life.broker.status()) == []
            await settle()
            assert life.status().uid == "anew"
            assert "anew" in world.cursors.values

    run(scenario)


def test_a_deleted_trigger_holds_nothing_after_a_while() -> None:
    async def scenario(world: World) -> None:
        async with world.dispatching(trigger()) as life:
            await life.put("1", "2")
            assert life.broker.hold() == Hold(1, "default/t")
            await life.apply()
            await life.put("3")
            await life.answer("1")
            assert life.sent == ["2"]  # which was on its way
            await life.advance(31)
            await life.apply()
            assert (life.broker.hold(), world.cursors.values) == (None, {})

    run(scenario)


def test_a_trigger_that_a_starting_engine_forgot_for_a_moment_loses_nothing() -> None:
    async def scenario(world: World) -> None:
        async with world.dispatching(trigger()) as life:
            await life.apply()
            await life.put("1")
            await life.advance(10)
            await life.apply(trigger())
            assert life.sent == ["1"]

    run(scenario)


def test_everything_is_held_until_the_cursors_are_loaded() -> None:
    async def scenario(world: World) -> None:
        async with world.dispatching() as life:
            await life.put("1")
        loaded = asyncio.Event()
        load = world.cursors.load

        async def late() -> dict[str, bytes]:
            await loaded.wait()
            return await load()

        world.cursors.load = late  # type: ignore[method-assign]
        async with world.dispatching(trigger()) as life:
            assert life.broker.hold() == Hold(1, "default/t")
            loaded.set()
            await settle()
            assert life.broker.hold() == Hold(2, "default/t")

    run(scenario)


# Room and capacity


def test_a_full_trigger_holds_up_no_other_and_reads_on_when_it_has_room() -> None:
    async def scenario(world: World) -> None:
        async with world.dispatching(trigger("slow"), trigger("quick")) as life:
            numbers = [str(number) for number in range(1, 31)]
            for number in numbers:
                await life.put(number)
            quick = [attempt for attempt in world.subscribers.open if attempt.subscriber.uri[7:12] == "quick"]
            got = []
            while quick:
                got.append(quick[0].id)
                quick[0].answer(DONE)
                await settle()
                quick = [attempt for attempt in world.subscribers.open if attempt.subscriber.uri[7:12] == "quick"]
            assert got == numbers
            assert life.status("default/slow").behind > 0
            got = []
            while world.subscribers.open:
                got.append(world.subscribers.open[0].id)
                await life.answer(got[-1])
            assert got == numbers
            assert life.status("default/slow").behind == 0

    run(scenario, bounds=Bounds(ready=4, events=8))


def test_large_events_fill_a_window_by_their_bytes() -> None:
    async def scenario(world: World) -> None:
        async with world.dispatching(trigger()) as life:
            await life.apply(trigger())
            for number in range(600):
                world.log.put(event(str(number)), b"x" * 10_000)
            await settle()
            run = life.broker.run_of("default/t")
            assert run is not None
            assert run.window.size < 5_000_000  # the bound, and at most one batch beyond

    run(scenario, bounds=Bounds(bytes=1_000_000))


def test_events_with_large_attributes_fill_a_window_too() -> None:
    async def scenario(world: World) -> None:
        async with world.dispatching(trigger()) as life:
            await life.put(*(f"{number:05}" for number in range(10)), extension="x" * 5000)
            assert life.status().backlog == 10
            await life.put("next")
            assert life.status().backlog == 10

    run(scenario, bounds=Bounds(bytes=100_000))


def test_a_function_at_zero_is_woken_by_one_delivery_and_the_rest_follows_its_capacity() -> None:
    async def scenario(world: World) -> None:
        world.targets.capacity("default/f", 0)
        async with world.dispatching(trigger("a", target="default/f"), trigger("b", target="default/f")) as life:
            await life.put("1", "2", "3")
            assert life.sent == ["1"]
            assert (life.status("default/a").waiting, life.status("default/b").waiting) == (2, 3)
            world.targets.capacity("default/f", 4)
            assert len(life.sent) == 4
            assert {life.status(key).in_flight for key in ("default/a", "default/b")} == {2}

    run(scenario)


def test_a_triggers_own_parallelism_bounds_it() -> None:
    async def scenario(world: World) -> None:
        world.targets.capacity("default/f", 100)
        async with world.dispatching(trigger(target="default/f", parallelism=2)) as life:
            await life.put("1", "2", "3")
            assert life.sent == ["1", "2"]
            await life.apply(trigger(target="default/f", parallelism=3))
            assert life.sent == ["1", "2", "3"]

    run(scenario)


def test_a_subscriber_of_unknown_capacity_gets_ten_at_once() -> None:
    async def scenario(world: World) -> None:
        async with world.dispatching(trigger(subscriber_uri="http://example.com/")) as life:
            await life.put(*map(str, range(12)))
            assert len(life.sent) == 10

    run(scenario)


# Failures


def test_a_failed_event_waits_and_others_go_on() -> None:
    async def scenario(world: World) -> None:
        async with world.dispatching(trigger(parallelism=1, delivery=Delivery(retry=2, backoff_delay_s=1.0))) as life:
            await life.put("1", "2")
            await life.answer("1", FAILED)
            assert life.sent == ["2"]
            assert (life.status().retrying, life.status().failed, life.status().last_error) == (1, 1, "500: boom")
            await life.answer("2")
            await life.advance(0.99)
            assert life.sent == []
            await life.advance(0.01)
            assert life.sent == ["1"]
            await life.answer("1", FAILED)
            await life.advance(1.99)
            assert life.sent == []
            await life.advance(0.01)
            await life.answer("1")
            assert (life.status().delivered, life.status().backlog) == (2, 0)

    run(scenario)


def test_an_event_nobody_can_deliver_is_done_when_it_is_a_dead_letter() -> None:
    async def scenario(world: World) -> None:
        delivery = Delivery(retry=0, dead_letter_stream="bin")
        async with world.dispatching(trigger(delivery=delivery)) as life:
            await life.put("1")
            await life.answer("1", FAILED)
            (stream, letter) = world.dead.letters[1]
            assert (stream, letter.trigger, letter.event.sequence) == ("bin", "default/t", 1)
            assert letter.event.attributes == {
                **event("1"),
                "knativeerrordest": "http://t.default.svc.cluster.local/",
                "knativeerrorcode": 500,
                "knativeerrordata": "Ym9vbQ==",
            }
            assert (life.status().dead, life.status().backlog, life.broker.hold()) == (1, 0, Hold(2, "default/t"))

    run(scenario)


def test_a_dead_letter_sink_comes_first_with_the_same_retries_and_then_the_stream() -> None:
    async def scenario(world: World) -> None:
        delivery = Delivery(retry=1, backoff_delay_s=1.0, dead_letter_uri="http://dls.default.svc.cluster.local/")
        async with world.dispatching(trigger(delivery=delivery)) as life:
            await life.put("1", "2")
            for id in ("1", "2"):
                await life.answer(id, REFUSED)
            first = world.subscribers.open[0]
            assert first.subscriber.uri == "http://dls.default.svc.cluster.local/"
            assert (first.id, first.header("ce-knativeerrorcode")) == ("1", "400")
            await life.answer("1", DONE)
            assert (life.status().dead, world.dead.letters) == (1, {})
            await life.answer("2", FAILED)
            await life.advance(1.0)
            await life.answer("2", FAILED)
            assert [letter.event.attributes["id"] for _, letter in world.dead.letters.values()] == ["2"]
            assert (life.status().dead, life.status().backlog) == (2, 0)

    run(scenario)


def test_the_gateway_being_away_is_no_attempt_of_the_event() -> None:
    async def scenario(world: World) -> None:
        async with world.dispatching(trigger(delivery=Delivery(retry=0))) as life:
            await life.put("1")
            for wait_s in (0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0):
                await life.answer("1", Answer(0, {}, b"", "no gateway", unsent=True))
                await life.advance(wait_s - 0.01)
                assert life.sent == []
                await life.advance(0.02)
                assert life.sent == ["1"]
            await life.answer("1")
            assert (life.status().failed, life.status().dead) == (0, 0)

    run(scenario)


# Order


def test_a_key_that_waits_for_a_retry_parks_only_its_own_events() -> None:
    async def scenario(world: World) -> None:
        mine = trigger(ordered_by="subject", delivery=Delivery(retry=3, backoff_delay_s=1.0))
        async with world.dispatching(mine) as life:
            await life.put("a1", "a2", subject="a")
            await life.put("b1", "b2", subject="b")
            await life.put("none1", "none2")
            assert life.sent == ["a1", "b1", "none1", "none2"]
            await life.answer("a1", FAILED)
            await life.answer("b1")
            assert life.sent == ["none1", "none2", "b2"]
            await life.advance(1.0)
            await life.answer("a1")
            assert life.sent == ["none1", "none2", "b2", "a2"]

    run(scenario)


def test_a_key_goes_on_when_its_event_is_a_dead_letter() -> None:
    async def scenario(world: World) -> None:
        async with world.dispatching(trigger(ordered_by="data.k", delivery=Delivery(retry=0))) as life:
            for id in ("1", "2"):
                world.log.put(event(id), b'{"k": 1}')
            await settle()
            await life.answer("1", REFUSED)
            assert (life.sent, len(world.dead.letters)) == (["2"], 1)

    run(scenario)


def test_a_key_keeps_its_order_over_a_crash() -> None:
    async def scenario(world: World) -> None:
        async with world.dispatching(trigger(ordered_by="subject")) as life:
            await life.put("1", "2", "3", subject="a")
            await life.answer("1")
        async with world.dispatching(trigger(ordered_by="subject")) as life:
            assert life.sent == ["2"]
            await life.answer("2")
            assert life.sent == ["3"]

    run(scenario)


def test_a_new_order_begins_when_what_is_on_its_way_has_ended() -> None:
    async def scenario(world: World) -> None:
        async with world.dispatching(trigger(parallelism=2)) as life:
            await life.put("1", "2", "3", "4", subject="a")
            await life.apply(trigger(parallelism=2, ordered_by="subject"))
            assert life.sent == ["1", "2"]
            await life.answer("1")
            assert life.sent == ["2"]
            await life.answer("2")
            assert life.sent == ["3"]
            await life.answer("3")
            assert life.sent == ["4"]

    run(scenario)


def test_new_filters_are_asked_about_what_waits() -> None:
    async def scenario(world: World) -> None:
        async with world.dispatching(trigger(parallelism=1)) as life:
            await life.put("1", "2")
            await life.put("3", type="other")
            await life.apply(trigger(parallelism=1, filters=({"exact": {"type": "other"}},)))
            await life.answer("1")
            assert life.sent == ["3"]
            await life.answer("3")
            assert (life.status().backlog, life.broker.hold()) == (0, Hold(4, "default/t"))

    run(scenario)


# Replies


def test_an_event_is_done_when_the_reply_is_stored_and_carries_its_ttl() -> None:
    async def scenario(world: World) -> None:
        async with world.dispatching(trigger(filters=({"exact": {"type": "made"}},))) as life:
            await life.put("1", knativebrokerttl=7)
            world.log.full = True
            await life.answer("1", REPLY)
            assert (life.status().delivered, life.status().failed) == (0, 1)
            world.log.full = False
            await life.advance(0.2)
            await life.answer("1", REPLY)
            assert world.published == [
                ({"specversion": "1.0", "id": "r", "source": "/f", "type": "reply", "knativebrokerttl": 7}, None)
            ]
            assert life.status().delivered == 1

    run(scenario)


def test_a_body_that_is_no_event_is_a_failure() -> None:
    async def scenario(world: World) -> None:
        async with world.dispatching(trigger(delivery=Delivery(retry=0))) as life:
            await life.put("1")
            await life.answer("1", Answer(200, {b"content-type": b"text/plain"}, b"hello"))
            assert world.dead.letters[1][1].event.attributes["knativeerrorcode"] == 502

    run(scenario)


def test_a_function_that_replies_faster_than_can_be_stored_gets_no_more_until_it_is() -> None:
    async def scenario(world: World) -> None:
        stored = asyncio.Event()

        async def publish(broker: str, attributes: dict[str, object], data: bytes | None) -> int:
            await stored.wait()
            return 1

        world.publish = publish  # type: ignore[method-assign]
        async with world.dispatching(trigger(parallelism=1)) as life:
            await life.put("1", "2", "3")
            await life.answer("1", REPLY._replace(body=b"x" * 5000))
            await life.answer("2", REPLY._replace(body=b"x" * 5000))
            assert life.sent == []
            stored.set()
            await settle()
            assert life.sent == ["3"]

    run(scenario, bounds=Bounds(bytes=12_000))


# Other Brokers


def test_a_broker_hears_how_often_an_event_has_passed_one_and_a_function_does_not() -> None:
    async def scenario(world: World) -> None:
        ingress = "http://broker-ingress.knative-eventing.svc.cluster.local/default/other"
        delivery = Delivery(dead_letter_uri=ingress)
        async with world.dispatching(trigger("a", delivery=delivery), trigger("b", subscriber_uri=ingress)) as life:
            await life.put("1", knativebrokerttl=7)
            to_function, to_broker = world.subscribers.open
            assert to_function.header("ce-knativebrokerttl") == ""
            assert to_broker.header("ce-knativebrokerttl") == "7"
            to_broker.answer(DONE)
            await life.answer("1", REFUSED)
            assert world.subscribers.open[0].header("ce-knativebrokerttl") == "7"

    run(scenario)


# A log that is not what it was


def test_a_log_that_lost_its_end_is_read_from_there() -> None:
    async def scenario(world: World) -> None:
        async with world.dispatching(trigger()) as life:
            await life.put("1", "2", "3")
            for id in ("1", "2", "3"):
                await life.answer(id)
        world.log.events.pop()
        world.log._last -= 1
        async with world.dispatching(trigger()) as life:
            await life.put("4")
            assert life.sent == ["4"]

    run(scenario)


def test_a_cursor_that_cannot_be_read_loses_nothing() -> None:
    async def scenario(world: World) -> None:
        async with world.dispatching(trigger()) as life:
            await life.put("1")
        world.cursors.values["uid-t"] = b"\xc1"
        async with world.dispatching(trigger()) as life:
            assert life.sent == ["1"]

    run(scenario)


def test_what_was_trimmed_is_not_waited_for() -> None:
    async def scenario(world: World) -> None:
        async with world.dispatching(trigger()) as life:
            await life.put("1", "2")
        await world.log.trim(3)
        async with world.dispatching(trigger()) as life:
            assert life.broker.hold() in (Hold(1, "default/t"), Hold(3, "default/t"))
            await life.put("3")
            assert life.sent == ["3"]

    run(scenario)


@pytest.mark.parametrize("broken", [{"subscriber_uri": "ftp://x/"}, {"filters": ({"near": {"type": "x"}},)}])
def test_a_trigger_that_cannot_be_worked_with_says_why(broken: dict[str, object]) -> None:
    async def scenario(world: World) -> None:
        async with world.dispatching(trigger("good"), trigger(**broken)) as life:
            assert life.status().last_error
            await life.put("1")
            assert life.sent == ["1"]

    run(scenario)
