"""The broker's process over a real nats-server: stored is stored, whoever dies meanwhile."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable

import pytest

from faas.engine.broker.jetstream import running_logs, server_of
from faas.engine.broker.keeping import brokers as brokers_module
from faas.engine.broker.keeping import store
from faas.engine.broker.seams.dispatching import Hold, OpenBroker
from faas.engine.broker.seams.log import LogFull, LogUnavailable
from faas.engine.broker.seams.publishing import EventRefused
from faas.engine.contract.eventing import (
    BrokerConfig,
    BrokerMetrics,
    Capacity,
    EventingStatus,
    EventingTable,
    Replay,
    ReplayDead,
    ReplayDone,
    ScrapeBroker,
    SeenType,
    TriggerConfig,
    TriggerStatus,
)
from faas.engine.contract.settings import EngineSettings
from tests.broker_world import (
    BROKER,
    PATIENCE_S,
    BrokerWorld,
    engine_of,
    event,
    run,
    running_world,
)
from tests.nats_world import Nats

# Conditions of another process have no event to wait for.
# ruff: noqa: ASYNC110
CLOSE = b"connection: close\r\n"
ATTRIBUTES = {"specversion": "1.0", "id": "1", "source": "/shop", "type": "com.acme.order"}
TABLE = EventingTable(1, brokers=(BROKER,))


def in_world(settings: EngineSettings, work: Callable[[BrokerWorld], Awaitable[None]]) -> None:
    async def main() -> None:
        async with running_world(settings) as world:
            await work(world)

    run(main())


def status_of(answer: bytes) -> int:
    return int(answer[9:12])


async def data_of(broker: OpenBroker) -> list[bytes]:
    """The data of all events in a log."""
    state = await broker.log.state()
    found: list[bytes] = []
    position = 1
    async with asyncio.timeout(PATIENCE_S):
        while position <= state.last:
            events = await broker.log.read(position, limit=500, wait_s=1.0)
            found.extend(each.data for each in events)
            position = events[-1].sequence + 1 if events else position
    return found


def test_an_accepted_event_is_in_the_log_with_the_brokers_own_attributes(settings: EngineSettings) -> None:
    async def work(world: BrokerWorld) -> None:
        broker = await world.opened()
        answer = await world.ask(event(7, extra=b"traceparent: 00-1\r\nce-knativebrokerttl: 9\r\n" + CLOSE))
        assert status_of(answer) == 202
        (stored,) = await broker.log.read(1, limit=10, wait_s=PATIENCE_S)
        arrival = stored.attributes.pop("knativearrivaltime")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z", arrival)
        assert stored.attributes == {
            **ATTRIBUTES, "id": "7", "datacontenttype": "application/json", "traceparent": "00-1",
            "knativebrokerttl": 8,
        }  # fmt: skip
        assert stored.data == b'{"n":1}'
        assert world.dispatcher.woken == 1

    in_world(settings, work)


def test_an_event_that_goes_in_a_circle_is_dropped(settings: EngineSettings) -> None:
    async def work(world: BrokerWorld) -> None:
        broker = await world.opened()
        answer = await world.ask(event(extra=b"ce-knativebrokerttl: 1\r\n" + CLOSE))
        assert status_of(answer) == 400
        with pytest.raises(EventRefused):
            await world.brokers.publish(BROKER.key, {**ATTRIBUTES, "knativebrokerttl": 1}, b"")
        assert (await broker.log.state()).events == 0

    in_world(settings, work)


def test_events_wait_for_a_server_that_restarts_and_are_accepted(settings: EngineSettings, nats: Nats) -> None:
    async def work(world: BrokerWorld) -> None:
        broker = await world.opened()
        nats.kill()
        asking = asyncio.create_task(world.ask(event(1, b"waited", extra=CLOSE)))
        await asyncio.sleep(0.05)
        assert not asking.done()
        nats.start()
        assert status_of(await asking) == 202
        assert await data_of(broker) == [b"waited"]

    in_world(settings, work)


def test_without_a_server_events_are_refused_with_the_word_to_try_again(
    settings: EngineSettings, nats: Nats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brokers_module, "PATIENCE_S", 0.05)
    monkeypatch.setattr(store, "PATIENCE_S", 0.05)

    async def work(world: BrokerWorld) -> None:
        await world.opened()
        nats.kill()
        answer = await world.ask(event(extra=CLOSE))
        async with engine_of(world) as engine:
            status = await engine.hear(lambda said: isinstance(said, EventingStatus) and not said.brokers[0].ready)
        assert status_of(answer) == 503
        assert b"\r\nretry-after: 1\r\n" in answer
        assert status.brokers[0].reason == "NATSUnavailable"
        with pytest.raises(LogUnavailable):
            await world.brokers.publish(BROKER.key, ATTRIBUTES, b"")

    in_world(settings, work)


def test_every_accepted_event_is_in_the_log_after_the_server_was_killed_under_load(
    settings: EngineSettings, nats: Nats
) -> None:
    async def send(world: BrokerWorld, sender: int, accepted: list[bytes], until: asyncio.Event) -> None:
        """One after another, each until it is accepted, as a sender does that wants to lose nothing."""
        reader, writer = await asyncio.open_unix_connection(world.ingress)
        number = 0
        while not until.is_set():
            data = b"%d/%d" % (sender, number)
            writer.write(event(number, data))
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(re.search(rb"content-length: (\d+)", head)[1])  # type: ignore[index]
            await reader.readexactly(length)
            if status_of(head) == 202:
                accepted.append(data)
                number += 1
            else:
                assert status_of(head) == 503
        writer.close()

    async def work(world: BrokerWorld) -> None:
        broker = await world.opened()
        accepted: list[list[bytes]] = [[] for _ in range(20)]
        ended = asyncio.Event()
        async with asyncio.timeout(3 * PATIENCE_S), asyncio.TaskGroup() as tasks:
            for sender, mine in enumerate(accepted):
                tasks.create_task(send(world, sender, mine, ended))
            for _ in range(3):
                before = [len(mine) for mine in accepted]
                while any(len(mine) < count + 20 for mine, count in zip(accepted, before, strict=True)):
                    await asyncio.sleep(0.001)
                nats.kill()
                await asyncio.sleep(0.02)
                nats.start()
            ended.set()
        stored = await data_of(broker)
        for sender, mine in enumerate(accepted):
            assert len(mine) >= 60
            assert set(mine) <= set(stored)
            # What was sent again may be there twice; the first of each is in the order in which it was sent.
            firsts = list(dict.fromkeys(data for data in stored if data.startswith(b"%d/" % sender)))
            assert firsts == [b"%d/%d" % (sender, number) for number in range(len(firsts))]

    in_world(settings, work)


def test_a_broker_that_starts_again_goes_on_with_the_last_table(settings: EngineSettings) -> None:
    table = EventingTable(
        4, brokers=(BROKER,), triggers=(TriggerConfig("default/notify", "u", BROKER.key, "http://x"),)
    )

    async def first(world: BrokerWorld) -> None:
        world.brokers.apply(table)
        assert status_of(await world.ask(event(1, b"first", extra=CLOSE))) == 202

    async def second(world: BrokerWorld) -> None:
        assert world.dispatcher.tables == [table]
        assert status_of(await world.ask(event(2, b"second", extra=CLOSE))) == 202
        assert await data_of(world.dispatcher.open[BROKER.key]) == [b"first", b"second"]

    in_world(settings, first)
    in_world(settings, second)


def test_the_engine_says_what_there_is_and_hears_how_it_is(settings: EngineSettings) -> None:
    waiting = TriggerStatus("default/notify", 3, 1, 1, 0, 5, 0, 0)

    async def work(world: BrokerWorld) -> None:
        async with engine_of(world) as engine:
            engine.send(TABLE)
            engine.send(Capacity("default/notify", 20))
            await world.dispatcher.until(lambda: bool(world.dispatcher.open and world.dispatcher.capacities))
            assert world.dispatcher.capacities == {"default/notify": 20}
            world.dispatcher.triggers = (waiting,)
            assert status_of(await world.ask(event(extra=CLOSE))) == 202
            status = await engine.hear(lambda said: said.types and said.brokers[0].events)
            (broker,) = status.brokers
            assert (broker.broker, broker.ready, broker.reason, broker.events, broker.dead) == (
                BROKER.key,
                True,
                "",
                1,
                0,
            )
            assert broker.bytes > 0
            assert status.triggers == (waiting,)
            assert status.types == (SeenType(BROKER.key, "com.acme.order", "/shop", "", 1),)

            engine.send(Replay(1, "default/notify", 0, 1))
            engine.send(ReplayDead(2, BROKER.key, "", (1, 2)))
            engine.send(ScrapeBroker(3))
            heard = {}
            for _ in range(3):
                answer = await engine.hear(lambda said: not isinstance(said, EventingStatus))
                heard[answer.id] = answer
            assert heard[1] == ReplayDone(1, delivered=3)
            assert heard[2] == ReplayDone(2, delivered=2)
            assert isinstance(heard[3], BrokerMetrics)
            assert 'faas_broker_events_total{namespace="default",broker="orders"} 1\n' in heard[3].text
            assert heard[3].text.endswith("# of deliveries\n")

            engine.writer.write(b'{"type": "of another version"}\n')
            engine.send(Replay(4, "default/notify", 0, 1))
            assert (await engine.hear(lambda said: isinstance(said, ReplayDone))).id == 4

    in_world(settings, work)


def test_a_new_engine_hears_everything_and_the_old_one_is_left(settings: EngineSettings) -> None:
    async def work(world: BrokerWorld) -> None:
        await world.opened()
        async with engine_of(world) as old, engine_of(world) as new:
            assert (await new.hear(lambda said: said.brokers)).brokers[0].broker == BROKER.key
            async with asyncio.timeout(PATIENCE_S):
                await old.reader.read(-1)

    in_world(settings, work)


def test_a_full_log_refuses_events_names_who_holds_it_and_takes_them_again(settings: EngineSettings) -> None:
    small = BrokerConfig("default/orders", "uid-small", max_bytes=30_000)

    async def fill(world: BrokerWorld) -> int:
        count = 0
        while status_of(await world.ask(event(count, b"x" * 1000, extra=CLOSE))) == 202:
            count += 1
        return count

    async def work(world: BrokerWorld) -> None:
        world.dispatcher.held = Hold(1, "default/slow")
        broker = await world.opened(small)
        count = await fill(world)
        assert 15 < count < 30
        answer = await world.ask(event(extra=CLOSE))
        assert status_of(answer) == 503
        assert b"\r\nretry-after: 2\r\n" in answer
        with pytest.raises(LogFull):
            await world.brokers.publish(small.key, ATTRIBUTES, b"x" * 1000)
        async with engine_of(world) as engine:
            status = await engine.hear(lambda said: isinstance(said, EventingStatus) and said.brokers[0].held_by)
        assert status.brokers[0].held_by == "default/slow"
        assert (status.brokers[0].ready, status.brokers[0].reason) == (False, "LogFull")
        assert (await broker.log.state()).events == count

        world.dispatcher.held = Hold(count + 1, "default/slow")
        async with asyncio.timeout(PATIENCE_S):
            while status_of(await world.ask(event(extra=CLOSE))) != 202:
                await asyncio.sleep(0.05)
        assert (await broker.log.state()).first > 1

    in_world(settings, work)


def test_events_that_everybody_has_finished_make_room_without_a_refusal(settings: EngineSettings) -> None:
    async def work(world: BrokerWorld) -> None:
        broker = await world.opened(BrokerConfig("default/orders", "uid-small", max_bytes=30_000))
        for number in range(100):
            assert status_of(await world.ask(event(number, b"x" * 1000, extra=CLOSE))) == 202
        assert (await broker.log.state()).last == 100

    in_world(settings, work)


def test_finished_events_go_when_they_are_older_than_the_retention(settings: EngineSettings) -> None:
    async def work(world: BrokerWorld) -> None:
        world.dispatcher.held = Hold(3, "default/slow")
        broker = await world.opened(BrokerConfig("default/orders", "uid-1", retention_s=0.1))
        for number in range(4):
            await world.brokers.publish(BROKER.key, ATTRIBUTES, b"%d" % number)
        async with asyncio.timeout(PATIENCE_S):
            while (await broker.log.state()).first != 3:
                await asyncio.sleep(0.05)
        assert (await broker.log.state()).events == 2

    in_world(settings, work)


def test_a_deleted_brokers_streams_go_after_a_while_also_when_the_broker_was_restarted(
    settings: EngineSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def delete(world: BrokerWorld) -> None:
        await world.opened()
        assert status_of(await world.ask(event(extra=CLOSE))) == 202
        world.brokers.apply(EventingTable(2))
        assert world.dispatcher.open == {}
        assert status_of(await world.ask(event(extra=CLOSE))) == 404

    async def forgotten(world: BrokerWorld) -> None:
        async with running_logs(lambda: server_of(settings)) as logs, asyncio.timeout(PATIENCE_S):
            await logs.connection.connected()
            while (await logs.connection.request("STREAM.NAMES", {})).get("streams"):
                await asyncio.sleep(0.01)

    in_world(settings, delete)
    monkeypatch.setattr(brokers_module, "GRACE_S", 0.01)
    in_world(settings, forgotten)


def test_a_table_that_leaves_a_broker_out_for_a_moment_costs_nothing(settings: EngineSettings) -> None:
    async def work(world: BrokerWorld) -> None:
        await world.opened()
        await world.brokers.publish(BROKER.key, ATTRIBUTES, b"kept")
        world.brokers.apply(EventingTable(2))
        assert await data_of(await world.opened()) == [b"kept"]

    in_world(settings, work)


def test_a_broker_made_anew_begins_with_an_empty_log(settings: EngineSettings) -> None:
    async def work(world: BrokerWorld) -> None:
        await world.opened()
        await world.brokers.publish(BROKER.key, ATTRIBUTES, b"old")
        world.brokers.apply(EventingTable(2, brokers=(BrokerConfig(BROKER.key, "uid-2"),)))
        assert status_of(await world.ask(event(1, b"new", extra=CLOSE))) == 202
        assert await data_of(world.dispatcher.open[BROKER.key]) == [b"new"]

    in_world(settings, work)


def test_streams_that_were_lost_with_the_servers_disk_are_made_again(settings: EngineSettings, nats: Nats) -> None:
    async def work(world: BrokerWorld) -> None:
        broker = await world.opened()
        await world.brokers.publish(BROKER.key, ATTRIBUTES, b"lost")
        nats.kill()
        (nats.folder / "jetstream").rename(nats.folder / "lost")
        nats.start()
        async with asyncio.timeout(PATIENCE_S):
            while status_of(await world.ask(event(2, b"new", extra=CLOSE))) != 202:
                await asyncio.sleep(0.05)
        assert await data_of(broker) == [b"new"]

    in_world(settings, work)


def test_no_sender_notices_that_the_broker_restarts(settings: EngineSettings) -> None:
    async def main() -> None:
        async with running_world(settings) as world:
            await world.opened()
            asking = [asyncio.create_task(world.ask(event(number, extra=CLOSE))) for number in range(200)]
            await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
        assert world.dispatcher.ended
        async with running_world(settings) as world:
            assert [status_of(await each) for each in asking] == [202] * 200
            broker = await world.opened()
            assert (await broker.log.state()).events == 200

    run(main())
