"""What a deploy to a cluster says of the cluster before it does anything."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from faas.cli.deploying_to import Place, tell_of_left_store, warn_of_lost_letters
from faas.project.settings import Settings

TARGET: Any = SimpleNamespace(namespace="team", context="prod", flags=" --stage staging")


def trigger(name: str, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"broker": "default", **spec}}


def said(place: Place, capsys: pytest.CaptureFixture[str], *triggers: dict[str, Any], wanted: bool = True) -> str:
    prepared: Any = SimpleNamespace(objects=SimpleNamespace(triggers=triggers))
    settings: Any = SimpleNamespace(dead_letters=wanted)
    warn_of_lost_letters(place, settings, prepared, TARGET)
    return capsys.readouterr().err


def test_who_may_not_make_the_store_is_told_which_events_would_be_lost(capsys: pytest.CaptureFixture[str]) -> None:
    own = trigger("refund", delivery={"deadLetterSink": {"uri": "http://elsewhere.example"}})

    told = said(Place(stores="refused"), capsys, trigger("pay", delivery={"retry": 2}), trigger("ship"), own)

    assert told.splitlines()[0] == "warning: events that cannot be delivered are lost: pay, ship"
    assert "faas export rbac --project --stage staging | kubectl apply -f -" in told


def test_nothing_is_said_where_nothing_is_lost_or_it_is_meant_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(Place(), capsys, trigger("pay")) == ""
    assert said(Place(stores="unknown"), capsys, trigger("pay")) == ""
    assert said(Place(stores="refused"), capsys) == ""
    assert said(Place(stores="refused"), capsys, trigger("pay"), wanted=False) == ""


def test_a_store_that_nobody_wants_any_more_is_named_with_what_removes_it(capsys: pytest.CaptureFixture[str]) -> None:
    def told(place: Place, *, wanted: bool) -> str:
        settings: Any = SimpleNamespace(dead_letters=wanted)
        tell_of_left_store(place, settings, TARGET)
        return capsys.readouterr().err

    said = told(Place(stores="there"), wanted=False)

    assert "kubectl delete deployment,service,pvc,secret faas-dead-letters -n team --context prod\n" in said
    assert told(Place(stores="there"), wanted=True) == told(Place(), wanted=False) == ""
    assert Place(stores="there").takes_stores


def test_the_store_is_made_unless_somebody_says_otherwise() -> None:
    assert Settings(Path("/shop"), "shop", {}).dead_letters
