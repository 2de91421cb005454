"""Where `faas invoke --event` sends an event."""

from __future__ import annotations

from typing import Any

import pytest

from faas.cli.invoke import _path_of


def trigger(path: str, *filters: dict[str, Any]) -> dict[str, Any]:
    return {"spec": {"filters": list(filters), "subscriber": {"uri": path} if path else {}}}


PAID, ALL = trigger("/_faas/events/pay", {"exact": {"type": "paid"}}), trigger("/_faas/events/note")
SOURCE = trigger("/_faas/events/tick", {"exact": {"faassource": "tick-schedule"}})


@pytest.mark.parametrize(
    ("triggers", "path"),
    [
        pytest.param([], "/", id="nothing takes events"),
        pytest.param([SOURCE, PAID], "/_faas/events/pay", id="the one that wants it"),
        pytest.param([PAID, ALL], "/_faas/events/pay", id="the first that wants it"),
        pytest.param([SOURCE], "/_faas/events/tick", id="the only one, whatever it wants"),
        pytest.param([SOURCE, trigger("/x", {"exact": {"type": "other"}})], "/", id="none of several"),
        pytest.param([trigger("")], "/", id="a subscriber without a path"),
    ],
)
def test_an_event_goes_where_its_trigger_would_send_it(triggers: list[dict[str, Any]], path: str) -> None:
    assert _path_of(triggers, {"type": "paid", "source": "/s"}) == path
