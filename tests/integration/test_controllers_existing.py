"""The board says which Brokers and Triggers exist, whatever becomes of them: their events must not go with a defect."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from faas.client.protocol import Object
from faas.engine.broker.link import make_table
from faas.resources.kinds import BROKER, TRIGGER, Kind
from tests.engine_world import DEADLINE_S, World, engine_world, in_world

NAMES = {"name": "t", "namespace": "default"}


async def make(world: World, kind: Kind, spec: Object) -> str:
    """Its uid, when the board has it."""
    manifest = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": NAMES, "spec": spec}
    uid: str = (await world.client.create(kind, manifest))["metadata"]["uid"]
    async with asyncio.timeout(DEADLINE_S):
        async for _ in world.board.eventing_uids.changes():
            if world.board.eventing_uids.get((kind.kind, "default/t")) == uid:
                return uid
    raise AssertionError


async def gone(world: World, kind: Kind) -> None:
    async with asyncio.timeout(DEADLINE_S):
        async for _ in world.board.eventing_uids.changes():
            if (kind.kind, "default/t") not in world.board.eventing_uids:
                return


async def spoil(world: World, kind: Kind, **spec: Any) -> None:
    """As a version of ours that knows more would have stored it."""

    def change(raw: Object) -> Object:
        raw["spec"] = {**raw["spec"], **spec}
        return raw

    await world.client.remover.edit(kind, world.client.records.key(kind, "t", "default"), change)


def test_what_this_version_cannot_read_still_exists_after_a_restart(caplog: pytest.LogCaptureFixture) -> None:
    async def body() -> None:
        async with engine_world() as world:
            uids = [await make(world, BROKER, {}), await make(world, TRIGGER, {"subscriber": {"uri": "http://x"}})]
            await spoil(world, BROKER, delivery="fast")
            await spoil(world, TRIGGER, subscriber="somebody")
        async with engine_world(world.client) as world:
            table = make_table(world.board, 1)
            assert (table.brokers, table.triggers, sorted(table.existing)) == ((), (), sorted(uids))
            await world.client.delete(TRIGGER, "t", "default")
            await gone(world, TRIGGER)
            assert make_table(world.board, 2).existing == (uids[0],)

    asyncio.run(body())
    assert "Trigger default/t is left alone" in caplog.text


@in_world
async def test_what_waits_for_a_finalizer_is_deleted_already(world: World) -> None:
    await make(world, BROKER, {})
    await world.client.patch(BROKER, "t", {"metadata": {"finalizers": ["acme.com/audit"]}}, "default")
    await world.client.delete(BROKER, "t", "default")
    await gone(world, BROKER)
    assert (await world.client.get(BROKER, "t", "default"))["metadata"]["deletionTimestamp"]
