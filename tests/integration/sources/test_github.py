"""The GitHub adapter as a process, with a stand-in of GitHub's API."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx

from faas.sources.listening import Answer, Request, listening
from tests.programs import free_port
from tests.sources_world import (
    DEADLINE_S,
    RunningAdapter,
    StandInSink,
    adapter_environment,
    running_adapter,
    stand_in_sink,
)

SECRET = "it's a secret"
PUSH = b'{"ref": "refs/heads/main", "compare": "https://github.com/acme/shop/compare/a1...b2"}'


def delivery(body: bytes, kind: str, id: str, **more: str) -> dict[str, str]:
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return {"x-github-event": kind, "x-github-delivery": id, "x-hub-signature-256": f"sha256={digest}", **more}


@asynccontextmanager
async def github(
    folder: Path, options: dict[str, Any], **env: str
) -> AsyncIterator[tuple[RunningAdapter, StandInSink, httpx.AsyncClient]]:
    listen = folder / "github.sock"
    given = {"repository": "acme/shop", **options}
    env = {"FAAS_SOURCE_SECRET": SECRET, "FAAS_SOURCE_LISTEN": f"unix:{listen}", **env}
    async with (
        stand_in_sink(folder) as sink,
        running_adapter("github", sink, given, state=folder / "state", **env) as adapter,
        httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=str(listen)), base_url="http://hooks", timeout=30
        ) as client,
    ):
        yield adapter, sink, client


def test_a_delivery_becomes_knatives_event(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with github(tmp_path, {"events": ["push"]}) as (adapter, sink, client):
            await adapter.until("running")
            answer = await client.post("/", content=PUSH, headers=delivery(PUSH, "push", "d-1"))
            assert (answer.status_code, answer.text) == (202, "accepted\n")
            event = sink.events[0]
            assert event.type == "dev.knative.source.github.push"
            assert event.source == "https://github.com/acme/shop"
            assert event.id == "d-1"
            assert event.subject == "a1...b2"
            assert event.data["ref"] == "refs/heads/main"

    asyncio.run(scenario())


def test_pings_are_answered_and_other_kinds_left_out(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with github(tmp_path, {"events": ["push"]}) as (adapter, sink, client):
            await adapter.until("running")
            ping = await client.post("/", content=b"{}", headers=delivery(b"{}", "ping", "d-1"))
            star = await client.post("/", content=b"{}", headers=delivery(b"{}", "watch", "d-2"))
            assert (ping.status_code, ping.text, star.status_code) == (200, "pong\n", 200)
            assert sink.requests == []

    asyncio.run(scenario())


def test_forged_and_malformed_deliveries_are_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with github(tmp_path, {}) as (adapter, sink, client):
            await adapter.until("running")
            forged = await client.post("/", content=PUSH + b" ", headers=delivery(PUSH, "push", "d-1"))
            nameless = await client.post("/", content=PUSH, headers=delivery(PUSH, "push", ""))
            no_json = await client.post("/", content=b"[", headers=delivery(b"[", "push", "d-2"))
            get = await client.get("/")
            assert [answer.status_code for answer in (forged, nameless, no_json, get)] == [401, 400, 400, 405]
            assert sink.requests == []

    asyncio.run(scenario())


def test_a_delivery_is_taken_once_across_a_kill(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with github(tmp_path, {}) as (adapter, sink, client):
            await adapter.until("running")
            assert (await client.post("/", content=PUSH, headers=delivery(PUSH, "push", "d-1"))).status_code == 202
            assert (await client.post("/", content=PUSH, headers=delivery(PUSH, "push", "d-1"))).status_code == 409
            await adapter.kill()
            assert len(sink.events) == 1
        async with github(tmp_path, {}) as (adapter, sink, client):
            await adapter.until("running")
            assert (await client.post("/", content=PUSH, headers=delivery(PUSH, "push", "d-1"))).status_code == 409
            again = delivery(PUSH, "create", "d-2")  # neither the id nor the kind is signed
            assert (await client.post("/", content=PUSH, headers=again)).status_code == 409
            other = PUSH + b"\n"
            assert (await client.post("/", content=other, headers=delivery(other, "push", "d-3"))).status_code == 202

    asyncio.run(scenario())


def test_a_form_is_read_as_well(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with github(tmp_path, {}) as (adapter, sink, client):
            await adapter.until("running")
            body = urlencode({"payload": '{"action": "opened", "issue": {"number": 7, "title": "ä"}}'}).encode()
            headers = delivery(body, "issues", "d-1", **{"content-type": "application/x-www-form-urlencoded"})
            assert (await client.post("/", content=body, headers=headers)).status_code == 202
            assert (sink.events[0].subject, sink.events[0].data["issue"]["title"]) == ("7", "ä")

    asyncio.run(scenario())


@dataclass
class HooksAPI:
    """GitHub's hooks of one repository."""

    hooks: dict[int, dict[str, Any]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    token: str = "a token"
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def changed(self, count: int) -> None:
        """Wait until hooks were changed so often."""
        async with asyncio.timeout(DEADLINE_S):
            while sum(not call.startswith("GET") for call in self.calls) < count:
                self._news.clear()
                await self._news.wait()

    async def handle(self, request: Request) -> Answer:
        self.calls.append(f"{request.method} {request.path}")
        self._news.set()
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return Answer(401, json.dumps({"message": "Bad credentials"}))
        id = int(request.path.rpartition("/")[2]) if request.path[-1].isdigit() else 0
        if request.method == "GET":
            return Answer(200, json.dumps([{"id": id, **hook} for id, hook in self.hooks.items()]))
        if request.method == "DELETE":
            del self.hooks[id]
            return Answer(204)
        if request.method == "POST":
            id = len(self.hooks) + 1
        self.hooks[id] = {**self.hooks.get(id, {}), **json.loads(request.body)}
        return Answer(201 if request.method == "POST" else 200, json.dumps({"id": id, **self.hooks[id]}))


def test_the_hook_is_made_kept_and_removed(tmp_path: Path) -> None:
    async def scenario() -> None:
        api, port = HooksAPI(), free_port()
        options = {"events": ["push"], "api_url": f"http://127.0.0.1:{port}/api/v3", "url": "https://shop.example/hook"}
        async with listening(f"tcp:127.0.0.1:{port}", api.handle, max_body=10_000):
            async with github(tmp_path, options, FAAS_SOURCE_TOKEN=api.token):
                await api.changed(1)
                assert api.hooks[1]["config"]["url"] == "https://shop.example/hook"
                assert (api.hooks[1]["name"], api.hooks[1]["events"], api.hooks[1]["active"]) == ("web", ["push"], True)
            wider = {**options, "events": ["push", "issues"]}
            async with github(tmp_path, wider, FAAS_SOURCE_TOKEN=api.token):
                await api.changed(2)
                assert (list(api.hooks), api.hooks[1]["events"]) == ([1], ["push", "issues"])
            sink = StandInSink("http://127.0.0.1:1")
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "faas.sources", "github", "--retire",
                env=adapter_environment(
                    sink, {"repository": "acme/shop", **options}, FAAS_SOURCE_TOKEN=api.token, FAAS_SOURCE_SECRET=SECRET
                ),
            )  # fmt: skip
            assert await process.wait() == 0
            assert api.hooks == {}

    asyncio.run(scenario())


def test_a_refused_hook_is_told_and_deliveries_are_taken_all_the_same(tmp_path: Path) -> None:
    async def scenario() -> None:
        api, port = HooksAPI(), free_port()
        options = {"api_url": f"http://127.0.0.1:{port}", "url": "https://shop.example/hook"}
        async with (
            listening(f"tcp:127.0.0.1:{port}", api.handle, max_body=10_000),
            github(tmp_path, options, FAAS_SOURCE_TOKEN="a wrong one") as (adapter, _, client),
        ):
            report = await adapter.until("failing", "HookRefused")
            assert "Bad credentials" in report["message"]
            assert (await client.post("/", content=PUSH, headers=delivery(PUSH, "push", "d-1"))).status_code == 202
            assert await adapter.end() == 0

    asyncio.run(scenario())
