"""Events on their way to a Broker: read from options or a file, sent one by one, in batches, or at a rate."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from faas.cli.connection import with_client
from faas.cli.errors import CommandError
from faas.cli.output import note, print_data
from faas.cli.required import require

if TYPE_CHECKING:
    from faas.client.http.client import HttpClient
    from faas.client.places.targets import Target
    from faas.client.services.broker_address import BrokerFailed
    from faas.client.services.eventing import EventingClient

Document = dict[str, Any]
Store = Callable[[Sequence[Document]], Awaitable[None]]
_BATCH_BYTES = 2 * 1024 * 1024  # the API takes bodies of 3 MiB
_BATCH_EVENTS = 200
_TICK_S = 0.05  # faster rates send several at once


@dataclass(frozen=True, slots=True)
class Pace:
    count: int | None  # None: until Ctrl-C
    rate: float | None  # in a second; None: as fast as they are stored


def parse_extension(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--ext")
    return name.lower(), value


def read_data(text: str | None, content_type: str | None) -> Document:
    """The members of an event's document that its data makes."""
    if text is None:
        return {"datacontenttype": content_type} if content_type else {}
    raw = _read(text, "--data")
    if content_type is None:
        content_type = _recognised(raw)
    if content_type.partition(";")[0].strip().endswith(("/json", "+json")):
        return {"datacontenttype": content_type, "data": _json(raw)}
    try:
        return {"datacontenttype": content_type, "data": raw.decode()}
    except UnicodeDecodeError:
        return {"datacontenttype": content_type, "data_base64": base64.b64encode(raw).decode()}


def send_one(target: Target, namespace: str, broker: str, document: Document, output: str | None) -> None:
    _send_all(target, namespace, broker, [document], output)


def send_file(target: Target, namespace: str, broker: str, file: str, output: str | None) -> None:
    """Send the events of a file; what lacks an id, a source or specversion gets one."""
    documents = parse_events(_read(file if file == "-" else f"@{file}", "--file"), file)
    _send_all(target, namespace, broker, documents, output)


def send_many(target: Target, namespace: str, broker: str, document: Document, pace: Pace, output: str | None) -> None:
    """Send the same event again and again, each time with another id."""
    began, sent = 0.0, 0

    def count(number: int) -> None:
        nonlocal sent
        sent += number

    async def work(client: HttpClient, store: Store) -> None:
        nonlocal began
        began = time.monotonic()
        await _keep_pace(document, pace, store, count)

    try:
        _with_store(target, namespace, broker, work)
    except (KeyboardInterrupt, click.Abort):
        note("")
    finally:
        took_s = time.monotonic() - began
        if sent:
            report = {"broker": broker, "stored": sent, "seconds": round(took_s, 3)}
            if output:
                print_data(report, output)
            else:
                click.echo(f"{sent} events stored in {took_s:.1f} s, {sent / max(took_s, 1e-6):.0f} a second")


def parse_events(raw: bytes, file: str) -> list[Document]:
    """Raises: CommandError: it is no JSON object, and no array of them."""
    try:
        found = json.loads(raw)
    except ValueError as error:
        raise CommandError(f"{file} is not JSON: {error}") from error
    documents = found if isinstance(found, list) else [found]
    if not documents or not all(isinstance(document, dict) for document in documents):
        raise CommandError(f"{file} holds no event: it has to be a JSON object, or an array of them")
    for number, document in enumerate(documents, 1):
        if "type" not in document:
            where = f"event {number} of {file}" if len(documents) > 1 else f"the event in {file}"
            raise CommandError(f"{where} has no type", 'Each needs at least {"type": "com.acme.order.created"}')
    return documents


def _send_all(target: Target, namespace: str, broker: str, documents: list[Document], output: str | None) -> None:
    documents = [complete(document) for document in documents]

    async def work(client: HttpClient, store: Store) -> list[str]:
        for batch in in_batches(documents):
            await store(batch)
        return await _unwanted(client, namespace, broker, documents)

    unwanted = _with_store(target, namespace, broker, work)
    if output:
        stored = [{"id": document["id"], "type": document["type"], "stored": True} for document in documents]
        print_data(stored if len(stored) > 1 else stored[0], output)
    else:
        for document in documents:
            click.echo(f"{document['id']} stored")
    for kind in unwanted:
        note(f"no trigger of Broker {broker} wants {kind}; see:  faas trigger list{target.flags}")


def complete(document: Document) -> Document:
    return {"specversion": "1.0", "id": str(uuid.uuid4()), "source": "faas://cli", **document}


def in_batches(documents: Sequence[Document]) -> list[list[Document]]:
    """In their order, each small enough for one request."""
    batches: list[list[Document]] = []
    size = 0
    for document in documents:
        length = len(json.dumps(document))
        if not batches or size + length > _BATCH_BYTES or len(batches[-1]) >= _BATCH_EVENTS:
            batches.append([])
            size = 0
        batches[-1].append(document)
        size += length
    return batches


