"""What becomes of containers, and of requests to them, when something ends: the engine, all of it, a Service."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from faas.cli.engine_options import make_plan
from faas.engine.supervisor.start import clear_leftovers, launch
from tests.containers_world import MadeImage, RunningRegistry, busybox, debian_base, docker, registry
from tests.integration.engine.conftest import PATIENCE_S, eventually
from tests.integration.engine.terminal import faas_run
from tests.integration.engine.test_whole_containers import SERVER, apply, service
from tests.integration.engine.whole import Whole, host
from tests.integration.instances.docker.test_engine_away import IMAGE, OwnDocker, own_docker

__all__ = ["busybox", "debian_base", "docker", "own_docker", "registry"]

CLIENTS = 4
SERVE = "httpd -p $PORT -h /www; while :; do sleep 0.05; done"


class State:
    """One state; its engines come and go. What Docker has of it is told by label."""

    def __init__(self, folder: Path, client: Any) -> None:
        self.folder, self.client = folder / "state", client
        self.engines: list[Whole] = []

    def start(self) -> Whole:
        plan = make_plan(self.folder, host="127.0.0.1", port=0, tls=None)
        process = launch(plan._replace(drain_s=3.0, stop_s=3.0))
        self.engines.append(Whole(plan, process, process.wait_ready()))
        return self.engines[-1]

    @property
    def _label(self) -> dict[str, str]:
        return {"label": f"faas.dev/state={self.folder.resolve()}"}

    def containers(self, **filters: str) -> list[str]:
        found = self.client.api.containers(all=True, filters={**self._label, **filters})
        return sorted(one["Id"] for one in found)

    def left(self) -> list[str]:
        volumes, networks = (
            self.client.volumes.list(filters=self._label),
            self.client.networks.list(filters=self._label),
        )
        return [*self.containers(), *(volume.name for volume in volumes), *(network.name for network in networks)]

    def clean_up(self) -> None:
        for engine in self.engines:
            engine.running.end_and_wait()
            clear_leftovers(Path(engine.plan.runtime_dir))
        assert self.left() == []


@pytest.fixture
def state(docker: Any, tmp_path: Path) -> Iterator[State]:
    made = State(tmp_path, docker)
    yield made
    made.clean_up()


@pytest.fixture(scope="module")
def image(busybox: MadeImage, registry: RunningRegistry) -> str:
    return busybox.push(registry, "shell")


class Load:
    """Clients that ask one after another; how many answers had which status, and why there was none."""

    def __init__(self, url: str, name: str) -> None:
        self.counts: Counter[int | str] = Counter()
        self._url, self._host = url, host(name)
        self._changed = threading.Condition()
        self._stopping = False

    def run(self) -> None:
        with httpx.Client(base_url=self._url, timeout=PATIENCE_S, trust_env=False, headers={"Host": self._host}) as one:
            while not self._stopping:
                try:
                    outcome: int | str = one.get("/").status_code
                except (httpx.RemoteProtocolError, httpx.ReadError):
                    outcome = "cut off"
                except httpx.TransportError as error:
                    outcome = type(error).__name__
                with self._changed:
                    self.counts[outcome] += 1
                    self._changed.notify_all()

    def has(self, more: int) -> None:
        """Until so many more were answered."""
        with self._changed:
            wanted = self.counts[200] + more
            assert self._changed.wait_for(lambda: self.counts[200] >= wanted, PATIENCE_S), self.counts

    def stop(self) -> None:
        self._stopping = True


@contextmanager
def loaded(whole: Whole, name: str, clients: int = CLIENTS) -> Iterator[Load]:
    load = Load(whole.file.public_url, name)
    threads = [threading.Thread(target=load.run) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        load.stop()
        for thread in threads:
            thread.join()


def log_of(whole: Whole) -> str:
    return whole.running.log.read_text()


def test_when_the_supervisor_is_ended_containers_finish_and_go(state: State, image: str, tmp_path: Path) -> None:
    whole = state.start()
    apply(whole, tmp_path, service("shell", image, "trap 'exit 0' TERM; " + SERVE))
    apply(whole, tmp_path, service("deaf", image, "trap '' TERM; " + SERVE))
    assert len(state.containers()) == 2

    whole.running.end_and_wait()

    assert state.left() == []
    assert "ended 2 containers" in log_of(whole)
    assert not (state.folder / "containers-in-use").exists()
    again = state.start()
    assert again.get("shell") == (200, b"hello from a shell\n")


def test_an_engine_that_is_killed_alone_leaves_its_containers_to_the_next_one(
    state: State, image: str, tmp_path: Path
) -> None:
    whole = state.start()
    apply(whole, tmp_path, service("shell", image, SERVER.format(says="hello")))
    before = state.containers()
    with loaded(whole, "shell") as load:
        load.has(20)
        (killed,) = whole.kill("engine")
        eventually(lambda: whole.pids("engine") - {killed} != set(), "another engine")
        whole.kubectl("get", "ksvc")  # it serves: what is to be adopted is
        load.has(20)
    assert set(load.counts) == {200}
    assert state.containers() == before


def test_after_a_kill_of_everything_the_next_engine_goes_on_with_what_serves_and_down_ends_what_is_left(
    state: State, image: str, tmp_path: Path
) -> None:
    whole = state.start()
    apply(whole, tmp_path, service("shell", image, SERVER.format(says="hello")))
    before = state.containers()
    kill_everything(whole)

    second = state.start()
    assert second.get("shell") == (200, b"hello\n")
    assert state.containers() == before
    kill_everything(second)

    second.faas("down")
    assert "ended 1 container" in second.said
    assert state.left() == []


def kill_everything(whole: Whole) -> None:
    """The supervisor first: nobody ends anything in order."""
    whole.running.process.kill()
    whole.running.process.wait()


@pytest.mark.parametrize("ending", ["Ctrl-C", "kill -9 of the command", "kill -9 of all but the watcher"])
def test_faas_run_leaves_no_container(
    ending: str, docker: Any, registry: RunningRegistry, debian_base: MadeImage, tmp_path: Path
) -> None:
    debian_base.push(registry, "library/python", "3.11-slim")
    project = tmp_path / "project"
    project.mkdir()
    (project / "main.py").write_text(
        "from faas import function\n\n@function\ndef hello() -> str:\n    return 'hello'\n"
    )
    base = f"{registry.host}/library/python:3.11-slim"
    (project / "pyproject.toml").write_text(f'[project]\nname = "shop"\n[tool.faas.build]\nbase = "{base}"\n')
    with faas_run(project, "--container") as terminal:
        assert terminal.get("hello") == (200, "hello")
        found = docker.api.containers(filters={"label": ["faas.dev/owner"]})
        (owner,) = {owner for one in found if owner_pid(owner := one["Labels"]["faas.dev/owner"]) in terminal.family()}
        if ending == "Ctrl-C":
            assert terminal.interrupt() == 0
        else:
            family = () if ending == "kill -9 of the command" else terminal.family()
            for pid in (terminal.process.pid, *(pid for pid in family if not is_watcher(pid))):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
    filters = {"label": f"faas.dev/owner={owner}"}
    eventually(
        lambda: not docker.api.containers(all=True, filters=filters) and not docker.api.networks(filters=filters),
        "no container and no network of that run",
    )


def is_watcher(pid: int) -> bool:
    """It has a session of its own: what kills the terminal's process group does not reach it."""
    try:
        return b"watch.py" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def owner_pid(owner: str) -> int:
    """Of MACHINE:BOOT:PIDS:PID:TICKS."""
    return int(owner.split(":")[3])


