"""The canary of weather, as its README goes: version 2 beside the first, from no traffic to all of it and back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.engine.whole import Whole, running

WEATHER = Path(__file__).parents[2] / "examples" / "weather"
QUESTION = "010/2026-12-05?latitude=30.3"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    with running(tmp_path_factory.mktemp("weather")) as engine:
        engine.faas("deploy", WEATHER)
        yield engine


def version(engine: Whole, name: str) -> Any:
    return engine.visit(f"/_/default/{name}/{QUESTION}").json()["version"]


def test_the_second_version_is_tried_beside_the_first_gets_all_requests_and_gives_them_back(engine: Whole) -> None:
    engine.faas("deploy", WEATHER / "v2", "--service", "detail", "--no-traffic", "--tag", "v2")
    assert (version(engine, "detail"), version(engine, "v2-detail")) == ("v1", "v2")

    engine.faas("traffic", "detail", "--traffic", "detail-00001=90,@latest=10")
    engine.faas("traffic", "detail", "--traffic", "@latest=100")
    assert version(engine, "detail") == "v2"

    engine.faas("rollback", "detail")
    assert version(engine, "detail") == "v1"
    listed = json.loads(engine.faas("list", "-o", "json"))
    assert [service["metadata"]["name"] for service in listed["items"]] == ["city", "detail", "web"]
