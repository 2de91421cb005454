"""What a deploy to a cluster says of the cluster before it does anything."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from faas.cli.deploy_letters import Stores, tell_of_left_store, warn_of_letters
from faas.cli.deploying_to import Place
from faas.deploy.programs.dead_letters import make_sink
from faas.project.pyproject.settings import Settings

TARGET: Any = SimpleNamespace(namespace="team", context="prod", flags=" --stage staging")


def trigger(name: str, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"broker": "default", **spec}}


def store_sink(name: str) -> dict[str, Any]:
    return {"deadLetterSink": make_sink("team", "default", name)}


def said(capsys: pytest.CaptureFixture[str], *triggers: dict[str, Any]) -> list[str]:
    warn_of_letters(triggers, TARGET)
    return capsys.readouterr().err.splitlines()


def test_who_may_not_make_the_store_is_told_which_events_would_be_lost(capsys: pytest.CaptureFixture[str]) -> None:
    own = trigger("refund", delivery={"deadLetterSink": {"uri": "http://elsewhere.example"}})

    told = said(capsys, trigger("pay", delivery={"retry": 2}), trigger("ship"), own)

    assert told[0] == "warning: events that cannot be delivered are lost: pay, ship"
    assert "faas export rbac --project --stage staging | kubectl apply -f -" in told[2]


def test_a_sink_that_goes_on_is_told_with_that_nobody_looked_at_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, trigger("pay", delivery=store_sink("pay")), trigger("ship", delivery=store_sink("ship"))) == [
        "warning: dead letters of pay, ship go on to faas-dead-letters of team, which you may not see: nobody has"
        " looked whether it runs",
    ]  # fmt: skip
    assert said(capsys) == []


def test_what_becomes_of_dead_letters_is_said_by_the_project_and_the_place() -> None:
    wanted: Any = SimpleNamespace(dead_letters=True)
    unwanted: Any = SimpleNamespace(dead_letters=False)

    assert [Place(stores=stores).letters(wanted) for stores in ("taken", "there", "refused", "unknown")] == [
        "made", "made", "kept", "none",
    ]  # fmt: skip
    assert Place(stores="refused").letters(unwanted) == Place().letters(unwanted) == "none"


def test_a_store_that_nobody_wants_any_more_is_named_with_what_removes_it(capsys: pytest.CaptureFixture[str]) -> None:
    def told(stores: Stores, *, wanted: bool) -> str:
        settings: Any = SimpleNamespace(dead_letters=wanted)
        tell_of_left_store(stores, settings, TARGET)
        return capsys.readouterr().err

    said = told("there", wanted=False)

    assert "kubectl delete deployment,service,pvc,secret faas-dead-letters -n team --context prod\n" in said
    assert told("there", wanted=True) == told("taken", wanted=False) == ""


def test_the_store_is_made_unless_somebody_says_otherwise() -> None:
    assert Settings(Path("/shop"), "shop", {}).dead_letters
