"""The commands about events as a user has them, over a whole engine: send, watch, fail, look, deliver again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import pytest

from faas.cli.main import main
from tests.integration.engine.conftest import PATIENCE_S
from tests.integration.engine.whole import Whole, running

CODE = """
import pathlib

from faas import Event, function


@function.event(type="com.acme.order.created", retry=0)
def on_order(order: dict, event: Event) -> None:
    print("handled", event.id, flush=True)
    if order.get("broken") and not pathlib.Path(order["mended"]).exists():
        raise RuntimeError("this order is broken")


@function.schedule("0 9 * * mon-fri", timezone="Europe/Berlin")
def nightly(event: Event) -> None:
    print("woke", flush=True)
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    folder = tmp_path_factory.mktemp("events")
    with running(folder) as engine:
        project = folder / "shop"
        project.mkdir()
        (project / "main.py").write_text(CODE)
        engine.faas("deploy", project)
        yield engine


@dataclass
class Faas:
    """Runs commands in this process, which saves the imports of each; `said` is what the last wrote to stderr."""

    said: str = ""

    def __call__(self, *arguments: str | Path, code: int = 0) -> str:
        out, err = StringIO(), StringIO()
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        self.said = err.getvalue()
        assert end.value.code == code, f"{arguments} ended with {end.value.code}\n{out.getvalue()}\n{self.said}"
        return out.getvalue()

    def until(self, wanted: Callable[[Any], Any], *arguments: str) -> Any:
        """What a command prints as JSON, as soon as it is as wanted."""
        deadline = time.monotonic() + PATIENCE_S
        while not wanted(found := json.loads(self(*arguments, "-o", "json"))):
            assert time.monotonic() < deadline, f"{arguments} stayed {found}"
        return found

    def tail(self, *arguments: str) -> list[str]:
        return self("events", "tail", "--no-follow", "-o", "json", *arguments).splitlines()


@pytest.fixture(scope="module")
def faas(whole: Whole) -> Iterator[Faas]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("FAAS_STATE", whole.plan.state_dir)
        yield Faas()


@contextmanager
def tailing(whole: Whole, *arguments: str) -> Iterator[Tail]:
    env = {**os.environ, "FAAS_STATE": whole.plan.state_dir, "NO_COLOR": "1"}
    command = [sys.executable, "-m", "faas.cli.main", "events", "tail", "-o", "json", *arguments]
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield Tail(process)
    finally:
        process.kill()
        process.communicate()


class Tail:
    """`faas events tail` while it runs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._lines: Queue[str] = Queue()
        self._reading = Thread(target=self._read, daemon=True)
        self._reading.start()

    def next(self) -> Any:
        return json.loads(self._lines.get(timeout=PATIENCE_S))

    def end(self) -> tuple[int, str]:
        """Ctrl-C; the exit code and what was said."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(PATIENCE_S)
        assert self.process.stderr is not None
        return self.process.returncode, self.process.stderr.read()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)


def test_an_event_is_stored_watched_and_handled(faas: Faas) -> None:
    sent = faas(
        "events", "send", "com.acme.order.created", "--data", '{"id": 7}', "--id", "seven", "--subject", "eu/7",
        "--ext", "region=eu",
    )  # fmt: skip
    assert (sent, faas.said) == ("seven stored\n", "")
    (seen,) = [json.loads(line) for line in faas.tail("--sql", "region = 'eu'")]
    assert {name: seen[name] for name in ("specversion", "type", "source", "subject", "id", "region", "data")} == {
        "specversion": "1.0",
        "type": "com.acme.order.created",
        "source": "faas://cli",
        "subject": "eu/7",
        "id": "seven",
        "region": "eu",
        "data": {"id": 7},
    }
    trigger = faas.until(lambda found: found["observed"].get("delivered"), "trigger", "describe", "on-order")
    assert trigger["observed"]["subscriber"] == "http://on-order.default.svc.cluster.local/_faas/events/on-order"
    assert "handled seven" in faas("logs", "on-order")


def test_a_tail_goes_on_across_a_restart_of_the_engine_and_of_the_nats_server(whole: Whole, faas: Faas) -> None:
    with tailing(whole, "--type", "watched.*", "--all") as tail:
        faas("events", "send", "watched.one")
        assert tail.next()["type"] == "watched.one"
        whole.kill("engine")
        faas("events", "send", "unseen")
        faas("events", "send", "watched.two")
        assert tail.next()["type"] == "watched.two"
        whole.kill("nats-server")
        faas("events", "send", "watched.three")
        assert tail.next()["type"] == "watched.three"
        assert tail.end() == (0, "")


def test_a_type_that_nobody_wants_is_shown_as_such(faas: Faas) -> None:
    faas("events", "send", "com.acme.order.creatd")
    assert "no trigger of Broker default wants com.acme.order.creatd; see:  faas trigger list --state " in faas.said
    faas("events", "send", "com.acme.order.created", "--data", "{}")
    types = {row["type"]: row for row in json.loads(faas("events", "types", "-o", "json"))}
    assert types["com.acme.order.creatd"]["wantedBy"] == types["com.acme.order.creatd"]["mayWant"] == []
    assert types["com.acme.order.created"]["wantedBy"] == ["on-order"]
    (line,) = [line for line in faas("events", "types").splitlines() if line.startswith("com.acme.order.creatd")]
    assert line.endswith("nobody")