def test_a_service_that_is_deleted_while_its_container_starts_leaves_none(
    state: State, image: str, tmp_path: Path
) -> None:
    whole = state.start()
    slow = service("slow", image, "sleep 1000")
    (tmp_path / "slow.yaml").write_text(slow)
    for _ in range(3):
        whole.kubectl("apply", "-f", str(tmp_path / "slow.yaml"))
        eventually(lambda: bool(state.containers()), "a container of it")
        whole.kubectl("delete", "ksvc", "slow", "--wait=false")
        eventually(lambda: not state.containers(), "no container of it")


def test_scaling_up_and_down_in_a_hurry_loses_no_request(state: State, image: str, tmp_path: Path) -> None:
    whole = state.start()
    after = {"faas.dev/scale-to-zero-after": "0.2s", "autoscaling.knative.dev/max-scale": "4"}
    document = service("shell", image, SERVER.format(says="hello"), annotations=after)
    apply(whole, tmp_path, document.replace("    spec:\n", "    spec:\n      containerConcurrency: 1\n"))
    lost: Counter[int | str] = Counter()
    for _ in range(2):
        with loaded(whole, "shell", clients=6) as load:
            eventually(lambda: len(state.containers(status="running")) > 1, "more than one container")
            load.has(50)
        lost += load.counts
        eventually(lambda: not state.containers(), "zero again")
    assert set(lost) == {200}


def test_of_a_docker_engine_that_is_killed_under_load_only_what_was_being_answered_fails(
    own_docker: OwnDocker, busybox: MadeImage, tmp_path: Path
) -> None:
    state = State(tmp_path, own_docker.client())
    busybox.load(state.client, IMAGE)
    try:
        whole = state.start()
        apply(whole, tmp_path, service("shell", IMAGE, SERVER.format(says="hello")))
        with loaded(whole, "shell") as load:
            load.has(20)
            own_docker.kill()
            own_docker.start()
            eventually(lambda: bool(state.containers(status="running")), "a container of the new Docker engine")
            load.has(50)
        assert set(load.counts) <= {200, 502, "cut off"}, load.counts
        assert load.counts[502] + load.counts["cut off"] <= CLIENTS  # each had one that the container was answering
    finally:
        state.clean_up()
        state.client.close()
