"""Handing events to the broker's ingress over its own socket: they are checked and stored as all others are."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

from faas_runtime.outgoing.httpclient import Address, HTTPClient

from faas.engine.contract.inspecting import EventingUnavailable, EventNotTaken

_ANSWER_S = 30.0  # storing takes milliseconds; while nats-server and the broker start, a request waits


async def hand_in(path: Path, broker: str, headers: Mapping[str, str], body: bytes) -> None:
    """Store what one CloudEvents request holds.

    Raises: EventNotTaken: in the ingress' words; EventingUnavailable: whether it was stored is not known.
    """
    fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    client = HTTPClient()
    try:
        async with asyncio.timeout(_ANSWER_S):
            place = Address("broker", path=str(path))
            answer = await client.request(place, "POST", f"/{broker}", [(b"host", b"broker"), *fields], body)
    except OSError as error:  # TimeoutError is one
        raise EventingUnavailable(f"the broker did not answer: {error or type(error).__name__}") from error
    finally:
        await client.aclose()
    if answer.status == 202:
        return
    if answer.status == 404:  # whoever asks knows that there is such a Broker; its process does not yet
        raise EventingUnavailable(f"the Broker {broker} is being made")
    wait = dict(answer.headers).get(b"retry-after", b"")
    detail = _detail(answer.body) or f"the broker answered {answer.status}"
    raise EventNotTaken(answer.status, detail, int(wait) if wait.isdigit() else None)


def _detail(said: bytes) -> str:
    try:
        return str(json.loads(said)["detail"])
    except (ValueError, KeyError, TypeError):
        return said.decode(errors="replace")
