"""What an order is, the function that takes one, and the ledger that writes down what became of it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from faas import Context, Event, HTTPError, function

_ledger: dict[str, list[str]] = defaultdict(list)


@dataclass
class Order:
    id: str
    item: str
    amount: int
    price: float


@function.http("/", methods=["POST"])
async def orders(order: Order, ctx: Context) -> tuple[dict[str, str], int]:
    """Answers once the event is stored: from then on the order cannot be lost."""
    await ctx.publish(Event("com.acme.order.placed", order, subject=order.id))
    return {"order": order.id, "state": "placed"}, 202


# One instance, always: the ledger is a dictionary. In earnest it would be a database.
@function.event(subject={"prefix": "A-"}, ordered_by="subject", service="ledger", min_scale=1, max_scale=1)
def note(event: Event[Any]) -> None:
    _ledger[str(event.subject)].append(event.type.removeprefix("com.acme.order."))


@function.http("/{id}", methods=["GET"], service="ledger")
def ledger(id: str) -> list[str]:
    if id not in _ledger:
        raise HTTPError(404, f"there is no order {id}")
    return _ledger[id]
