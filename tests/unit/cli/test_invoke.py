"""Where `faas invoke --event` sends an event, and what is said of a function that nothing can be sent to."""

from __future__ import annotations

from typing import Any

import pytest

from faas.cli.errors import CommandError
from faas.cli.invoking.services import check_was_ready, event_path


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
    assert event_path(triggers, {"type": "paid", "source": "/s"}) == path


def test_what_never_became_ready_is_said_to_be_so_rather_than_not_found() -> None:
    failed = {"type": "Ready", "status": "False", "reason": "RevisionMissing", "message": "web has no revision\nyet"}
    status: dict[str, Any] = {"url": "http://web.example", "conditions": [failed]}
    service = {"metadata": {"name": "web"}, "status": status}

    with pytest.raises(CommandError, match="web has never become ready: web has no revision") as error:
        check_was_ready(service, " --stage live")
    assert error.value.hint == "See more:  faas describe web --stage live"

    status["latestReadyRevisionName"] = "web-00001"
    check_was_ready(service, "")
