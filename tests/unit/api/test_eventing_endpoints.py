"""The engine's endpoints for events, asked without a server: routes, refusals, streams that end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from faas.client.errors import ApiError
from faas.engine.api.eventing import EventingEndpoints
from faas.engine.contract.inspecting import (
    EventingError,
    EventingUnavailable,
    EventNotTaken,
    EventQuery,
    LetterQuery,
    NotDeliverable,
    Unknown,
)

BROKER = "/faas/v1/namespaces/default/brokers/b"


class Recorded:
    """Notes what it is asked; raises `error` when there is one, after the first line of a stream."""

    def __init__(self, error: EventingError | None = None, *, endless: bool = False) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.error, self.endless, self.closed = error, endless, False

    def report(self, namespace: str) -> dict[str, Any]:
        return {"brokers": [namespace]}

    async def send(self, broker: str, headers: Any, body: bytes) -> None:
        self.asked.append((broker, dict(headers), body))
        if self.error is not None:
            raise self.error

    async def events(self, broker: str, query: EventQuery) -> AsyncIterator[bytes]:
        self.asked.append((broker, query.follow, query.after))
        try:
            yield b'{"position": 1}\n'
            if self.error is not None:
                raise self.error
            if self.endless:
                await asyncio.Event().wait()
        finally:
            self.closed = True

    async def types(self, broker: str) -> list[dict[str, Any]]:
        return [{"type": broker}]

    async def replay(self, trigger: str, *, since_s: float, until_s: float, dry_run: bool) -> AsyncIterator[bytes]:
        if self.error is not None:
            raise self.error
        yield json.dumps([trigger, since_s, until_s, dry_run]).encode()

    async def dead_letters(self, broker: str, query: LetterQuery, limit: int) -> AsyncIterator[bytes]:
        yield json.dumps([broker, query.trigger, limit]).encode()

    async def dead_letter_streams(self, broker: str) -> dict[str, int]:
        return {broker: 1}

    async def replay_dead(self, broker: str, query: LetterQuery) -> AsyncIterator[bytes]:
        yield json.dumps([broker, query.sequences]).encode()

    async def purge_dead(self, broker: str, query: LetterQuery) -> int:
        return len(query.sequences)


def request(method: str, path: str, query: str = "", body: bytes = b"", headers: Mapping[str, str] = {}) -> Request:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    named = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": named}
    return Request(scope, receive)


async def text_of(response: Response | None) -> str:
    if isinstance(response, StreamingResponse):
        return "".join([bytes(chunk).decode() async for chunk in response.body_iterator])  # type: ignore[arg-type]
    assert response is not None
    return bytes(response.body).decode()


def ask(eventing: Recorded, *arguments: Any) -> str:
    asked = request(*arguments)

    async def work() -> str:
        return await text_of(await EventingEndpoints(eventing).answer(asked, asked.url.path))

    return asyncio.run(work())


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (("GET", "/faas/v1/eventing", "namespace=default"), {"brokers": ["default"]}),
        (("GET", f"{BROKER}/types"), {"types": [{"type": "default/b"}]}),
        (("GET", f"{BROKER}/deadletters", "trigger=t&limit=3"), ["default/b", "default/t", 3]),
        (("GET", f"{BROKER}/deadletters/streams"), {"streams": {"default/b": 1}}),
        (("POST", f"{BROKER}/deadletters/replay", "sequences=3,4"), ["default/b", [3, 4]]),
        (("POST", f"{BROKER}/deadletters/purge", "sequences=3,4"), {"purged": 2}),
        (
            (
                "POST",
                "/faas/v1/namespaces/default/triggers/t/replay",
                "sinceTime=1970-01-01T00:00:01Z&untilTime=1970-01-01T00:00:02Z&dryRun=true",
            ),
            ["default/t", 1.0, 2.0, True],
        ),
    ],
)
def test_each_question_reaches_who_knows(arguments: tuple[str, ...], answer: Any) -> None:
    assert json.loads(ask(Recorded(), *arguments)) == answer


def test_an_event_is_handed_on_with_its_own_headers_only() -> None:
    eventing = Recorded()
    headers = {"content-type": "application/json", "ce-id": "1", "authorization": "Bearer secret", "host": "x"}
    assert json.loads(ask(eventing, "POST", f"{BROKER}/events", "", b"{}", headers)) == {"stored": True}
    assert eventing.asked == [("default/b", {"content-type": "application/json", "ce-id": "1"}, b"{}")]


@pytest.mark.parametrize(("method", "path"), [("DELETE", f"{BROKER}/events"), ("GET", f"{BROKER}/x"), ("GET", "/faas")])
def test_other_paths_are_somebody_elses(method: str, path: str) -> None:
    asked = request(method, path)
    assert asyncio.run(EventingEndpoints(Recorded()).answer(asked, path)) is None


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (Unknown("broker", "default/b", ("default/c",)), 404, "there is no broker default/b; there are: default/c"),
        (NotDeliverable("not now"), 409, "not now"),
        (EventingUnavailable("the NATS server is away"), 503, "the NATS server is away"),
        (EventNotTaken(400, "no type"), 400, "no type"),
        (EventNotTaken(413, "too large"), 413, "too large"),
        (EventNotTaken(503, "no room", 2), 503, "no room"),
    ],
)
def test_a_refusal_is_a_status(error: EventingError, code: int, message: str) -> None:
    with pytest.raises(ApiError) as refused:
        ask(Recorded(error), "POST", f"{BROKER}/events")
    assert (refused.value.code, refused.value.message) == (code, message)


def test_what_goes_wrong_before_the_first_line_is_the_answer_and_after_it_a_line() -> None:
    error = Unknown("trigger", "default/t")
    with pytest.raises(ApiError, match="there is no trigger"):
        ask(Recorded(error), "POST", "/faas/v1/namespaces/default/triggers/t/replay", "sinceTime=1970-01-01T00:00:01Z")
    first, last = ask(Recorded(error), "GET", f"{BROKER}/events", "follow=true&after=7").splitlines()
    assert json.loads(first) == {"position": 1}
    assert {name: json.loads(last)[name] for name in ("kind", "code")} == {"kind": "Status", "code": 404}


@pytest.mark.parametrize("leave", [pytest.param(False, id="the server stops"), pytest.param(True, id="who asked goes")])
def test_a_stream_ends_and_lets_go_of_what_it_reads(leave: bool) -> None:
    async def work() -> None:
        eventing = Recorded(endless=True)
        endpoints = EventingEndpoints(eventing)
        asked = request("GET", f"{BROKER}/events", "follow=true")
        reading = asyncio.ensure_future(text_of(await endpoints.answer(asked, asked.url.path)))
        await asyncio.wait({reading}, timeout=0.01)
        end: Callable[[], Any] = reading.cancel if leave else endpoints.close
        end()
        await asyncio.wait({reading})
        assert (reading.cancelled(), eventing.closed) == (leave, True)
        if not leave:
            later = await endpoints.answer(asked, asked.url.path)
            assert later is not None
            assert (later.status_code, later.headers["connection"]) == (503, "close")

    asyncio.run(work())