def test_what_fails_becomes_a_dead_letter_that_is_delivered_once_it_is_mended(faas: Faas, tmp_path: Path) -> None:
    mended = tmp_path / "mended"
    data = json.dumps({"broken": True, "mended": str(mended)})
    faas("events", "send", "com.acme.order.created", "--data", data, "--id", "bad-1")
    faas("events", "send", "com.acme.order.created", "--data", data, "--id", "bad-2")
    letters = faas.until(lambda found: len(found) == 2, "dlq", "list")
    assert [(letter["trigger"], letter["event"]["id"], letter["error"]["code"]) for letter in letters] == [
        ("default/on-order", "bad-1", 500),
        ("default/on-order", "bad-2", 500),
    ]
    assert "the function failed" in faas("dlq", "list")
    shown = faas("dlq", "show", "bad-1")
    assert shown == faas("dlq", "show", str(letters[0]["sequence"]))
    assert f'"mended": "{mended}"' in shown
    number = json.loads(letters[0]["error"]["data"])["request_id"]
    assert "faas logs on-order --state " in shown
    assert f" -o json | jq 'select(.record.request_id == \"{number}\")'" in shown
    assert "2; see: faas dlq list" in faas("broker", "describe")

    failed, heads, *rows = faas("dlq", "replay", "--all", code=1).splitlines()
    assert failed == "0 delivered, 2 failed"
    assert heads.split() == ["SEQ", "TRIGGER", "ID", "CODE", "REASON"]
    assert [row.split()[0] for row in rows] == [str(letter["sequence"]) for letter in letters]
    assert all("500" in row for row in rows)
    mended.touch()
    assert faas("dlq", "replay", str(letters[0]["sequence"])) == "1 delivered, 0 failed\n"
    assert faas("dlq", "replay", "--trigger", "on-order", "--dry-run") == (
        "1 dead letter would be delivered once more\n"
    )
    assert faas("dlq", "purge", "--all", "--yes") == "1 dead letter gone\n"
    assert json.loads(faas("dlq", "list", "-o", "json")) == []
    faas("dlq", "show", "bad-1", code=1)
    assert faas.said.startswith(
        "error: Broker default has no dead letter bad-1\n  See which there are:  faas dlq list --state "
    )


def test_stored_events_are_delivered_again_to_one_trigger(faas: Faas) -> None:
    began = time.time()
    faas("events", "send", "com.acme.order.created", "--data", "{}", "--count", "20")
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began))
    told = faas("events", "replay", "--trigger", "on-order", "--since", since, "--dry-run")
    assert " events would be delivered to on-order, stored between " in told
    done = json.loads(faas("events", "replay", "--trigger", "on-order", "--since", since, "-o", "json"))
    assert (done["delivered"] >= 20, done["failed"], done["error"]) == (True, 0, "")
    faas("events", "replay", "--trigger", "on-ordr", "--since", "1m", code=1)
    assert faas.said.endswith("Did you mean 'on-order'?\n")


def test_sources_and_triggers_are_described(faas: Faas) -> None:
    source = faas("source", "describe", "nightly-schedule")
    assert "What:        0 9 * * mon-fri" in source
    assert source.count(" 09:00:00+0") == 3
    (listed,) = json.loads(faas("source", "list", "-o", "json"))["items"]
    assert (listed["kind"], listed["observed"]["state"]) == ("PingSource", "running")
    names = [line.split()[0] for line in faas("trigger", "list", "-o", "wide").splitlines()]
    assert names == ["NAME", "nightly-schedule", "on-order"]
    assert "up to 1 attempt" not in faas("trigger", "describe", "on-order")
    assert "one attempt, no retries" in faas("trigger", "describe", "on-order")


def test_an_event_is_refused_in_the_words_of_the_ingress(faas: Faas, tmp_path: Path) -> None:
    faas("events", "send", "com.acme.order.created", "--ext", "not-a-name=1", code=1)
    assert "not-a-name" in faas.said
    events = tmp_path / "events.json"
    events.write_text(json.dumps([{"type": "from.a.file", "id": "one"}, {"type": "from.a.file", "id": "two"}]))
    assert faas("events", "send", "--file", events) == "one stored\ntwo stored\n"
    faas("events", "tail", "--sql", "amount >", code=1)
    assert faas.said.startswith("error: sql: ")
    assert "^" in faas.said
    faas("events", "send", "x", "--broker", "defualt", code=1)
    assert faas.said == "error: there is no Broker 'defualt' in namespace default\n  Did you mean 'default'?\n"


def test_a_broker_of_its_own_is_made_and_deleted(whole: Whole, faas: Faas) -> None:
    faas("broker", "create", "orders", "--retention", "3 days", code=2)
    assert "90m, 72h, or in ISO 8601 P3D" in faas.said
    made = faas("broker", "create", "orders", "--retention", "72h", "--max-bytes", "64Mi")
    assert "faas events send TYPE --data '{}' --broker orders" in made
    faas("broker", "create", "orders", code=1)
    assert faas.said.startswith("error: there is a Broker 'orders' in namespace default already\n")
    described = faas("broker", "describe", "orders")
    assert "0 kept, 0 B of 64.0 MiB" in described
    assert "72h, when they are delivered" in described
    sent = json.loads(faas("events", "send", "x", "--broker", "orders", "--count", "3", "--rate", "100", "-o", "json"))
    assert (sent["broker"], sent["stored"]) == ("orders", 3)
    assert [json.loads(line)["type"] for line in faas.tail("--broker", "orders", "--limit", "2")] == ["x", "x"]
    with tailing(whole, "--broker", "orders", "--all") as tail:
        assert tail.next()["type"] == "x"
        faas("broker", "delete", "orders", "--yes")
        assert tail.process.wait(PATIENCE_S) == 1
