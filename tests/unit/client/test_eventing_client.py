"""What the engine tells of events, from a server that a test scripts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from faas.client.errors import BadRequest, NotFound, Unavailable
from faas.client.services.eventing import EventingClient, NoEventing

STATUS = {"kind": "Status", "code": 503, "reason": "ServiceUnavailable", "message": "the NATS server does not answer"}


def line(sequence: int) -> dict[str, Any]:
    return {"sequence": sequence, "storedTime": "2026-11-23T12:00:00Z", "event": {"id": str(sequence)}}


async def sequences(client: Any, **query: Any) -> list[int]:
    found = EventingClient(client, "default").events("b", **query)
    return [event["sequence"] async for event in found]


def test_who_follows_goes_on_behind_the_last_event_when_the_connection_breaks(scripted: Any, reply: Any) -> None:
    async def work() -> None:
        replies = (
            reply(lines=[{"position": 4}, line(5), line(9)]),
            reply(lines=[{"position": 9}, STATUS]),
            reply(lines=[{"position": 9}, line(10), line(11)]),
        )
        async with scripted(*replies) as (client, script):
            assert await sequences(client, follow=True, limit=4, type="com.*") == [5, 9, 10, 11]
            assert [seen.target.partition("?")[2] for seen in script.seen] == [
                "follow=true&limit=4&type=com.%2A",
                "follow=true&after=9&limit=2&type=com.%2A",
                "follow=true&after=9&limit=2&type=com.%2A",
            ]

    asyncio.run(work())


def test_what_is_refused_is_raised(scripted: Any, reply: Any) -> None:
    async def work() -> None:
        wrong = {"kind": "Status", "code": 400, "reason": "BadRequest", "message": "sql: no"}
        async with scripted(reply(wrong, status=400)) as (client, _):
            with pytest.raises(BadRequest, match="sql: no"):
                await sequences(client, follow=True, limit=None, sql="x")
        missing = {"kind": "Status", "code": 404, "reason": "NotFound", "message": "no b", "details": {"name": "b"}}
        async with scripted(reply(lines=[{"position": 4}, missing])) as (client, _):
            with pytest.raises(NotFound, match="no b"):
                await sequences(client, follow=True, limit=None)

    asyncio.run(work())


@pytest.mark.parametrize("code", [403, 404])
def test_a_server_that_is_no_engine_is_told_from_one_that_lacks_a_broker(scripted: Any, reply: Any, code: int) -> None:
    async def work() -> None:
        status = {"kind": "Status", "code": code, "message": "the server could not find the requested resource"}
        async with scripted(reply(status, status=code)) as (client, _):
            eventing = EventingClient(client, "default")
            assert await eventing.report() is None
            assert await eventing.dead_letter_streams("b") is None
            for ask in (eventing.types("b"), eventing.send("b", b"{}", "x/y"), eventing.purge_dead_letters("b")):
                with pytest.raises(NoEventing, match="is not the engine"):
                    await ask

    asyncio.run(work())


def test_an_event_is_not_sent_again_unless_it_was_surely_not_stored(scripted: Any, reply: Any) -> None:
    async def work() -> None:
        async with scripted(reply(broken=True)) as (client, script):
            with pytest.raises(Unavailable):
                await EventingClient(client, "default").send("b", b"{}", "application/cloudevents+json")
            assert len(script.seen) == 1
        async with scripted(reply(STATUS, status=503), reply({"stored": True})) as (client, script):
            await EventingClient(client, "default").send("b", b"{}", "application/cloudevents+json")
            assert [(seen.method, seen.target, seen.body) for seen in script.seen] == [
                ("POST", "/faas/v1/namespaces/default/brokers/b/events", b"{}")
            ] * 2

    asyncio.run(work())


def test_options_that_are_not_given_are_not_asked(scripted: Any, reply: Any) -> None:
    async def work() -> None:
        async with scripted(reply({"purged": 3})) as (client, script):
            eventing = EventingClient(client, "default")
            chosen = {"sequences": [3, 4], "trigger": None, "type": "", "stream": "", "untilTime": None}
            assert await eventing.purge_dead_letters("b", **chosen) == 3
            await eventing.purge_dead_letters("b", sequences=[], stream=None)
            assert [seen.target.partition("purge")[2] for seen in script.seen] == ["?sequences=3%2C4&stream=", ""]

    asyncio.run(work())
