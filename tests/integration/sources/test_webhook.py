"""The webhook adapter as a process: what it lets in, and when it says so."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.programs import free_port
from tests.sources_world import DEADLINE_S, RunningAdapter, StandInSink, running_adapter, stand_in_sink

SECRET = "a secret"
SIGNED = {"signature_header": "X-Signature", "signature_prefix": "sha256="}


def wait_until_refused(listener: Path) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(listener)):
                return
    raise AssertionError("it listens still")


def signature(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@asynccontextmanager
async def webhook(
    folder: Path, options: dict[str, Any], **env: str
) -> AsyncIterator[tuple[RunningAdapter, StandInSink, httpx.AsyncClient]]:
    listen = folder / "webhook.sock"
    async with (
        stand_in_sink(folder) as sink,
        running_adapter("webhook", sink, options, FAAS_SOURCE_LISTEN=f"unix:{listen}", **env) as adapter,
        httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=str(listen)), base_url="http://hooks", timeout=30
        ) as client,
    ):
        await adapter.until("running")
        yield adapter, sink, client


def test_a_signed_request_is_an_event_when_it_is_answered(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with webhook(tmp_path, {**SIGNED, "type": "com.acme.paid"}, FAAS_SOURCE_SECRET=SECRET) as (
            _,
            sink,
            client,
        ):
            body = b'{"amount": 3}'
            answer = await client.post("/", content=body, headers={"x-signature": signature(body)})
            assert answer.status_code == 202
            event = sink.events[0]
            assert (event.type, event.data) == ("com.acme.paid", {"amount": 3})
            assert event.source == "/apis/v1/namespaces/default/containersources/a-source"

    asyncio.run(scenario())


def test_what_is_not_signed_with_the_secret_is_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with webhook(tmp_path, SIGNED, FAAS_SOURCE_SECRET=SECRET) as (_, sink, client):
            wrong = await client.post("/", content=b"{}", headers={"x-signature": signature(b"{}", "another")})
            missing = await client.post("/", content=b"{}")
            assert (wrong.status_code, missing.status_code) == (401, 401)
            assert sink.requests == []

    asyncio.run(scenario())


def test_other_paths_methods_and_sizes_are_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        options = {"path": "/in", "methods": ["PUT"], "max_bytes": 100}
        async with webhook(tmp_path, options) as (_, sink, client):
            assert (await client.put("/out", content=b"1")).status_code == 404
            refused = await client.post("/in", content=b"1")
            assert (refused.status_code, refused.headers["allow"]) == (405, "PUT")
            assert (await client.put("/in", content=b"x" * 101)).status_code == 413

            async def chunks() -> AsyncIterator[bytes]:
                for _ in range(3):
                    yield b"x" * 50

            assert (await client.put("/in", content=chunks())).status_code == 413
            assert (await client.put("/in", content=b"1", headers={"x-large": "x" * 40_000})).status_code == 431
            assert (await client.put("/in?key=1", content=b"1")).status_code == 202
            assert len(sink.events) == 1

    asyncio.run(scenario())


def test_standard_webhooks_are_verified_and_taken_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        options = {
            "signature_header": "Webhook-Signature", "signature_prefix": "v1,", "signed": "{id}.{timestamp}.{body}",
            "id_header": "Webhook-Id", "timestamp_header": "Webhook-Timestamp",
        }  # fmt: skip

        def headers(id: str, timestamp: float, body: bytes) -> dict[str, str]:
            content = f"{id}.{int(timestamp)}.".encode() + body
            digest = base64.b64encode(hmac.digest(SECRET.encode(), content, "sha256")).decode()
            return {
                "webhook-id": id,
                "webhook-timestamp": str(int(timestamp)),
                "webhook-signature": f"v1,x v1,{digest}",
            }

        async with webhook(tmp_path, options, FAAS_SOURCE_SECRET=SECRET) as (_, sink, client):
            now = time.time()
            first = await client.post("/", content=b"1", headers=headers("a", now, b"1"))
            again = await client.post("/", content=b"1", headers=headers("a", now, b"1"))
            late = await client.post("/", content=b"1", headers=headers("b", now - 600, b"1"))
            moved = await client.post("/", content=b"1", headers={**headers("b", now, b"1"), "webhook-id": "c"})
            bare = await client.post("/", content=b"1")
            answers = [answer.status_code for answer in (first, again, late, moved, bare)]
            assert answers == [202, 409, 400, 401, 401]
            assert [event.id for event in sink.events] == ["a"]

    asyncio.run(scenario())


def test_an_event_that_the_sink_refuses_for_good_is_refused_to_its_sender(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with webhook(tmp_path, {}) as (adapter, sink, client):
            sink.refuse(422)
            assert (await client.post("/", content=b"1")).status_code == 400
            report = await adapter.until("running", "EventsDropped")
            assert "422" in report["message"]

    asyncio.run(scenario())


def test_a_request_that_is_on_its_way_is_answered_before_the_end(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with webhook(tmp_path, {}) as (adapter, sink, client):
            sink.hold()
            waiting = asyncio.create_task(client.post("/", content=b"1"))
            await sink.asked(1)
            adapter.process.terminate()
            await asyncio.to_thread(wait_until_refused, tmp_path / "webhook.sock")
            sink.release()
            assert (await waiting).status_code == 202
            assert await adapter.process.wait() == 0

    asyncio.run(scenario())


def test_parallel_requests_on_a_port_are_all_answered(tmp_path: Path) -> None:
    async def scenario() -> None:
        port = free_port()
        async with (
            stand_in_sink() as sink,
            running_adapter("webhook", sink, {}, FAAS_SOURCE_LISTEN=f"tcp:127.0.0.1:{port}") as adapter,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
        ):
            await adapter.until("running")
            answers = await asyncio.gather(*(client.post("/", json=number) for number in range(200)))
            assert {answer.status_code for answer in answers} == {202}
            assert sorted(event.data for event in sink.events) == list(range(200))

    asyncio.run(scenario())
