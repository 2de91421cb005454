"""The sink's client against a sink that misbehaves, in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from faas_runtime.events.event import Event

from faas.sources import receiving
from faas.sources.environment import Environment
from faas.sources.errors import Stopping
from faas.sources.lane import Lane
from faas.sources.ledger import Ledger
from faas.sources.replays import Replays
from faas.sources.reports import Reports
from faas.sources.sink import BATCH_EVENTS, Sink
from faas.sources.source import Source
from tests.sources_world import StandInSink, stand_in_sink

BROKER = "broker-ingress.knative-eventing.svc.cluster.local"


class World:
    def __init__(self, stand_in: StandInSink, **environment: Any) -> None:
        is_gateway = stand_in.address.startswith("unix:")
        self.environment = Environment(
            options=b"{}", gateway=stand_in.address if is_gateway else "",
            **{"sink": f"http://{BROKER}/ns/b" if is_gateway else f"{stand_in.address}/ns/b", **environment},
        )  # fmt: skip
        self.reports = Reports(None)
        self.reports.running()
        self.stopping = asyncio.Event()
        self.sink = Sink(self.environment, self.reports, self.stopping)
        self.source: Source[Any] = Source(None, self.environment, self.sink, self.reports, self.stopping)


@asynccontextmanager
async def world(folder: Path | None, **environment: Any) -> AsyncIterator[tuple[World, StandInSink]]:
    async with stand_in_sink(folder) as stand_in:
        made = World(stand_in, **environment)
        yield made, stand_in
        await made.sink.aclose()


def events(count: int, **more: Any) -> list[Event[Any]]:
    return [Event("t", number, source="/s", id=str(number), **more) for number in range(count)]


def ids(taken: Sequence[Event[Any]]) -> list[int]:
    return [int(event.id) for event in taken]


def test_one_event_travels_in_binary_mode_with_the_overrides(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path, extensions={"faassource": "on-x"}) as (made, stand_in):
            assert await made.sink.deliver(events(1)) == []
            headers, count = stand_in.requests[0]
            assert (headers[b"host"], headers[b"ce-type"]) == (BROKER.encode(), b"t")
            assert headers[b"ce-faassource"] == b"on-x"
            assert count == 1
            assert made.reports.events == 1

    asyncio.run(scenario())


def test_several_travel_as_batches_through_the_gateway(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path, extensions={"a": "1"}) as (made, stand_in):
            await made.sink.deliver(events(BATCH_EVENTS + 100))
            assert [count for _, count in stand_in.requests] == [BATCH_EVENTS, 100]
            assert ids(stand_in.events) == list(range(BATCH_EVENTS + 100))
            assert stand_in.events[7].extensions == {"a": "1"}

    asyncio.run(scenario())


def test_large_events_go_in_batches_of_bounded_size(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as (made, stand_in):
            large = [Event("t", "x" * 300_000, source="/s", id=str(number)) for number in range(4)]
            await made.sink.deliver(large)
            assert [count for _, count in stand_in.requests] == [1, 1, 1, 1]

    asyncio.run(scenario())


@pytest.mark.parametrize("host", ["resize.default.svc.cluster.local", "resize.default.localhost", "r.default.my.org"])
def test_a_function_that_is_the_sink_is_called_through_the_gateway_event_by_event(tmp_path: Path, host: str) -> None:
    async def scenario() -> None:
        async with world(tmp_path, sink=f"http://{host}/", domain="my.org" if "org" in host else "localhost") as (
            made,
            stand_in,
        ):
            await made.sink.deliver(events(3))
            assert [(headers[b"host"], count) for headers, count in stand_in.requests] == [(host.encode(), 1)] * 3

    asyncio.run(scenario())


def test_a_sink_outside_is_dialled_itself_although_there_is_a_gateway(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stand_in_sink() as outside, world(tmp_path, sink=f"{outside.address}/hook") as (made, stand_in):
            await made.sink.deliver(events(2))
            assert (ids(outside.events), stand_in.requests) == ([0, 1], [])

    asyncio.run(scenario())


def test_without_a_gateway_each_event_is_a_request_in_order() -> None:
    async def scenario() -> None:
        async with world(None) as (made, stand_in):
            await made.sink.deliver(events(20))
            assert [count for _, count in stand_in.requests] == [1] * 20
            assert ids(stand_in.events) == list(range(20))

    asyncio.run(scenario())


def test_unordered_events_go_side_by_side() -> None:
    async def scenario() -> None:
        async with world(None) as (made, stand_in):
            stand_in.hold()
            sending = asyncio.create_task(made.sink.deliver(events(10), ordered=False))
            await stand_in.asked(10)  # all of them before the first answer
            stand_in.release()
            assert await sending == []
            assert sorted(ids(stand_in.events)) == list(range(10))

    asyncio.run(scenario())


def test_only_the_events_at_fault_are_dropped_from_a_refused_batch(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as (made, stand_in):
            stand_in.answer = lambda given: 400 if any(event.id in ("3", "11") for event in given) else 202
            refused = await made.sink.deliver(events(16))
            assert ids(refused) == [3, 11]
            assert ids(stand_in.events) == [number for number in range(16) if number not in (3, 11)]
            report = made.reports.current
            assert (report.state, report.reason, report.events) == ("running", "EventsDropped", 14)
            assert report.message.startswith("2 dropped; the last one event 11 of type t from /s")

    asyncio.run(scenario())


@pytest.mark.parametrize("attribute", [{"datacontenttype": "text/plain\r\nx: y"}, {"datacontenttype": "ä☃"}])
def test_an_event_that_no_request_can_carry_is_dropped(tmp_path: Path, attribute: dict[str, str]) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as (made, stand_in):
            broken = Event("t", b"1", source="/s", id="7", **attribute)
            assert await made.sink.deliver([broken]) == [broken]
            assert stand_in.requests == []

    asyncio.run(scenario())


@pytest.mark.parametrize("status", [404, 408, 409, 429, 500, 503])
def test_what_may_pass_is_tried_again(tmp_path: Path, status: int) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as (made, stand_in):
            stand_in.answer = lambda given: status if len(stand_in.requests) < 3 else 202
            await made.sink.deliver(events(1))
            assert (len(stand_in.requests), ids(stand_in.events)) == (3, [0])
            assert made.reports.current.state == "running"

    asyncio.run(scenario())


def test_an_outage_is_told_until_it_is_over(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as (made, stand_in):
            stand_in.die()
            sending = asyncio.create_task(made.sink.deliver(events(1)))
            await stand_in.asked(3)
            report = made.reports.current
            assert (report.state, report.reason) == ("failing", "SinkUnavailable")
            stand_in.take()
            await sending
            assert made.reports.current.state == "running"

    asyncio.run(scenario())


def test_retry_after_is_waited_for(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as (made, stand_in):
            stand_in.headers = [("retry-after", "1")]
            stand_in.answer = lambda given: 503 if len(stand_in.requests) < 2 else 202
            clock = asyncio.get_running_loop().time
            started = clock()
            await made.sink.deliver(events(1))
            assert clock() - started >= 1.0  # a lower bound: it did wait

    asyncio.run(scenario())


def test_a_failed_attempt_is_the_last_when_the_program_ends(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as (made, stand_in):
            stand_in.refuse(503)
            sending = [asyncio.create_task(made.sink.deliver(events(3), ordered=ordered)) for ordered in (True, False)]
            await stand_in.asked(2)
            made.stopping.set()
            for one in sending:
                with pytest.raises(Stopping):
                    await one

    asyncio.run(scenario())


def test_a_lane_gathers_while_a_request_is_away_and_tells_in_order(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as (made, stand_in):
            taken: list[int] = []
            lane = Lane(made.sink, taken.append)
            running = asyncio.create_task(lane.run())
            stand_in.hold()
            for number, event in enumerate(events(50)):
                lane.push(event, number)
                if number == 0:
                    await stand_in.asked(1)
            assert (lane.waiting, taken) == (49, [])
            stand_in.release()
            await lane.drained()
            assert taken == list(range(50))
            assert [count for _, count in stand_in.requests] == [1, 49]
            running.cancel()
            await asyncio.wait([running])

    asyncio.run(scenario())


def test_a_caller_is_sent_away_when_the_sink_takes_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        monkeypatch.setattr(receiving, "PATIENCE_S", 0.2)
        async with world(tmp_path) as (made, stand_in):
            replays = Replays(Ledger(None, "ids"))
            [event] = events(1)
            stand_in.hang()
            waiting = asyncio.create_task(receiving.hand_over(made.source, event, replays))
            await stand_in.asked(1)
            assert (await receiving.hand_over(made.source, event, replays)).status == 503  # it is on its way
            assert (await waiting).status == 503
            stand_in.take()
            assert (await receiving.hand_over(made.source, event, replays)).status == 202
            assert (await receiving.hand_over(made.source, event, replays)).status == 409

    asyncio.run(scenario())
