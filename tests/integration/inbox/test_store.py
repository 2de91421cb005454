"""The store of dead letters as a process: what it acknowledges it has, over any death, and asking wants its token."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.inbox_world import RunningInbox, event_headers, running_inbox
from tests.programs import free_port
from tests.serving import serving

STRUCTURED = {"specversion": "1.0", "id": "s", "source": "shop", "type": "paid", "data": {"n": 1}}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningInbox]:
    with running_inbox(tmp_path_factory.mktemp("store")) as inbox:
        yield inbox


@pytest.fixture
def store(shared: RunningInbox) -> RunningInbox:
    shared.ask("POST", "/purge")
    return shared


def letters(store: RunningInbox, **query: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in store.ask("GET", "", **query).text.splitlines()][1:]


@pytest.mark.parametrize(
    ("body", "headers", "ids"),
    [
        pytest.param(b'{"n":1}', event_headers(1), ["id-1"], id="binary"),
        pytest.param(
            json.dumps(STRUCTURED).encode(), {"content_type": "application/cloudevents+json"}, ["s"], id="structured"
        ),
        pytest.param(
            json.dumps([STRUCTURED, {**STRUCTURED, "id": "t"}]).encode(),
            {"content_type": "application/cloudevents-batch+json"},
            ["s", "t"],
            id="batch",
        ),
    ],
)
def test_events_are_taken_in_each_mode(
    store: RunningInbox, body: bytes, headers: dict[str, str], ids: list[str]
) -> None:
    assert store.post("/default/on-order", body, **headers).status_code == 202

    assert [letter["event"]["id"] for letter in letters(store)] == ids


def test_a_letter_is_of_the_broker_and_trigger_of_its_address(store: RunningInbox) -> None:
    store.post("/default/on-order", b"{}", **event_headers(1))
    store.post("/other/on-paid", b"{}", **event_headers(2))

    (letter,) = letters(store)

    assert (letter["broker"], letter["trigger"]) == ("default", "team/on-order")
    assert letter["error"] == {"code": 500, "destination": "http://on-order.team.svc.cluster.local/", "data": "oops"}


@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("GET", "/streams"), ("POST", "/replay"), ("POST", "/purge")]
)
@pytest.mark.parametrize("token", ["", "a-token-that-nobody-knows!!!"])
def test_nobody_asks_without_the_token(store: RunningInbox, method: str, path: str, token: str) -> None:
    store.post("/default/on-order", b"{}", **event_headers(1))

    assert store.ask(method, path, token=token).status_code == 401
    assert len(letters(store)) == 1


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        pytest.param(b"{}", {"content_type": "application/json"}, 400, id="no event"),
        pytest.param(b"{}", {"content_type": "application/cloudevents+json"}, 400, id="without attributes"),
        pytest.param(b"x", {"content_type": "application/cloudevents+avro"}, 415, id="another format"),
        pytest.param(b"x" * (17 * 2**20), event_headers(1), 413, id="too large"),
    ],
)
def test_what_is_no_event_is_refused(store: RunningInbox, body: bytes, headers: dict[str, str], status: int) -> None:
    assert store.post("/", body, **headers).status_code == status
    assert letters(store) == []


def test_letters_are_counted_shown_and_forgotten_by_choice(store: RunningInbox) -> None:
    for number in range(4):
        store.post("/default/on-order", b"{}", **event_headers(number, "order" if number % 2 else "paid"))

    store.post("/default/on-order/late", b"{}", **event_headers(9, "late"))
    assert store.ask("GET", "/streams").json() == {"streams": {"": 4, "late": 1}}
    assert store.ask("POST", "/purge", stream="late").json() == {"purged": 1}
    assert [letter["event"]["id"] for letter in letters(store, type="paid")] == ["id-0", "id-2"]
    assert store.ask("POST", "/purge", type="paid").json() == {"purged": 2}
    assert [letter["event"]["id"] for letter in letters(store)] == ["id-1", "id-3"]


def test_a_full_store_says_so_and_takes_again_when_there_is_room(tmp_path: Path) -> None:
    with running_inbox(tmp_path, FAAS_INBOX_MAX_BYTES="2000") as store:
        statuses = [store.post("/default/t", b'"x"', **event_headers(number)).status_code for number in range(6)]
        refused = store.post("/default/t", b'"x"', **event_headers(9))
        stored = len(letters(store))
        store.ask("POST", "/purge")
        after = store.post("/default/t", b'"x"', **event_headers(9)).status_code

    assert statuses == [202] * stored + [507] * (6 - stored)
    assert 0 < stored < 6
    assert refused.headers["retry-after"] == "5"
    assert after == 202


def test_what_is_too_old_goes_and_is_counted(tmp_path: Path) -> None:
    with running_inbox(tmp_path) as store:
        store.post("/default/t", b"{}", **event_headers(1))
    with running_inbox(tmp_path, FAAS_INBOX_MAX_AGE_S="0.001") as store:
        while "faas_dead_letters_expired_total 1" not in httpx.get(f"{store.url}/metrics", trust_env=False).text:
            pass
        assert letters(store) == []


def test_nothing_that_was_acknowledged_is_lost_when_it_is_killed(tmp_path: Path) -> None:
    acknowledged: list[int] = []
    enough = threading.Event()

    def send(first: int) -> None:
        with httpx.Client(trust_env=False, timeout=10) as client:
            for number in range(first, 100_000, 4):
                headers = {name.replace("_", "-"): value for name, value in event_headers(number).items()}
                try:
                    answer = client.post(f"{store.url}/default/t", content=b"{}", headers=headers)
                except httpx.TransportError:
                    return
                if answer.status_code == 202:
                    acknowledged.append(number)
                if len(acknowledged) > 200:
                    enough.set()

    with running_inbox(tmp_path) as store:
        senders = [threading.Thread(target=send, args=(first,)) for first in range(4)]
        for sender in senders:
            sender.start()
        assert enough.wait(30)
        store.program.kill()
        for sender in senders:
            sender.join(30)
        store.program.start()
        found = {letter["event"]["id"] for letter in letters(store, limit="10000")}

    assert {f"id-{number}" for number in acknowledged} <= found
    assert len(acknowledged) > 200


def test_its_own_log_is_lines_of_json(tmp_path: Path) -> None:
    with running_inbox(tmp_path) as store:
        store.post("/", b"{}", content_type="text/plain")

    lines = [json.loads(line) for line in (tmp_path / "output.log").read_text().splitlines()]
    assert {"level": "warning", "logger": "faas.inbox"}.items() <= lines[-1].items() or any(
        line["level"] == "warning" and line["message"].startswith("events refused") for line in lines
    )


class Subscriber:
    """Answers as it is told, and remembers what it was sent."""

    def __init__(self) -> None:
        self.taken: list[dict[str, str]] = []
        self.status, self.reply = 200, b""
        self.answers = threading.Event()  # once it is set
        self.answers.set()
        self.asked = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                outer.taken.append({name.lower(): value for name, value in self.headers.items()} | {"path": self.path})
                outer.asked.set()
                outer.answers.wait(30)
                self.send_response(outer.status if self.path != "/broker" else 202)
                if outer.reply and self.path != "/broker":
                    self.send_header("content-type", "application/cloudevents+json")
                body = outer.reply if self.path != "/broker" else b""
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def subscriber() -> Iterator[Subscriber]:
    made = Subscriber()
    with serving(made.server):
        yield made


def replayed(store: RunningInbox, subscriber: Subscriber, to: str = "subscriber", **query: str) -> dict[str, Any]:
    where = {"broker": f"{subscriber.url}/broker", "subscribers": {"on-order": f"{subscriber.url}/order"}, "to": to}
    lines = store.ask("POST", "/replay", json=where, **query).text.splitlines()
    return {key: value for line in lines for key, value in json.loads(line).items()}


def test_letters_go_to_the_subscriber_of_their_trigger_once_more(store: RunningInbox, subscriber: Subscriber) -> None:
    for number in (1, 2):
        store.post("/default/on-order", b"{}", **event_headers(number))

    assert replayed(store, subscriber) == {"total": 2, "delivered": 2, "failed": 0, "error": "", "failures": []}
    assert sorted(each["ce-id"] for each in subscriber.taken) == ["id-1", "id-2"]
    assert {each["path"] for each in subscriber.taken} == {"/order"}
    assert not any(name.startswith("ce-knativeerror") for each in subscriber.taken for name in each)
    assert letters(store) == []


def test_what_fails_again_stays(store: RunningInbox, subscriber: Subscriber) -> None:
    store.post("/default/on-order", b"{}", **event_headers(1))
    subscriber.status = 500

    done = replayed(store, subscriber)

    (letter,) = letters(store)
    assert (done["delivered"], done["failed"]) == (0, 1)
    assert done["failures"] == [
        {
            "sequence": letter["sequence"], "id": "id-1", "trigger": "team/on-order", "stream": "",
            "reason": "it answered 500", "code": 500,
        }
    ]  # fmt: skip


def test_what_is_not_answered_says_why(store: RunningInbox) -> None:
    store.post("/default/on-order", b"{}", **event_headers(1))
    where = {"subscribers": {"on-order": f"http://127.0.0.1:{free_port()}/"}}

    lines = store.ask("POST", "/replay", json=where).text.splitlines()

    (failure,) = json.loads(lines[-1])["failures"]
    assert failure["code"] == 0
    assert "refused" in failure["reason"].lower()


def test_a_letter_of_a_trigger_that_is_gone_says_so(store: RunningInbox, subscriber: Subscriber) -> None:
    store.post("/default/on-gone", b"{}", **event_headers(1))

    done = replayed(store, subscriber)

    assert [each["reason"] for each in done["failures"]] == ["trigger on-gone is gone, or has no subscriber"]


def test_a_reply_goes_to_the_broker(store: RunningInbox, subscriber: Subscriber) -> None:
    store.post("/default/on-order", b"{}", **event_headers(1))
    subscriber.reply = json.dumps(STRUCTURED).encode()

    assert replayed(store, subscriber)["delivered"] == 1

    assert [(each["path"], each["ce-id"]) for each in subscriber.taken] == [("/order", "id-1"), ("/broker", "s")]


def test_letters_may_go_to_their_broker_instead(store: RunningInbox, subscriber: Subscriber) -> None:
    store.post("/default/on-gone", b"{}", **event_headers(1))

    assert replayed(store, subscriber, to="broker")["delivered"] == 1
    assert [each["path"] for each in subscriber.taken] == ["/broker"]


def test_who_sends_letters_again_at_the_same_time_sends_each_once(store: RunningInbox, subscriber: Subscriber) -> None:
    for number in range(20):
        store.post("/default/on-order", b"{}", **event_headers(number))
    subscriber.answers.clear()
    done: list[dict[str, Any]] = []
    both = [threading.Thread(target=lambda: done.append(replayed(store, subscriber))) for _ in range(2)]
    for each in both:
        each.start()
    assert subscriber.asked.wait(30)
    subscriber.answers.set()
    for each in both:
        each.join(30)

    assert sorted(each["ce-id"] for each in subscriber.taken) == sorted(f"id-{number}" for number in range(20))
    assert sum(each["delivered"] for each in done) == 20


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        pytest.param(b"[" * 100_000, {"content_type": "application/cloudevents-batch+json"}, 400, id="batch"),
        pytest.param(b"[" * 50_000 + b"]" * 50_000, event_headers(1), 202, id="data"),
    ],
)
def test_what_is_nested_too_deeply_does_not_break_it(
    store: RunningInbox, body: bytes, headers: dict[str, str], status: int
) -> None:
    assert store.post("/default/on-order", body, **headers).status_code == status
    assert len(letters(store)) == (status == 202)


@pytest.mark.parametrize(("query", "status"), [({"sequences": "9" * 30}, 400), ({"limit": "-1"}, 200)])
def test_numbers_that_there_cannot_be_are_an_error_or_none(
    store: RunningInbox, query: dict[str, str], status: int
) -> None:
    for number in (1, 2):
        store.post("/default/on-order", b"{}", **event_headers(number))

    answer = store.ask("GET", "", **query)

    assert answer.status_code == status
    assert len(answer.text.splitlines()) <= 2  # the total, and one
