"""`faas dlq` on a cluster: the store in the namespace, through the API server, with the token of its Secret."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from faas.client.errors import NotFound
from faas.client.protocol import Object
from faas.client.services.store import NAME
from faas.resources.kinds import BROKER, SECRET, TRIGGER, Kind
from tests.cluster.faults import refuse
from tests.cluster.rights import Right
from tests.cluster_world import TEAM, ClusterCommand, ClusterWorld
from tests.inbox_world import TOKEN, RunningInbox, event_headers, running_inbox
from tests.serving import serving


class Subscriber:
    """Of the Trigger; answers 200 unless told otherwise."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.answer = (200, b"")
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                outer.taken.append(self.headers["ce-id"])
                status, body = outer.answer
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"


@pytest.fixture(scope="module")
def subscriber() -> Iterator[Subscriber]:
    made = Subscriber()
    with serving(made.server):
        yield made


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningInbox]:
    with running_inbox(tmp_path_factory.mktemp("store")) as inbox:
        yield inbox


@pytest.fixture
def store(cluster: ClusterWorld, shared: RunningInbox, subscriber: Subscriber) -> RunningInbox:
    """In the namespace, with two letters of Trigger on-order."""
    data = {"data": {"token": base64.b64encode(TOKEN.encode()).decode()}}
    trigger = {"broker": "default", "subscriber": {"uri": subscriber.url}}
    asyncio.run(put(cluster, SECRET, NAME, data))
    asyncio.run(put(cluster, BROKER, "default", {"spec": {}}))
    asyncio.run(put(cluster, TRIGGER, "on-order", {"spec": trigger}, ready=True))
    cluster.services[TEAM, NAME] = shared.url
    subscriber.taken.clear()
    subscriber.answer = (200, b"")
    shared.ask("POST", "/purge")
    for number in (1, 2):
        shared.post("/default/on-order", b'{"n":1}', **event_headers(number))
    return shared


async def put(world: ClusterWorld, kind: Kind, name: str, rest: Object, *, ready: bool = False) -> None:
    metadata = {"name": name, "namespace": TEAM}
    async with world.direct() as client:
        await client.patch(
            kind,
            name,
            {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, **rest},
            TEAM,
            type="apply",
        )
        if ready:
            async for event in client.watch(kind, TEAM):
                if (event.object.get("status") or {}).get("subscriberUri"):
                    return


async def remove(world: ClusterWorld, kind: Kind, name: str) -> None:
    async with world.direct() as client:
        try:
            await client.delete(kind, name, TEAM)
        except NotFound:
            return


@pytest.fixture
def faas(cluster: ClusterWorld, tmp_path: Path) -> ClusterCommand:
    return cluster.command("alice", tmp_path)


def shown(faas: ClusterCommand) -> list[dict[str, Any]]:
    return list(json.loads(faas("dlq", "list", "-o", "json")))


def test_letters_are_listed_as_on_the_engine(store: RunningInbox, faas: ClusterCommand) -> None:
    lines = [line.split() for line in faas("dlq", "list").splitlines()]

    assert lines[0] == ["SEQ", "TIME", "TRIGGER", "TYPE", "ID", "CODE", "ERROR"]
    assert [line[3:] for line in lines[1:]] == [
        ["on-order", "order", "id-1", "500", "oops"],
        ["on-order", "order", "id-2", "500", "oops"],
    ]


def test_one_is_shown_whole(store: RunningInbox, faas: ClusterCommand) -> None:
    text = faas("dlq", "show", "id-1")

    assert "Destination: http://on-order.team.svc.cluster.local/" in text
    assert "oops" in text


def test_those_that_are_delivered_are_gone(store: RunningInbox, faas: ClusterCommand, subscriber: Subscriber) -> None:
    assert faas("dlq", "replay", "--trigger", "on-order") == "2 delivered, 0 failed\n"
    assert sorted(subscriber.taken) == ["id-1", "id-2"]
    assert shown(faas) == []


