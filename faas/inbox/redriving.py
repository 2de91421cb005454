"""Dead letters sent once more: to the subscriber they failed for, or to their broker; those that are taken are gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec
from faas_runtime.errors import EventError
from faas_runtime.events import wire
from faas_runtime.events.event import Event
from faas_runtime.outgoing.httpclient import Address, HTTPClient, Received

from faas.inbox.documents import DESTINATION, Document, without_error
from faas.inbox.letters import Choice, Letter
from faas.inbox.writing import Store

ATTEMPT_S = 310.0  # a subscriber may be a function, which has 300 s by default
_PULSE_S = 1.0
_TOLD = 100  # failures that are told one by one; the others are counted
_SAID = 300  # characters of what a subscriber said: enough for a problem document's detail


class Failure(msgspec.Struct, frozen=True):
    """Of one letter. `code`: what the subscriber answered, 0: nothing."""

    reason: str
    code: int = 0


class Destinations(msgspec.Struct, frozen=True):
    """Where letters go to, as whoever asks has read it from the cluster's objects."""

    broker: str = ""  # its address, http://…
    subscribers: dict[str, str] = {}  # trigger to URL
    to: str = "subscriber"  # or broker

    def of(self, letter: Letter, event: Event[Any]) -> str:
        """Raises: LookupError: nobody knows where to."""
        if self.to == "broker":
            url = self.broker
        elif letter.trigger:
            if letter.trigger not in self.subscribers:
                raise LookupError(f"trigger {letter.trigger} is gone, or has no subscriber")
            url = self.subscribers[letter.trigger]
        else:
            url = str(event.extensions.get(DESTINATION, "")) or self.broker
        if not url:
            raise LookupError("nobody has said where this letter has to go")
        return url


async def redrive(store: Store, choice: Choice, destinations: Destinations, namespace: str) -> AsyncIterator[Document]:
    """{"total"}, {} while it lasts, {"delivered", "failed", "error", "failures"}; what comes later is left alone."""
    until = await store.last_sequence()
    yield {"total": await store.count(choice)}
    done = _Done(namespace)
    work = asyncio.create_task(_redrive_all(store, choice, destinations, until, done))
    try:
        while not (await asyncio.wait({work}, timeout=_PULSE_S))[0]:
            yield {}
        work.result()
    finally:
        work.cancel()
    yield {"delivered": done.delivered, "failed": done.failed, "error": "", "failures": done.failures}


class _Done:
    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self.delivered = self.failed = 0
        self.failures: list[Document] = []  # the first of them

    def add_failure(self, letter: Letter, failure: Failure) -> None:
        self.failed += 1
        if len(self.failures) < _TOLD:
            trigger = f"{self._namespace}/{letter.trigger}" if letter.trigger else ""
            place = {"sequence": letter.sequence, "id": letter.id, "trigger": trigger, "stream": letter.stream}
            self.failures.append({**place, "reason": failure.reason, "code": failure.code})


async def _redrive_all(store: Store, choice: Choice, destinations: Destinations, until: int, done: _Done) -> None:
    client = HTTPClient()
    try:
        async with store.redriving:
            async for letters in store.pages(choice, until=until):
                await _redrive_some(store, client, letters, destinations, done)
    finally:
        await client.aclose()


async def _redrive_some(
    store: Store, client: HTTPClient, letters: Sequence[Letter], destinations: Destinations, done: _Done
) -> None:
    outcomes = await asyncio.gather(*(_redrive_one(client, letter, destinations) for letter in letters))
    taken = tuple(letter.sequence for letter, failure in zip(letters, outcomes, strict=True) if failure is None)
    if taken:
        await store.delete(Choice(sequences=taken))
    done.delivered += len(taken)
    for letter, failure in zip(letters, outcomes, strict=True):
        if failure is not None:
            done.add_failure(letter, failure)


async def _redrive_one(client: HTTPClient, letter: Letter, destinations: Destinations) -> Failure | None:
    try:
        event = wire.parse_structured(letter.event)
        answer = await _post(client, destinations.of(letter, event), without_error(event))
        if not 200 <= answer.status < 300:
            said = answer.body[:_SAID].decode(errors="replace")
            return Failure(said or f"it answered {answer.status}", answer.status)
        return await _pass_on(client, answer, destinations)
    except TimeoutError:
        return Failure(f"no answer within {ATTEMPT_S:g} s")
    except (OSError, EventError, LookupError, ValueError) as error:
        return Failure(str(error.args[0]) if isinstance(error, LookupError) else f"{error}")


async def _pass_on(client: HTTPClient, answer: Received, destinations: Destinations) -> Failure | None:
    """An event in the answer is a reply: it goes to the broker, as after a delivery of the broker's own."""
    headers = wire.header_map(answer.headers)
    if destinations.to == "broker" or not destinations.broker or not wire.mode(headers):
        return None
    for reply in wire.parse(headers, answer.body):
        stored = await _post(client, destinations.broker, reply)
        if not 200 <= stored.status < 300:
            return Failure("the broker does not take its reply", stored.status)
    return None


async def _post(client: HTTPClient, url: str, event: Event[Any]) -> Received:
    parts = urlsplit(url)
    headers, body = wire.binary(event)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = (b"host", parts.netloc.rpartition("@")[2].encode())
    async with asyncio.timeout(ATTEMPT_S):
        try:
            return await client.request(Address.parse(url), "POST", target, [host, *headers], body)
        except ConnectionError:  # as a rule a kept connection that the server had closed; twice is as good as once
            return await client.request(Address.parse(url), "POST", target, [host, *headers], body)
