"""Which events a Broker has seen."""

from __future__ import annotations

from faas.engine.broker.keeping.types_seen import TypesSeen
from faas.engine.contract.eventing import SeenType


def test_events_are_counted_by_type_and_source() -> None:
    types = TypesSeen("default/orders")
    types.count({"type": "a", "source": "/1"})
    types.count({"type": "a", "source": "/1", "dataschema": "http://schemas/a"})
    types.count({"type": "a", "source": "/2"})
    assert types.seen() == (
        SeenType("default/orders", "a", "/1", "http://schemas/a", 2),
        SeenType("default/orders", "a", "/2", "", 1),
    )


def test_texts_that_are_too_long_to_be_told_each_second_are_left_out() -> None:
    types = TypesSeen("default/orders")
    types.count({"type": "t" * 5000, "source": "/1"})
    types.count({"type": "t", "source": "/1", "dataschema": "http://schemas/" + "s" * 5000})
    assert types.seen() == (SeenType("default/orders", "t", "/1", "", 1),)


def test_a_sender_of_ever_new_types_does_not_fill_the_memory() -> None:
    types = TypesSeen("default/orders")
    for number in range(2000):
        types.count({"type": f"t{number}", "source": "/1"})
    types.count({"type": "t0", "source": "/1"})
    assert len(types.seen()) == 500
    assert types.seen()[0].count == 2
