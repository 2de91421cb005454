"""Logs in a real nats-server: what is stored, read, forgotten, and what happens when the server goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from faas.engine.broker.jetstream import JetStreamLogs, NatsServer, publishing, running_logs, server_of
from faas.engine.broker.seams.log import (
    Cursors,
    DeadLetters,
    EventLog,
    EventTooLarge,
    LogFull,
    LogState,
    LogUnavailable,
    StoredEvent,
)
from faas.engine.contract.eventing import BrokerConfig
from faas.engine.contract.settings import EngineSettings, Listeners, NatsSettings
from tests.broker_world import PATIENCE_S, run
from tests.nats_world import Nats, running_nats

BROKER = BrokerConfig("default/orders", "uid-1")
ATTRIBUTES = {"specversion": "1.0", "id": "1", "source": "/shop", "type": "com.acme.order > *"}


@asynccontextmanager
async def connected(nats: Nats) -> AsyncIterator[JetStreamLogs]:
    async with running_logs(lambda: NatsServer(nats.url)) as logs:
        async with asyncio.timeout(PATIENCE_S):
            await logs.connection.connected()
        yield logs


def with_logs(nats: Nats, work: Callable[[EventLog, DeadLetters, Cursors], Awaitable[None]]) -> None:
    async def main() -> None:
        async with connected(nats) as logs:
            await work(*await logs.open(BROKER))

    run(main())


async def fill(log: EventLog, count: int, first: int = 1) -> None:
    """Append events whose data is their number, all at once."""
    await asyncio.gather(*(log.append(ATTRIBUTES, b"%d" % number) for number in range(first, first + count)))


async def read_until(log: EventLog, start: int, count: int) -> list[StoredEvent]:
    """`count` events, over failures in between."""
    found: list[StoredEvent] = []
    async with asyncio.timeout(PATIENCE_S):
        while len(found) < count:
            try:
                events = await log.read(start, limit=100, wait_s=1.0)
            except LogUnavailable:
                await asyncio.sleep(0.01)
                continue
            found.extend(events)
            start = found[-1].sequence + 1 if found else start
    return found


async def patiently(work: Callable[[], Awaitable[int]]) -> int:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                return await work()
            except LogUnavailable:
                await asyncio.sleep(0.01)


def test_events_come_back_in_the_order_in_which_they_were_appended(nats: Nats) -> None:
    async def work(log: EventLog, dead: DeadLetters, cursors: Cursors) -> None:
        assert await log.state() == LogState(1, 0, 0, 0)
        await fill(log, 2000)
        events = await read_until(log, 1, 2000)
        assert [event.sequence for event in events] == list(range(1, 2001))
        assert [event.data for event in events] == [b"%d" % number for number in range(1, 2001)]
        assert events[0].attributes == ATTRIBUTES
        assert events[0].has_data
        state = await log.state()
        assert (state.first, state.last, state.events) == (1, 2000, 2000)

    with_logs(nats, work)


def test_an_event_without_data_is_not_one_with_empty_data(nats: Nats) -> None:
    async def work(log: EventLog, dead: DeadLetters, cursors: Cursors) -> None:
        await log.append(ATTRIBUTES, None)
        await log.append(ATTRIBUTES, b"")
        assert [event.has_data for event in await read_until(log, 1, 2)] == [False, True]

    with_logs(nats, work)


def test_who_waits_at_the_end_gets_the_next_event_when_it_is_stored(nats: Nats) -> None:
    async def work(log: EventLog, dead: DeadLetters, cursors: Cursors) -> None:
        assert await log.read(1, limit=10, wait_s=0.01) == []
        waiting = asyncio.create_task(log.read(1, limit=10, wait_s=PATIENCE_S))
        await asyncio.sleep(0)
        await log.append(ATTRIBUTES, b"x")
        assert [event.data for event in await waiting] == [b"x"]

    with_logs(nats, work)


def test_several_positions_are_read_side_by_side(nats: Nats) -> None:
    async def work(log: EventLog, dead: DeadLetters, cursors: Cursors) -> None:
        await fill(log, 60)
        positions = [1, 11, 21, 31, 41, 51]  # more than there are readers
        for _ in range(2):
            for index, position in enumerate(positions):
                events = await log.read(position, limit=5, wait_s=PATIENCE_S)
                assert [event.sequence for event in events] == list(range(position, position + 5))
                positions[index] += 5
        waiting = [asyncio.create_task(log.read(61, limit=1, wait_s=PATIENCE_S)) for _ in range(6)]
        await asyncio.sleep(0)
        await log.append(ATTRIBUTES, b"x")
        assert [(await each)[0].sequence for each in waiting] == [61] * 6

    with_logs(nats, work)


def test_a_reader_goes_on_behind_what_was_forgotten(nats: Nats) -> None:
    async def work(log: EventLog, dead: DeadLetters, cursors: Cursors) -> None:
        await fill(log, 50)
        await log.trim(31)
        assert (await log.state()).first == 31
        assert [event.sequence for event in await read_until(log, 1, 20)] == list(range(31, 51))
        await log.trim(51)
        state = await log.state()
        assert (state.first, state.last, state.events) == (51, 50, 0)
        assert await log.append(ATTRIBUTES, b"x") == 51

    with_logs(nats, work)


def test_who_reads_beyond_the_end_gets_nothing_from_below(nats: Nats) -> None:
    async def work(log: EventLog, dead: DeadLetters, cursors: Cursors) -> None:
        await fill(log, 5)
        assert await log.read(8, limit=10, wait_s=0.01) == []
        await fill(log, 2)
        assert await log.read(8, limit=10, wait_s=0.01) == []
        await log.append(ATTRIBUTES, b"8")
        assert [event.data for event in await log.read(8, limit=10, wait_s=PATIENCE_S)] == [b"8"]

    with_logs(nats, work)


def test_a_time_finds_the_first_event_that_is_not_older(nats: Nats) -> None:
    async def work(log: EventLog, dead: DeadLetters, cursors: Cursors) -> None:
        assert await log.find(0.0) == 1
        for number in range(3):
            await log.append(ATTRIBUTES, b"%d" % number)
        events = await read_until(log, 1, 3)
        assert [await log.find(event.stored_s) for event in events] == [1, 2, 3]
        assert await log.find(0.0) == 1
        assert await log.find(events[2].stored_s + 60) == 4

    with_logs(nats, work)


def test_what_is_not_an_event_is_left_out(nats: Nats, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with connected(nats) as logs:
            log, _, _ = await logs.open(BROKER)
            await log.append(ATTRIBUTES, b"1")
            subject = log._prefix + "foreign"
            await logs.connection.client.request(subject, b"not one of ours", PATIENCE_S)
            await log.append(ATTRIBUTES, b"3")
            assert [event.sequence for event in await read_until(log, 1, 2)] == [1, 3]
            assert await log.read(2, limit=1, wait_s=PATIENCE_S) == await log.read(3, limit=1, wait_s=PATIENCE_S)

    run(main())
    assert "left out what is at 2" in caplog.text


def test_a_reader_whose_consumer_was_deleted_makes_another(nats: Nats) -> None:
    async def main() -> None:
        async with connected(nats) as logs:
            log, _, _ = await logs.open(BROKER)
            await fill(log, 3)
            assert len(await read_until(log, 1, 3)) == 3
            for waits in (False, True):
                reading = asyncio.create_task(read_until(log, 4 + waits, 1)) if waits else None
                await asyncio.sleep(0)
                names = (await logs.connection.request(f"CONSUMER.NAMES.{log._stream}", {}))["consumers"]
                for name in names:
                    await logs.connection.request(f"CONSUMER.DELETE.{log._stream}.{name}", {})
                await log.append(ATTRIBUTES, b"x")
                events = await (reading or read_until(log, 4, 1))
                assert [event.sequence for event in events] == [4 + waits]

    run(main())


def test_a_log_that_is_full_takes_no_more_until_something_is_forgotten(nats: Nats) -> None:
    async def main() -> None:
        async with connected(nats) as logs:
            log, _, _ = await logs.open(BrokerConfig("default/small", "uid", max_bytes=20_000))
            with pytest.raises(LogFull, match="maximum bytes"):
                await asyncio.gather(*(log.append(ATTRIBUTES, b"x" * 1000) for _ in range(100)))
            last = (await log.state()).last
            await log.trim(5)
            assert await log.append(ATTRIBUTES, b"x" * 1000) == last + 1

    run(main())


def test_a_brokers_new_limits_hold_and_its_events_stay(nats: Nats) -> None:
    async def main() -> None:
        async with connected(nats) as logs:
            log, _, _ = await logs.open(BrokerConfig("default/small", "uid"))
            await fill(log, 10)
            again, _, _ = await logs.open(BrokerConfig("default/small", "uid", max_bytes=1000))
            assert again is log
            assert (await log.state()).events == 10
            with pytest.raises(LogFull):
                await fill(log, 10)

    run(main())


def test_a_broker_that_wants_more_than_the_server_has_is_told_what_to_do(tmp_path: Path) -> None:
    async def main(nats: Nats) -> None:
        async with connected(nats) as logs:
            with pytest.raises(LogFull, match=r"faas\.dev/max-bytes"):
                await logs.open(BROKER)
            await logs.open(BrokerConfig(BROKER.key, BROKER.uid, max_bytes=1 << 20))

    with running_nats(tmp_path / "nats", max_store="10MB") as nats:
        run(main(nats))


def test_an_event_that_the_server_does_not_take_is_too_large(tmp_path: Path) -> None:
    async def main(nats: Nats) -> None:
        async with connected(nats) as logs:
            log, _, _ = await logs.open(BROKER)
            with pytest.raises(EventTooLarge):
                await log.append(ATTRIBUTES, b"x" * (1 << 20))
            assert await log.append(ATTRIBUTES, b"x") == 1

    with running_nats(tmp_path / "nats", max_payload="1MB") as nats:
        run(main(nats))


def test_a_broker_made_anew_has_an_empty_log_and_a_deleted_one_leaves_nothing(nats: Nats) -> None:
    async def main() -> None:
        async with connected(nats) as logs:
            log, _, _ = await logs.open(BROKER)
            await fill(log, 3)
            anew, _, _ = await logs.open(BrokerConfig(BROKER.key, "uid-2"))
            assert (await anew.state()).events == 0
            await logs.delete(BROKER.key, BROKER.uid)
            await logs.delete(BROKER.key, BROKER.uid)
            streams = (await logs.connection.request("STREAM.NAMES", {}))["streams"]
            assert len(streams) == 3
            with pytest.raises(LogUnavailable):
                await log.append(ATTRIBUTES, b"x")

    run(main())


def test_a_log_reads_on_when_the_server_was_killed(nats: Nats) -> None:
    async def work(log: EventLog, dead: DeadLetters, cursors: Cursors) -> None:
        await fill(log, 5)
        assert len(await read_until(log, 1, 3)) >= 3
        waiting = asyncio.create_task(read_until(log, 6, 5))
        nats.kill()
        with pytest.raises(LogUnavailable):
            await log.read(11, limit=1, wait_s=PATIENCE_S)
        with pytest.raises(LogUnavailable):
            await log.append(ATTRIBUTES, b"x")
        nats.start()
        for number in range(6, 11):
            await patiently(lambda number=number: log.append(ATTRIBUTES, b"%d" % number))  # type: ignore[misc]
        assert [event.data for event in await waiting] == [b"6", b"7", b"8", b"9", b"10"]
        assert [event.sequence for event in await read_until(log, 1, 10)] == list(range(1, 11))

    with_logs(nats, work)


def test_a_server_that_answers_nothing_is_given_up(nats: Nats, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "ACK_S", 0.2)

    async def work(log: EventLog, dead: DeadLetters, cursors: Cursors) -> None:
        await log.append(ATTRIBUTES, b"1")
        nats.pause()
        with pytest.raises(LogUnavailable, match="did not say"):
            await log.append(ATTRIBUTES, b"2")
        nats.resume()
        await patiently(lambda: log.append(ATTRIBUTES, b"3"))
        assert (await read_until(log, 1, 2))[-1].data in (b"2", b"3")  # it may have been stored, or not

    with_logs(nats, work)


def test_dead_letters_are_kept_by_name(nats: Nats) -> None:
    async def work(log: EventLog, dead: DeadLetters, cursors: Cursors) -> None:
        event = StoredEvent(7, 1.5, {**ATTRIBUTES, "knativeerrorcode": "500"}, b"", has_data=False)
        first = await dead.append("", "default/notify", event)
        second = await dead.append("audit", "default/audit", event._replace(sequence=8))
        third = await dead.append("audit", "default/audit", event._replace(sequence=9))
        assert await dead.count() == 3
        assert await dead.streams() == {"": 1, "audit": 2}
        assert [letter.event.sequence for letter in await dead.read("audit", 1, limit=10)] == [8, 9]
        assert [letter.sequence for letter in await dead.read("audit", second + 1, limit=10)] == [third]
        letter = await dead.get("", first)
        assert letter is not None
        assert (letter.sequence, letter.trigger, letter.event) == (first, "default/notify", event)
        assert letter == (await dead.read("", 1, limit=1))[0]
        assert await dead.get("audit", first) is None
        assert await dead.get("audit", 99) is None
        await dead.remove("audit", second)
        await dead.remove("audit", second)
        await dead.remove("audit", first)
        assert await dead.streams() == {"": 1, "audit": 1}
        await dead.purge("audit")
        assert await dead.streams() == {"": 1}

    with_logs(nats, work)


def test_the_newest_cursor_of_each_trigger_is_kept(nats: Nats) -> None:
    async def work(log: EventLog, dead: DeadLetters, cursors: Cursors) -> None:
        assert await cursors.load() == {}
        await cursors.save({"uid-a": b"1", "uid-b": b"2\x00\xff"})
        await cursors.save({"uid-a": b"3"})
        nats.restart()
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    assert await cursors.load() == {"uid-a": b"3", "uid-b": b"2\x00\xff"}
                    break
                except LogUnavailable:
                    await asyncio.sleep(0.01)
        await cursors.remove("uid-a")
        assert await cursors.load() == {"uid-b": b"2\x00\xff"}

    with_logs(nats, work)


def test_a_server_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    async def main(nats: Nats) -> None:
        nats.kill()
        async with running_logs(lambda: NatsServer(nats.url)) as logs:
            with pytest.raises(LogUnavailable):
                await logs.open(BROKER)
            nats.start()
            async with asyncio.timeout(PATIENCE_S):
                await logs.connection.connected()
            log, _, _ = await logs.open(BROKER)
            assert await log.append(ATTRIBUTES, b"x") == 1

    with running_nats(tmp_path / "nats") as nats:
        run(main(nats))


def test_a_server_of_the_users_is_found_by_its_address(nats: Nats) -> None:
    async def main() -> None:
        settings = EngineSettings(
            nats.folder, nats.folder, Listeners(-1, -1, -1, -1), nats=NatsSettings(f"nats://127.0.0.1:1,{nats.url}")
        )
        async with running_logs(lambda: server_of(settings)) as logs, asyncio.timeout(PATIENCE_S):
            await logs.connection.connected()

    run(main())


def test_credentials_that_were_wrong_are_read_again(nats: Nats) -> None:
    async def main() -> None:
        asked = 0

        def server() -> NatsServer:
            nonlocal asked
            asked += 1
            return NatsServer(f"nats://127.0.0.1:{nats.port}", "faas", "wrong" if asked == 1 else "test")

        async with running_logs(server) as logs, asyncio.timeout(PATIENCE_S):
            await logs.connection.connected()
        assert asked == 2

    run(main())


def test_a_connection_that_never_came_about_ends_when_it_is_told_to(nats: Nats) -> None:
    async def main() -> None:
        nats.kill()
        async with asyncio.timeout(PATIENCE_S):
            for step in range(20):  # whatever it is doing at that moment
                async with running_logs(lambda: NatsServer(nats.url)):
                    await asyncio.sleep(step * 0.003)

    run(main())
