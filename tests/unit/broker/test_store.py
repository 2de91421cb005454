"""What a Broker refuses before it asks its log."""

from __future__ import annotations

import asyncio

import pytest

from faas.engine.broker.keeping.store import BrokerStore
from faas.engine.broker.seams.log import EventTooLarge
from faas.engine.contract.eventing import BrokerConfig

EVENT = {"specversion": "1.0", "id": "1", "source": "/shop", "type": "com.acme.order"}


@pytest.mark.parametrize(
    ("attributes", "data"),
    [
        pytest.param(EVENT, b"x" * ((1 << 20) + 1), id="data"),
        pytest.param({**EVENT, "extension": "x" * 65_536}, None, id="an attribute"),
        pytest.param({**EVENT, **{f"e{number}": "x" * 100 for number in range(700)}}, None, id="many attributes"),
        pytest.param({**EVENT, "n" * 65_536: "x"}, None, id="a name"),
    ],
)
def test_an_event_that_is_too_large_is_refused_by_whichever_door_it_comes(
    attributes: dict[str, str], data: bytes | None
) -> None:
    store = BrokerStore(BrokerConfig("default/orders", "uid-1"), hold=lambda: None, stored=lambda: None)
    with pytest.raises(EventTooLarge):
        asyncio.run(store.publish(attributes, data))
