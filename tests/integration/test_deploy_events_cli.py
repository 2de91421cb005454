"""Events as a user has them: declared, deployed, changed, removed, with the real engine and its broker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.faas_command import FaasCommand

SHOP = """
import asyncio
from dataclasses import dataclass

from faas import Context, Event, function

seen: list[str] = []
arrived = asyncio.Condition()

@dataclass
class Order:
    id: int

@function.http("/orders", methods=["POST"])
async def order(body: Order, ctx: Context) -> None:
    await ctx.publish(Event("order.created", {"id": body.id}, subject=str(body.id)))

@function.event(type="order.created", retry=2, backoff_delay=0.1, reply_type="order.paid")
def pay(order: Order) -> dict[str, int]:
    return {"id": order.id}

@function.event(sql="type = 'order.paid'", service="ledger", min_scale=1, max_scale=1)
@function.schedule("* * * * * *", data={"id": 5})
async def note(order: Order, event: Event) -> None:
    async with arrived:
        seen.append(f"{event.type} {order.id}")
        arrived.notify_all()

@function.http("/wait", service="ledger")
async def wait(what: str) -> str:
    async with arrived:
        await arrived.wait_for(lambda: what in seen)
    return what
"""


@dataclass
class Faas(FaasCommand):
    project: Path

    def write(self, code: str) -> None:
        (self.project / "main.py").write_text(code)

    def heard(self, what: str) -> bool:
        """Whether the ledger heard of it, once it did."""
        return self("invoke", "ledger", "--path", f"/wait?what={what.replace(' ', '%20')}").strip() == what


@pytest.fixture(scope="module")
def faas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faas]:
    folder = tmp_path_factory.mktemp("engine")
    faas = Faas(folder / "state", project=folder / "shop")
    faas.project.mkdir()
    faas.write(SHOP)
    faas("up", "--port", "0")
    yield faas
    faas("down")


def kinds(documents: str) -> list[str]:
    found: dict[str, Any] = json.loads(documents)
    return [f"{item['kind']} {item['metadata']['name']}" for item in found["items"]]


def test_events_pass_from_function_to_function_and_from_a_schedule(faas: Faas) -> None:
    assert faas("deploy", faas.project, "--dry-run").startswith("default (Broker): would be created\n")
    faas("deploy", faas.project)

    assert "brokers: default: created" in faas.said
    faas("invoke", "order", "--path", "/orders", "--json", '{"id": 7}')
    assert faas.heard("order.paid 7")
    assert faas.heard("dev.knative.sources.ping 5")


def test_what_brings_a_function_events_is_listed_described_and_exported(faas: Faas) -> None:
    listed = {line.split()[0]: line for line in faas("list").splitlines()}
    assert listed["ledger"].endswith("event, schedule")
    assert listed["order"].split()[-1] != "event"

    assert "← PingSource note-schedule  Ready  * * * * * *" in faas("describe", "ledger")
    assert kinds(faas("export", "ledger", "-o", "json")) == [
        "Broker default", "Service ledger", "Trigger note", "Trigger note-schedule", "PingSource note-schedule",
    ]  # fmt: skip


def test_the_same_again_changes_nothing(faas: Faas) -> None:
    faas("diff", faas.project, "--exit-code")

    assert "nothing would change" in faas.said


def test_an_event_is_invoked_where_its_trigger_would_send_it(faas: Faas) -> None:
    faas("invoke", "ledger", "--event", "order.paid", "--json", '{"id": 41}')

    assert faas.heard("order.paid 41")


def test_what_is_gone_from_the_code_is_shown_and_goes_and_what_replaces_it_comes(faas: Faas) -> None:
    faas.write(SHOP.replace('@function.schedule("* * * * * *", data={"id": 5})\n', "").replace("retry=2", "retry=4"))

    said = faas("deploy", faas.project, "--dry-run").splitlines()
    assert "pay (Trigger): would change spec.delivery.retry" in said
    assert "note-schedule (PingSource): would be deleted" in said
    assert "-kind: PingSource" in faas("diff", faas.project)

    faas("deploy", faas.project, "--service", "order")  # a part of the project says nothing of the rest
    assert "note-schedule (PingSource): would be deleted" in faas("deploy", faas.project, "--dry-run")

    faas("deploy", faas.project)
    assert "PingSource" not in faas("export", "-o", "json")
    faas("invoke", "order", "--path", "/orders", "--json", '{"id": 8}')
    assert faas.heard("order.paid 8")


def test_another_project_of_the_name_takes_no_events_from_this_one(faas: Faas, tmp_path: Path) -> None:
    faas.write(SHOP)
    faas("deploy", faas.project)
    twin = tmp_path / "shop"
    twin.mkdir()
    (twin / "main.py").write_text("from faas import function\n\n@function\ndef menu() -> str:\n    return 'soup'\n")

    said = faas("deploy", twin, "--dry-run").splitlines()
    assert "ledger: gone from the code; --prune would delete it" in said
    assert "note-schedule (PingSource): stays as long as ledger does" in said
    assert [line for line in said if "would be deleted" in line] == []
    faas("deploy", twin)

    assert "ledger with 1 source and 2 Triggers" in faas.said
    assert "faas delete ledger order pay" in faas.said
    faas("invoke", "order", "--path", "/orders", "--json", '{"id": 12}')
    assert faas.heard("order.paid 12")
    faas("deploy", faas.project, "--prune")
    assert kinds(faas("export", "-o", "json"))[1:4] == ["Service ledger", "Service order", "Service pay"]


def test_a_function_that_is_pruned_takes_along_what_stayed_with_it(faas: Faas) -> None:
    faas.write(SHOP)
    faas("deploy", faas.project)
    faas.write(SHOP.replace('@function.event(type="order.created", retry=2,', "def _later(**_: object) -> object:\n    "
                            'return lambda function: function\n\n@_later(type="order.created", retry=2,'))  # fmt: skip
    faas("deploy", faas.project)
    assert "Trigger pay" in kinds(faas("export", "-o", "json"))

    faas("deploy", faas.project, "--prune")

    assert "pay: Trigger deleted, it is gone from the code" in faas.said
    assert [each for each in kinds(faas("export", "-o", "json")) if each.endswith(" pay")] == []
    faas.write(SHOP.replace('@function.schedule("* * * * * *", data={"id": 5})\n', ""))
    faas("deploy", faas.project)


def test_a_deleted_function_takes_its_triggers_along_and_leaves_the_broker(faas: Faas) -> None:
    assert faas("delete", "pay", "--yes") == "pay with 1 Trigger deleted\n"

    assert kinds(faas("export", "-o", "json")) == [
        "Broker default", "Service ledger", "Service order", "Trigger note",
    ]  # fmt: skip


def test_a_source_that_cannot_connect_is_an_error_and_the_functions_serve(faas: Faas) -> None:
    faas.write(SHOP.replace("@function.schedule", '@function.mqtt("a", url="mqtt://127.0.0.1:1")\n@function.schedule'))

    faas("deploy", faas.project, code=3)

    assert "the functions serve, but not all of their events come" in faas.said
    assert "faas source describe note-mqtt" in faas.said
    faas("invoke", "order", "--path", "/orders", "--json", '{"id": 9}')
    assert faas.heard("order.paid 9")
