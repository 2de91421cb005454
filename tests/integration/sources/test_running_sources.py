"""The part of the engine that runs sources: real processes, a sink on a real socket, the API in process."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from faas_runtime.events.event import Event

from faas.client.protocol import Object
from faas.engine.api.objects.backend import Backend
from faas.engine.api.objects.bootstrap import bootstrap
from faas.engine.contract.board import Board
from faas.engine.contract.clock import SystemClock
from faas.engine.contract.revision import Endpoint, EnvVar, SecretRef
from faas.engine.contract.settings import EngineSettings, Listeners, NatsSettings, RunAs
from faas.engine.contract.sources import SourceKey, SourcePlan, SourceStatus, endpoint_key
from faas.engine.sources import Sources
from faas.engine.sources.sweep import living_uids, remove_forgotten
from faas.engine.store import MemoryStore
from faas.resources.kinds import CONFIG_MAP, CONTAINER_SOURCE, NAMESPACE, PING_SOURCE, SECRET
from tests.event_sink import EventSink, event_sink

COMMAND = (sys.executable, str(Path(__file__).with_name("stand_in_adapter.py")))
DEADLINE_S = 30.0
SINK = EnvVar("K_SINK", "http://broker-ingress.knative-eventing.svc.cluster.local/default/default")
KEY = SourceKey("containersources.sources.knative.dev", "default", "src")


@dataclass
class World:
    settings: EngineSettings
    board: Board
    client: Backend
    sink: EventSink
    sources: Sources

    def run(self, adapter: str, *env: EnvVar, **changes: Any) -> SourcePlan:
        plan = SourcePlan(KEY, "11111111-2222-3333-4444-555555555555", adapter, (*env, SINK))
        plan = replace(plan, **changes)
        self.board.sources.put(plan.key, plan)
        return plan

    async def until(self, wanted: Callable[[SourceStatus], bool], key: SourceKey = KEY) -> SourceStatus:
        try:
            async with asyncio.timeout(DEADLINE_S):
                async for _ in self.board.source_status.changes():
                    status = self.board.source_status.get(key)
                    if status is not None and wanted(status):
                        return status
        except TimeoutError:
            raise AssertionError(f"it did not get there; last: {self.board.source_status.get(key)}") from None
        raise AssertionError("the board ended")

    async def until_stopped(self, key: SourceKey = KEY) -> None:
        async with asyncio.timeout(DEADLINE_S):
            async for _ in self.board.source_status.changes():
                if key not in self.board.source_status:
                    return

    def seen(self, plan: SourcePlan) -> Any:
        """What the stand-in was given at its last start."""
        return json.loads((self.settings.state_dir / "sources" / plan.uid / "seen.json").read_text())

    async def write(self, name: str, data: dict[str, str]) -> None:
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "default"}}
        await self.client.patch(SECRET, name, {**secret, "data": encoded}, "default", type="apply", force=True)


@asynccontextmanager
async def sources_world(
    folder: Path,
    *,
    nats: NatsSettings = NatsSettings(),
    run_as: RunAs | None = None,
    command: tuple[str, ...] = COMMAND,
) -> AsyncIterator[World]:
    listeners = Listeners(-1, -1, -1, -1)
    settings = EngineSettings(folder / "state", folder / "run", listeners, nats=nats, run_as=run_as)
    settings.runtime_dir.mkdir(exist_ok=True)
    client = Backend(MemoryStore())
    await bootstrap(client)
    board = Board()
    async with event_sink(settings.internal_socket) as sink:
        sources = Sources(settings, board, client, SystemClock(), command=command)
        async with sources:
            yield World(settings, board, client, sink, sources)


def in_world(test: Callable[[World], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    def run() -> None:
        async def body() -> None:
            with tempfile.TemporaryDirectory(prefix="src") as folder:  # short: a socket's path has 107 bytes
                async with sources_world(Path(folder)) as world:
                    await test(world)

        asyncio.run(body())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


def is_running(status: SourceStatus) -> bool:
    return status.state == "running"


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def until_dead(pid: int) -> None:
    async with asyncio.timeout(DEADLINE_S):
        fd = None
        try:
            fd = os.pidfd_open(pid)
            ended = asyncio.Event()
            asyncio.get_running_loop().add_reader(fd, ended.set)
            await ended.wait()
            asyncio.get_running_loop().remove_reader(fd)
        except ProcessLookupError:
            return
        finally:
            if fd is not None:
                os.close(fd)


@in_world
async def test_an_adapter_runs_with_what_its_plan_says_and_nothing_of_the_engines(world: World) -> None:
    os.environ["ENGINES_OWN_SECRET"] = "x"
    plan = world.run("plain", EnvVar("FAAS_SOURCE", '{"topics":["a"]}'))
    status = await world.until(lambda status: status.events == 3)
    assert (status.state, status.restarts) == ("running", 0)
    seen = world.seen(plan)
    assert seen["argv"] == ["plain"]
    env = seen["env"]
    assert "ENGINES_OWN_SECRET" not in env
    assert env["FAAS_SOURCE"] == '{"topics":["a"]}'
    assert (env["NAMESPACE"], env["NAME"]) == ("default", "src")
    assert env["FAAS_GATEWAY"] == f"unix:{world.settings.internal_socket}"
    assert env["FAAS_SOURCE_STATE"] == str(world.settings.state_dir / "sources" / plan.uid)
    assert "FAAS_SOURCE_LISTEN" not in env
    world.board.sources.delete(KEY)
    await until_dead(seen["pid"])
    await world.until_stopped()


@in_world
async def test_one_that_falls_over_is_started_again(world: World) -> None:
    world.run("crashes-first")
    status = await world.until(lambda status: status.state == "failing")
    assert (status.reason, status.message) == ("AdapterEnded", "the first time it falls over (exit code 1)")
    assert (await world.until(is_running)).restarts == 1


@in_world
async def test_one_that_is_killed_is_started_again_and_keeps_its_folder(world: World) -> None:
    plan = world.run("plain")
    await world.until(is_running)
    os.kill(world.seen(plan)["pid"], 9)
    await world.until(lambda status: status.state == "failing" and "signal 9" in status.message)
    await world.until(is_running)
    assert (world.settings.state_dir / "sources" / plan.uid / "runs").read_text() == "2"


@in_world
async def test_a_configuration_error_is_told_and_not_tried_in_a_loop(world: World) -> None:
    plan = world.run("misconfigured")
    status = await world.until(lambda status: status.state == "failing")
    assert status.reason == "InvalidConfiguration"
    assert status.message == "no topic is named in FAAS_SOURCE (exit code 2)"
    world.run("plain")
    await world.until(is_running)
    assert (world.settings.state_dir / "sources" / plan.uid / "runs").read_text() == "2"


@in_world
async def test_what_an_adapter_reports_is_its_status(world: World) -> None:
    world.run("away")
    status = await world.until(lambda status: status.state == "failing")
    assert (status.reason, status.message) == ("ConnectionRefused", "nobody listens at 127.0.0.1:1")


@in_world
async def test_a_secret_is_read_at_the_start_and_a_new_value_starts_anew(world: World) -> None:
    plan = world.run("plain", EnvVar("FAAS_SOURCE_PASSWORD", SecretRef("Secret", "s", "password")))
    status = await world.until(lambda status: status.state == "failing")
    make = "kubectl create secret generic s --from-literal=password=…"
    assert (status.reason, status.message) == ("SecretMissing", f"the Secret default/s does not exist; {make}")
    await world.write("s", {"password": "one"})
    await world.until(is_running)
    first = world.seen(plan)
    assert first["env"]["FAAS_SOURCE_PASSWORD"] == "one"
    await world.write("s", {"password": "two"})
    await until_dead(first["pid"])
    await world.until(is_running)
    async with asyncio.timeout(DEADLINE_S):
        async for _ in world.board.source_status.changes():
            if world.seen(plan)["env"]["FAAS_SOURCE_PASSWORD"] == "two":
                break


@in_world
async def test_options_out_of_secrets_become_fields_of_the_options(world: World) -> None:
    await world.write("rabbit", {"uri": "rabbit.example", "port": "5673"})
    plan = world.run(
        "rabbitmq",
        EnvVar("FAAS_SOURCE", '{"queue":"q","vhost":"a/b"}'),
        EnvVar("FAAS_OPTION_uri", SecretRef("Secret", "rabbit", "uri")),
        EnvVar("FAAS_OPTION_port", SecretRef("Secret", "rabbit", "port")),
    )
    await world.until(is_running)
    env = world.seen(plan)["env"]
    assert json.loads(env["FAAS_SOURCE"]) == {"queue": "q", "url": "amqp://rabbit.example:5673/a%2Fb"}
    assert not any(name.startswith("FAAS_OPTION_") for name in env)


@in_world
async def test_one_that_receives_is_an_endpoint_while_it_listens(world: World) -> None:
    plan = world.run("listens", receives=True)
    await world.until(is_running)
    address = world.seen(plan)["env"]["FAAS_SOURCE_LISTEN"]
    assert world.board.endpoints[endpoint_key(KEY)] == (Endpoint("src", address),)
    _, writer = await asyncio.open_unix_connection(address.removeprefix("unix:"))
    writer.close()
    world.board.sources.delete(KEY)
    async with asyncio.timeout(DEADLINE_S):
        async for _ in world.board.endpoints.changes():
            if endpoint_key(KEY) not in world.board.endpoints:
                break


@in_world
async def test_replicas_are_processes_of_their_own(world: World) -> None:
    plan = world.run("redis", EnvVar("FAAS_SOURCE", '{"stream":"s"}'), replicas=2)
    await world.until(lambda status: status.events == 6)
    second = json.loads((world.settings.state_dir / "sources" / plan.uid / "replica-1" / "seen.json").read_text())
    assert json.loads(second["env"]["FAAS_SOURCE"]) == {"stream": "s", "consumer": "src-1"}
    assert second["pid"] != world.seen(plan)["pid"]


@in_world
async def test_a_new_plan_ends_the_old_process_first(world: World) -> None:
    plan = world.run("plain")
    await world.until(is_running)
    first = world.seen(plan)["pid"]
    world.run("plain", EnvVar("FAAS_SOURCE", "{}"), uid="99999999-2222-3333-4444-555555555555")
    await until_dead(first)
    await world.until(is_running)


@in_world
async def test_one_that_is_deleted_undoes_what_it_made_upstream(world: World) -> None:
    await world.write("s", {"token": "t"})
    plan = world.run("plain", EnvVar("FAAS_SOURCE_TOKEN", SecretRef("Secret", "s", "token")))
    await world.until(is_running)
    retired = world.settings.state_dir / "retired"
    world.board.sources.delete(KEY)
    world.run("plain", uid="99999999-2222-3333-4444-555555555555")  # of the same name, at once
    await world.until_stopped()
    await world.until(is_running)
    env = json.loads(retired.read_text())
    assert (env["FAAS_SOURCE_TOKEN"], env["NAME"]) == ("t", "src")
    assert env["FAAS_SOURCE_STATE"].endswith(plan.uid)


@in_world
async def test_one_that_only_waits_for_its_sink_undoes_nothing(world: World) -> None:
    source = {"apiVersion": "sources.knative.dev/v1", "kind": "ContainerSource", "metadata": {"name": "src"}}
    container = {"name": "a", "image": "faas.local/faas-sources", "args": ["plain"]}
    spec = {"sink": {"uri": "http://a.example"}, "template": {"spec": {"containers": [container]}}}
    made = await world.client.patch(CONTAINER_SOURCE, "src", {**source, "spec": spec}, "default", type="apply")
    world.run("plain", uid=made["metadata"]["uid"])
    await world.until(is_running)
    world.board.sources.delete(KEY)
    await world.until_stopped()
    world.run("plain", uid="99999999-2222-3333-4444-555555555555")
    await world.until(is_running)
    assert not (world.settings.state_dir / "retired").exists()


@in_world
async def test_a_source_without_a_door_is_told_how_to_open_one(world: World) -> None:
    world.run("mqtt", EnvVar("FAAS_SOURCE", '{"topics":["a"],"url":""}'))
    status = await world.until(lambda status: status.state == "failing")
    assert status.reason == "NoMQTTDoor"
    assert "faas up --mqtt 1883" in status.message


def test_the_engines_own_door_comes_with_address_and_credentials() -> None:
    async def body(folder: Path) -> None:
        async with sources_world(folder, nats=NatsSettings(mqtt_port=1883, mqtt_host="0.0.0.0")) as world:
            world.settings.nats_dir.mkdir()
            credentials = {"user": "faas-source", "password": "pw"}
            world.settings.mqtt_credentials.write_bytes(msgspec.json.encode(credentials))
            plan = world.run("mqtt", EnvVar("FAAS_SOURCE", '{"topics":["a"]}'))
            await world.until(is_running)
            env = world.seen(plan)["env"]
            assert json.loads(env["FAAS_SOURCE"]) == {
                "topics": ["a"], "url": "mqtt://127.0.0.1:1883", "version": 4,
                # a secret makes it
                "client_id": "faas-default-src-12d619315602a65cc397ec205b01a329",
            }  # fmt: skip
            assert (env["FAAS_SOURCE_USERNAME"], env["FAAS_SOURCE_PASSWORD"]) == ("faas-source", "pw")

    with tempfile.TemporaryDirectory(prefix="src") as folder:
        asyncio.run(body(Path(folder)))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start processes of another user")
@pytest.mark.skipif(not os.access("/usr/bin/python3", os.X_OK), reason="another user cannot use this Python")
def test_adapters_are_the_user_that_the_engine_was_told() -> None:
    async def body(folder: Path) -> None:
        nobody = pwd.getpwnam("nobody")
        user = RunAs("nobody", nobody.pw_uid, nobody.pw_gid, folder)
        script = shutil.copy(COMMAND[1], folder)
        folder.chmod(0o755)
        async with sources_world(folder, run_as=user, command=("/usr/bin/python3", str(script))) as world:
            for way in (world.settings.state_dir, world.settings.runtime_dir):
                way.chmod(0o711)  # as the supervisor does
            plan = world.run("listens", receives=True)
            await world.until(is_running)
            pid = world.seen(plan)["pid"]
            assert Path(f"/proc/{pid}").stat().st_uid == nobody.pw_uid
            world.board.sources.delete(KEY)
            await until_dead(pid)

    with tempfile.TemporaryDirectory(prefix="src") as folder:
        asyncio.run(body(Path(folder)))


def test_adapters_die_with_the_engine() -> None:
    """A process that runs Sources is killed: the kernel ends what it started."""
    with tempfile.TemporaryDirectory(prefix="src") as folder:
        script = (
            "import asyncio, pathlib, sys\n"
            f"sys.path.insert(0, {str(Path(__file__).parents[3])!r})\n"
            "import uvloop\n"
            "from tests.integration.sources import test_running_sources as t\n"
            "async def main():\n"
            f"    async with t.sources_world(pathlib.Path({folder!r})) as world:\n"
            "        plan = world.run('plain')\n"
            "        await world.until(t.is_running)\n"
            "        print(world.seen(plan)['pid'], flush=True)\n"
            "        await asyncio.Event().wait()\n"
            "uvloop.run(main())\n"
        )
        engine = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
        assert engine.stdout is not None
        with engine:
            adapter = int(engine.stdout.readline())
            assert is_alive(adapter)
            engine.kill()
        asyncio.run(until_dead(adapter))


@in_world
async def test_what_a_deleted_source_remembered_is_removed(world: World) -> None:
    source = {"apiVersion": "sources.knative.dev/v1", "kind": "PingSource", "metadata": {"name": "tick"}}
    made = await world.client.patch(
        PING_SOURCE, "tick", {**source, "spec": {"sink": {"uri": "http://a.example"}}}, "default", type="apply"
    )
    folder = world.settings.state_dir / "sources"
    for name in ("gone", made["metadata"]["uid"]):
        (folder / name).mkdir()
        (folder / name / "note").touch()
    remove_forgotten(folder, await living_uids(world.client))
    assert [path.name for path in folder.iterdir()] == [made["metadata"]["uid"]]


def ping(**spec: Any) -> dict[str, Any]:
    key = SourceKey(str(PING_SOURCE), "default", "tick")
    return {"key": key, "spec": json.dumps({"schedule": "* * * * * *", **spec})}


@in_world
async def test_a_schedule_sends_an_event_each_time_it_is_due(world: World) -> None:
    overrides = EnvVar("K_CE_OVERRIDES", '{"extensions": {"faassource": "tick"}}')
    world.run("ping", overrides, **ping(data='{"a": 1}'))
    first, second = (await world.sink.wait_for(2))[:2]
    assert (first.type, first.source) == ("dev.knative.sources.ping", "/apis/v1/namespaces/default/pingsources/tick")
    assert (first.data, first.datacontenttype) == ({"a": 1}, "application/json")
    assert first.extensions == {"faassource": "tick"}
    assert first.time is not None
    assert second.time is not None
    assert second.time - first.time == timedelta(seconds=1)
    assert first.id != second.id
    request = world.sink.requests[0]
    assert request.target == "/default/default"
    assert request.headers[b"host"] == b"broker-ingress.knative-eventing.svc.cluster.local"


@in_world
async def test_an_event_is_sent_until_the_sink_takes_it_under_the_same_id(world: World) -> None:
    answers = iter([503, 401])  # what somebody can mend costs no event
    world.sink.answer = lambda request: next(answers, 202)
    key = ping()["key"]
    world.run("ping", **ping(dataBase64="AAE=", contentType="application/octet-stream"))
    status = await world.until(lambda status: status.state == "failing", key)
    assert status.reason == "SinkUnavailable"
    events = await world.sink.wait_for(3)
    assert len({event.id for event in events[:3]}) == 1
    assert events[0].data == b"\x00\x01"
    await world.until(is_running, key)


@in_world
async def test_an_event_that_the_sink_refuses_for_good_is_told_and_the_next_one_is_sent(world: World) -> None:
    answers = iter([400])
    world.sink.answer = lambda request: next(answers, 202)
    key = ping()["key"]
    world.run("ping", **ping())
    status = await world.until(lambda status: status.state == "failing", key)
    assert status.reason == "SinkRefuses"
    status = await world.until(is_running, key)
    first, second = (await world.sink.wait_for(2))[:2]
    assert first.id != second.id


@in_world
async def test_a_schedule_that_is_none_is_told(world: World) -> None:
    key = ping()["key"]
    world.run("ping", **ping(schedule="61 * * * *"))
    status = await world.until(lambda status: status.state == "failing", key)
    assert status.reason == "InvalidSchedule"


async def write_config_map(client: Backend, name: str, value: str, namespace: str = "default", **labels: str) -> Object:
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"value": value}}
    return await client.patch(CONFIG_MAP, name, obj, namespace, type="apply", force=True)


def watch(**spec: Any) -> dict[str, Any]:
    key = SourceKey("apiserversources.sources.knative.dev", "default", "watch")
    resources = [{"apiVersion": "v1", "kind": "ConfigMap"}]
    return {"key": key, "spec": json.dumps({"resources": resources, "mode": "Resource", **spec})}


async def watching(world: World, **spec: Any) -> None:
    world.run("kubernetes", **watch(**spec))
    await world.until(is_running, watch()["key"])


def told(events: list[Event[Any]]) -> list[tuple[str, str | None]]:
    return [(event.type.removeprefix("dev.knative.apiserver."), event.subject) for event in events]


@in_world
async def test_changes_of_objects_become_events_in_their_order(world: World) -> None:
    await write_config_map(world.client, "old", "1")
    await watching(world)
    await write_config_map(world.client, "new", "1")
    await write_config_map(world.client, "new", "2")
    await world.client.delete(CONFIG_MAP, "new", "default")
    events = await world.sink.wait_for(3)
    path = "/api/v1/namespaces/default/configmaps/new"
    assert told(events) == [("resource.add", path), ("resource.update", path), ("resource.delete", path)]
    assert events[0].source == "https://127.0.0.1:6443"
    assert events[0].extensions == {"apiversion": "v1", "kind": "ConfigMap", "name": "new", "namespace": "default"}
    assert events[1].data["data"] == {"value": "2"}


@in_world
async def test_only_what_labels_owner_and_namespaces_choose_is_told(world: World) -> None:
    await world.client.create(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "elsewhere"}})
    selected = {"apiVersion": "v1", "kind": "ConfigMap", "selector": {"matchLabels": {"team": "a"}}}
    here = {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["elsewhere"]}]}
    await watching(world, mode="Reference", resources=[selected], namespaceSelector=here)
    await write_config_map(world.client, "in-another-namespace", "1", team="a")
    await write_config_map(world.client, "of-another-team", "1", "elsewhere", team="b")
    await write_config_map(world.client, "told", "1", "elsewhere", team="a")
    (event,) = await world.sink.wait_for(1)
    assert told([event]) == [("ref.add", "/api/v1/namespaces/elsewhere/configmaps/told")]
    assert event.data == {"kind": "ConfigMap", "namespace": "elsewhere", "name": "told", "apiVersion": "v1"}


@in_world
async def test_only_events_that_pass_the_filters_are_sent(world: World) -> None:
    filters = [{"exact": {"type": "dev.knative.apiserver.resource.delete"}}, {"not": {"prefix": {"name": "kube"}}}]
    await watching(world, filters=filters)
    for name in ("kube-x", "mine"):
        await write_config_map(world.client, name, "1")
        await world.client.delete(CONFIG_MAP, name, "default")
    (event,) = await world.sink.wait_for(1)
    assert told([event]) == [("resource.delete", "/api/v1/namespaces/default/configmaps/mine")]


@in_world
async def test_what_the_sink_has_not_taken_before_an_end_is_told_after_it(world: World) -> None:
    await watching(world)
    world.sink.answer = lambda request: 503
    await write_config_map(world.client, "new", "1")
    await world.sink.wait_for(1)
    world.board.sources.delete(watch()["key"])
    await world.until_stopped(watch()["key"])
    before = len(world.sink.requests)
    world.sink.answer = lambda request: 202
    await watching(world)
    events = await world.sink.wait_for(before + 1)
    assert {event.id for event in events} == {events[0].id}
    assert told(events[-1:]) == [("resource.add", "/api/v1/namespaces/default/configmaps/new")]


def test_a_program_that_cannot_be_started_is_told_and_tried_again() -> None:
    async def body(folder: Path) -> None:
        program = folder / "program"
        async with sources_world(folder, command=(str(program),)) as world:
            plan = world.run("plain")
            status = await world.until(lambda status: status.state == "failing")
            assert status.reason == "CannotStart"
            assert str(program) in status.message
            program.write_text(f"#!/bin/sh\nexec {COMMAND[0]} {COMMAND[1]} $@\n")
            program.chmod(0o755)
            await world.until(is_running)
            assert world.seen(plan)["argv"] == ["plain"]

    with tempfile.TemporaryDirectory(prefix="src") as folder:
        asyncio.run(body(Path(folder)))
