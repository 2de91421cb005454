"""Tests of functions without a server: `Client` runs them in this process, with a clock that moves when told.

from faas.testing import Client

def test_quote() -> None:
    with Client(quote) as client:
        assert client.post("/", json={"id": 7}).json() == {"id": 7, "price": "12.50"}
"""

from __future__ import annotations

from faas_runtime.testing.client import Client
from faas_runtime.testing.clock import VirtualClock
from faas_runtime.testing.delivery import Delivery
from faas_runtime.testing.exchange import Pending, Response
from faas_runtime.testing.socket import WebSocketSession

__all__ = ["Client", "Delivery", "Pending", "Response", "VirtualClock", "WebSocketSession"]