async def _keep_pace(document: Document, pace: Pace, store: Store, count: Callable[[int], None]) -> None:
    began, sent = time.monotonic(), 0
    while pace.count is None or sent < pace.count:
        left = _BATCH_EVENTS if pace.count is None else pace.count - sent
        due = _BATCH_EVENTS
        if pace.rate is not None:
            due = int((time.monotonic() - began) * pace.rate) + 1 - sent
            if due <= 0:
                await asyncio.sleep(max(_TICK_S, (sent - (time.monotonic() - began) * pace.rate) / pace.rate))
                continue
        for batch in in_batches([complete(document) for _ in range(min(due, left, _BATCH_EVENTS))]):
            await store(batch)
            sent += len(batch)
            count(len(batch))


def _with_store(
    target: Target, namespace: str, broker: str, work: Callable[[HttpClient, Store], Awaitable[Any]]
) -> Any:
    async def session(client: HttpClient) -> Any:
        from faas.client.services.eventing import EventingClient
        from faas.resources.kinds import BROKER

        found = await require(client, BROKER, broker, namespace)
        if not target.is_local:
            return await work(client, _store_in(client, found, target.flags))
        eventing = EventingClient(client, namespace)
        return await work(client, lambda documents: _store(eventing, broker, documents))

    return with_client(target, session)


def _store_in(client: HttpClient, broker: Mapping[str, Any], flags: str) -> Store:
    """Events to a Broker of a cluster."""
    from faas.client.services.broker_address import BrokerAddress, BrokerFailed, NoAddress
    from faas.client.services.service_proxy import NothingBehind, ProxyForbidden

    name = broker["metadata"]["name"]
    try:
        address = BrokerAddress(client, dict(broker))
    except NoAddress as error:
        raise CommandError(error.message, f"See:  faas broker describe {name}{flags}") from error

    async def store(documents: Sequence[Document]) -> None:
        try:
            await address.send(documents)
        except NothingBehind as error:
            raise CommandError(f"Broker {name} cannot take events now: {error.message}") from error
        except BrokerFailed as error:
            raise CommandError(error.message, _why_failed(error, flags)) from error
        except ProxyForbidden as error:
            raise CommandError(
                error.message,
                f"Ask for the right to create services/proxy there ({error.service}), or send from a Pod:  "
                f"POST {broker['status']['address']['url']}",
            ) from error

    return store


def _why_failed(error: BrokerFailed, flags: str) -> str:
    if error.code != 500:
        return f"The event may be with some Triggers; it was not sent again. See:  faas trigger list{flags}"
    return (
        "A Broker with channels in memory hands an event on before it answers: some subscriber failed for good, after\n"
        "all its retries, and its Trigger has no dead-letter sink; the others got the event. It was not sent again.\n"
        f"Whose it is:  faas trigger list{flags}      what it says:  faas logs NAME{flags}"
    )


async def _store(eventing: EventingClient, broker: str, documents: Sequence[Document]) -> None:
    if len(documents) == 1:
        await eventing.send(broker, _dump(documents[0]), "application/cloudevents+json")
    else:
        await eventing.send(broker, _dump(list(documents)), "application/cloudevents-batch+json")


async def _unwanted(client: HttpClient, namespace: str, broker: str, documents: Sequence[Document]) -> list[str]:
    """Types that no trigger of the Broker wants: sending one is most often a mistake in its name."""
    from faas_runtime.events.matching import compile_filters

    from faas.resources.kinds import TRIGGER

    specs = [item["spec"] for item in (await client.list(TRIGGER, namespace)).items]
    ours = [spec for spec in specs if (spec.get("broker") or (spec.get("brokerRef") or {}).get("name")) == broker]
    matchers = [compile_filters(spec.get("filters") or (), spec.get("filter")) for spec in ours]
    wanted = {document["type"] for document in documents if any(matcher.matches(document) for matcher in matchers)}
    return sorted({str(document["type"]) for document in documents} - wanted)


def _dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _read(text: str, option: str) -> bytes:
    if text == "-":
        return sys.stdin.buffer.read()
    if text.startswith("@"):
        try:
            return Path(text[1:]).read_bytes()
        except OSError as error:
            raise click.BadParameter(f"{text[1:]}: {error.strerror}", param_hint=option) from error
    return text.encode()


def _recognised(raw: bytes) -> str:
    try:
        json.loads(raw)
    except ValueError as error:
        if raw.lstrip()[:1] in (b"{", b"["):
            message = f"this looks like JSON and is none: {error} (to send it as it is: --content-type text/plain)"
            raise click.BadParameter(message, param_hint="--data") from error
    else:
        return "application/json"
    try:
        raw.decode()
    except UnicodeDecodeError:
        return "application/octet-stream"
    return "text/plain"


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError as error:
        raise click.BadParameter(f"this is not JSON: {error}", param_hint="--data") from error
