"""Orders, as its README goes: an order is placed, its payment fails, the bank opens, the dead letter is delivered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.engine.conftest import eventually
from tests.integration.engine.whole import Whole, running

ORDERS = Path(__file__).parents[2] / "examples" / "orders"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    with running(tmp_path_factory.mktemp("orders")) as engine:
        engine.faas("deploy", ORDERS)
        yield engine


def ledger(engine: Whole, order: str) -> Any:
    return engine.visit(f"/_/default/ledger/{order}").json()


def test_an_order_whose_payment_failed_is_paid_and_shipped_when_its_dead_letter_is_delivered(engine: Whole) -> None:
    with engine.http("orders") as client:
        answer = client.post("/", json={"id": "A-1", "item": "tea", "amount": 2, "price": 4.5})
    assert (answer.status_code, answer.json()) == (202, {"order": "A-1", "state": "placed"})
    eventually(lambda: ledger(engine, "A-1") == ["placed", "reserved"], "the order is placed and reserved")
    eventually(lambda: len(json.loads(engine.faas("dlq", "list", "-o", "json"))) == 1, "the payment is a dead letter")
    (letter,) = json.loads(engine.faas("dlq", "list", "-o", "json"))
    assert (letter["trigger"], letter["event"]["type"], letter["event"]["subject"]) == (
        "default/charge", "com.acme.order.placed", "A-1"
    )  # fmt: skip

    engine.faas("deploy", ORDERS, "--service", "charge", "-e", "BANK=open")
    assert engine.faas("dlq", "replay", "--all") == "1 delivered, 0 failed\n"

    paid = ["placed", "reserved", "paid", "shipped"]
    eventually(lambda: ledger(engine, "A-1") == paid, "the order is paid and shipped")
    assert json.loads(engine.faas("dlq", "list", "-o", "json")) == []


def test_nobody_knows_an_order_that_was_not_placed(engine: Whole) -> None:
    answer = engine.visit("/_/default/ledger/A-404")

    assert (answer.status_code, answer.json()["detail"]) == (404, "there is no order A-404")
