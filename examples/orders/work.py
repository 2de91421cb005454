"""Who works on an order. Each has a trigger of its own, so one that fails holds up none of the others."""

from __future__ import annotations

import os
from dataclasses import dataclass

from orders import Order

from faas import function


@dataclass
class Done:
    by: str
    order: str


@function.event(type="com.acme.order.placed", reply_type="com.acme.order.reserved")
def reserve(order: Order) -> Done:
    """What it returns is published as an event."""
    return Done("warehouse", order.id)


@function.event(
    type="com.acme.order.placed",
    reply_type="com.acme.order.paid",
    retry=2,
    backoff="exponential",
    backoff_delay="200ms",
)
def charge(order: Order) -> Done:
    """The bank is closed until somebody deploys with BANK=open: three attempts, then the order is a dead letter."""
    if os.environ.get("BANK", "closed") != "open":
        raise ConnectionError("the bank does not answer")
    return Done("bank", order.id)


@function.event(sql="type = 'com.acme.order.paid'", reply_type="com.acme.order.shipped")
def ship(done: Done) -> Done:
    return Done("carrier", done.order)