def test_those_that_fail_again_say_why(store: RunningInbox, faas: ClusterCommand, subscriber: Subscriber) -> None:
    subscriber.answer = (503, b'{"title": "Service Unavailable", "detail": "no room today"}')

    text = faas("dlq", "replay", "--all", code=1)
    document = json.loads(faas("dlq", "replay", "--all", "-o", "json", code=1))

    assert [line.split(maxsplit=4) for line in text.splitlines()[:4]] == [
        ["0", "delivered,", "2", "failed"],
        ["SEQ", "TRIGGER", "ID", "CODE", "REASON"],
        [str(document["failures"][0]["sequence"]), "on-order", "id-1", "503", "no room today"],
        [str(document["failures"][1]["sequence"]), "on-order", "id-2", "503", "no room today"],
    ]
    assert (document["failed"], document["failures"][0]["trigger"]) == (2, "team/on-order")


def test_a_damaged_file_is_told_of(
    store: RunningInbox, faas: ClusterCommand, shared: RunningInbox, tmp_path: Path
) -> None:
    broken = shared.program.folder / "letters.db.broken-20261123T120000.000000Z"
    broken.write_bytes(b"x" * 2048)
    document = {"time": "2026-11-23T12:00:00+00:00", "reason": "file is not a database", "saved": 7}
    broken.with_name(broken.name + ".json").write_text(json.dumps(document))
    try:
        faas("dlq", "list", "-o", "json")
        text = " ".join(faas.said.split())
    finally:
        broken.unlink()

    assert "(file is not a database): 7 letters could be read and went on; the rest is in" in text
    assert f"kubectl -n {TEAM} exec deploy/faas-dead-letters -- rm {broken}" in text


def test_some_are_forgotten(store: RunningInbox, faas: ClusterCommand) -> None:
    (first, _) = shown(faas)

    assert faas("dlq", "purge", str(first["sequence"]), "--yes") == "1 dead letter gone\n"
    assert [letter["event"]["id"] for letter in shown(faas)] == ["id-2"]


def test_a_wrong_token_is_said_to_be_the_stores(
    store: RunningInbox, cluster: ClusterWorld, faas: ClusterCommand
) -> None:
    other = {"data": {"token": base64.b64encode(b"another-token-altogether").decode()}}
    asyncio.run(put(cluster, SECRET, NAME, other))

    faas("dlq", "list", code=1)

    assert "does not have this store's token" in faas.said


def test_without_a_store_it_says_where_letters_go(
    store: RunningInbox, cluster: ClusterWorld, faas: ClusterCommand
) -> None:
    asyncio.run(remove(cluster, SECRET, NAME))

    faas("dlq", "list", code=1)

    assert "namespace team has no store of dead letters" in faas.said
    assert "Trigger on-order sends them to nowhere" in faas.said
    assert "faas deploy" in faas.said


def test_who_may_not_read_the_secret_is_told_so(
    store: RunningInbox, cluster: ClusterWorld, faas: ClusterCommand
) -> None:
    cluster.rights["alice"] = [Right("get,list", "brokers.eventing.knative.dev", TEAM)]

    faas("dlq", "list", code=1)

    assert "you may not read Secret faas-dead-letters of namespace team" in faas.said


def test_who_may_not_reach_services_is_told_so(
    store: RunningInbox, cluster: ClusterWorld, faas: ClusterCommand
) -> None:
    cluster.faults.add(refuse(403, reason="Forbidden"), times=9, path="/services/faas-dead-letters")

    faas("dlq", "list", code=1)

    assert "you may not reach Service faas-dead-letters of namespace team" in faas.said
    assert "services/proxy" in faas.said


def test_a_store_that_does_not_run_now_is_told_from_one_that_is_not_there(
    store: RunningInbox, cluster: ClusterWorld, faas: ClusterCommand
) -> None:
    fault = refuse(503, reason="ServiceUnavailable", message='no endpoints available for service "faas-dead-letters"')
    cluster.faults.add(fault, times=20, path="/proxy/")

    faas("dlq", "list", code=1)

    assert "Service faas-dead-letters of namespace team has no Pod that is ready" in faas.said
    assert "kubectl -n team describe pods -l faas.dev/component=dead-letters" in faas.said
