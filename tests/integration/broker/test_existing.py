"""What exists keeps its streams, also while the engine makes nothing of it; only what was deleted goes."""

from __future__ import annotations

import asyncio

import pytest

from faas.engine.broker.jetstream import running_logs, server_of
from faas.engine.broker.keeping import brokers as brokers_module
from faas.engine.contract.eventing import EventingTable
from faas.engine.contract.settings import EngineSettings
from tests.broker_world import BROKER, PATIENCE_S, run, running_world

ATTRIBUTES = {"specversion": "1.0", "id": "1", "source": "/shop", "type": "com.acme.order"}


async def streams(settings: EngineSettings) -> list[str]:
    async with running_logs(lambda: server_of(settings)) as logs, asyncio.timeout(PATIENCE_S):
        await logs.connection.connected()
        return (await logs.connection.request("STREAM.NAMES", {})).get("streams") or []


def test_a_broker_that_exists_keeps_its_events_while_the_table_is_without_it(
    settings: EngineSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brokers_module, "GRACE_S", 0.0)
    without = EventingTable(2, existing=(BROKER.uid,))

    async def main() -> None:
        async with running_world(settings) as world:
            await world.opened()
            await world.brokers.publish(BROKER.key, ATTRIBUTES, b"kept")
            world.brokers.apply(without)
        async with running_world(settings) as world:
            world.brokers.apply(without)
            assert len(await streams(settings)) == 3
            (event,) = await (await world.opened()).log.read(1, limit=10, wait_s=PATIENCE_S)
            assert event.data == b"kept"

    run(main())


def test_a_broker_that_was_left_out_and_is_deleted_then_loses_its_streams(
    settings: EngineSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brokers_module, "GRACE_S", 0.0)

    async def main() -> None:
        async with running_world(settings) as world:
            await world.opened()
            world.brokers.apply(EventingTable(2, existing=(BROKER.uid,)))
        async with running_world(settings) as world:
            world.brokers.apply(EventingTable(1))
            async with asyncio.timeout(PATIENCE_S):
                while await streams(settings):  # noqa: ASYNC110 - the server tells nobody
                    await asyncio.sleep(0.01)

    run(main())
