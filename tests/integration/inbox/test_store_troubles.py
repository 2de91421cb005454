"""The store where its volume fails: nothing that it acknowledged is lost, and it mends by itself."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.inbox_world import RunningInbox, event_headers, is_ready, running_inbox
from tests.programs import DEADLINE_S, find_program


def listed(store: RunningInbox) -> tuple[dict[str, Any], set[str]]:
    """What the store says of itself, and the ids of its letters."""
    head, *letters = (json.loads(line) for line in store.ask("GET", "", limit="10000").text.splitlines())
    return head, {letter["event"]["id"] for letter in letters}


def post(store: RunningInbox, number: int, size_bytes: int = 2) -> int:
    body = json.dumps("x" * size_bytes).encode()
    return store.post("/default/on-order", body, **event_headers(number)).status_code


class Senders:
    """Brokers that send letters until they are told to stop; `taken` are those that were acknowledged."""

    def __init__(self, store: RunningInbox, count: int = 4) -> None:
        self.taken: set[str] = set()
        self._over = threading.Event()
        self._some = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(store, number)) for number in range(count)]
        for each in self._threads:
            each.start()

    def have_sent_some(self) -> None:
        self._some.clear()
        assert self._some.wait(DEADLINE_S)

    def stop(self) -> None:
        self._over.set()
        for each in self._threads:
            each.join(DEADLINE_S)

    def _send(self, store: RunningInbox, sender: int) -> None:
        number = sender + 1
        with httpx.Client(trust_env=False, timeout=DEADLINE_S) as client:
            while not self._over.is_set():
                headers = {name.replace("_", "-"): value for name, value in event_headers(number).items()}
                with suppress(httpx.TransportError):
                    answer = client.post(f"{store.url}/default/on-order", content=b'{"n":1}', headers=headers)
                    if answer.status_code == 202:
                        self.taken.add(headers["ce-id"])
                        if len(self.taken) % 50 == 0:
                            self._some.set()
                number += 100_000


@pytest.fixture
def senders() -> Iterator[list[Senders]]:
    made: list[Senders] = []
    yield made
    for each in made:
        each.stop()


def test_no_letter_that_was_acknowledged_is_lost_by_a_kill_in_the_middle_of_writes(
    tmp_path: Path, senders: list[Senders]
) -> None:
    with running_inbox(tmp_path) as store:
        senders.append(Senders(store))
        for _ in range(4):
            senders[0].have_sent_some()
            store.program.kill()
            store.program.start()
        senders[0].stop()
        head, ids = listed(store)

    assert senders[0].taken <= ids
    assert len(senders[0].taken) > 100
    assert (head["trouble"], head["setAside"]) == ("", [])


@pytest.mark.parametrize("running", [True, False])
def test_a_damaged_file_is_set_aside_and_its_readable_letters_go_on(
    tmp_path: Path, senders: list[Senders], running: bool
) -> None:
    path = tmp_path / "letters.db"
    with running_inbox(tmp_path) as store:
        assert all(post(store, 10_000 + number, 100_000) == 202 for number in range(60))  # more than SQLite caches
        store.program.stop()  # all of it is in the file by now
        if running:
            store.program.start()
        with path.open("r+b") as file:
            file.seek(path.stat().st_size // 2 // 4096 * 4096)
            file.write(os.urandom(40_000))
        if running:
            with suppress(httpx.RemoteProtocolError):  # the answer had begun when it stumbled
                listed(store)
        else:
            store.program.start()
        senders.append(Senders(store))
        senders[0].have_sent_some()
        senders[0].stop()
        head, ids = listed(store)
        log = (tmp_path / "output.log").read_text()

    (aside,) = head["setAside"]
    assert senders[0].taken <= ids
    assert 50 < aside["saved"] == len(ids & {f"id-{10_000 + number}" for number in range(60)}) < 60
    assert Path(aside["file"]).exists()
    assert "the letters' file is damaged" in log
    assert "Traceback" not in log


@pytest.mark.parametrize(
    "spoilt", [pytest.param(b"", id="empty"), pytest.param(b"no database at all" * 1000, id="garbage")]
)
def test_a_file_without_anything_to_read_is_set_aside_too(tmp_path: Path, spoilt: bytes) -> None:
    (tmp_path / "letters.db").write_bytes(spoilt)

    with running_inbox(tmp_path) as store:
        assert post(store, 1) == 202
        head, ids = listed(store)

    assert [aside["saved"] for aside in head["setAside"]] == [0]
    assert ids == {"id-1"}


def test_what_cannot_be_written_is_refused_until_it_can(tmp_path: Path) -> None:
    with running_inbox(tmp_path) as store:
        assert post(store, 1) == 202
        process = store.program.process
        assert process is not None
        hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (4096, hard))

        refused = store.post("/default/on-order", b"{}", **event_headers(2))
        trouble = listed(store)[0]["trouble"]
        assert is_ready(store.program.port)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (hard, hard))

        assert post(store, 3) == 202
        head, ids = listed(store)

    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert trouble
    assert head["trouble"] == ""
    assert ids == {"id-1", "id-3"}


def test_without_a_volume_it_refuses_and_takes_letters_when_there_is_one(tmp_path: Path) -> None:
    database = tmp_path / "volume" / "letters.db"
    with running_inbox(tmp_path, path="/livez", FAAS_INBOX_DATABASE=str(database)) as store:
        assert post(store, 1) == 503
        assert not is_ready(store.program.port)

        database.parent.mkdir()

        assert is_ready(store.program.port)
        assert post(store, 2) == 202
        assert listed(store)[1] == {"id-2"}


@pytest.fixture
def small_volume(tmp_path: Path) -> Iterator[Path]:
    """Of 2 MiB. Only root may make one."""
    folder = tmp_path / "volume"
    folder.mkdir()
    if os.geteuid() or _mount("-t", "tmpfs", "-o", "size=2m", "none", str(folder)):
        pytest.skip("volumes cannot be made here")
    yield folder
    subprocess.run([find_program("umount"), "--lazy", str(folder)], check=True, timeout=30)


def _mount(*arguments: str) -> int:
    return subprocess.run([find_program("mount"), *arguments], capture_output=True, check=False, timeout=30).returncode


def test_a_full_volume_refuses_letters_until_there_is_room(tmp_path: Path, small_volume: Path) -> None:
    other = small_volume / "somebody-else"
    database = str(small_volume / "letters.db")
    with running_inbox(tmp_path, path="/livez", FAAS_INBOX_DATABASE=database) as store:
        other.write_bytes(b"x" * 1_000_000)
        statuses = [post(store, number, 100_000) for number in range(20)]
        trouble = listed(store)[0]["trouble"]
        store.program.kill()
        store.program.start()
        assert post(store, 100, 100_000) == 503
        other.unlink()

        assert post(store, 101) == 202
        head, ids = listed(store)

    assert (statuses[0], statuses[-1]) == (202, 503)
    assert trouble == "database or disk is full"
    assert head["trouble"] == ""
    assert ids == {f"id-{number}" for number, status in enumerate(statuses) if status == 202} | {"id-101"}


def test_a_volume_that_becomes_read_only_refuses_letters_until_it_can_be_written(
    tmp_path: Path, small_volume: Path
) -> None:
    with running_inbox(tmp_path, path="/livez", FAAS_INBOX_DATABASE=str(small_volume / "letters.db")) as store:
        assert post(store, 1) == 202
        store.program.kill()
        assert _mount("-o", "remount,ro", str(small_volume)) == 0
        store.program.start()
        assert post(store, 2) == 503
        assert _mount("-o", "remount,rw", str(small_volume)) == 0

        assert is_ready(store.program.port)
        assert post(store, 3) == 202
        assert listed(store)[1] == {"id-1", "id-3"}
