"""Every example does what its README says, on a real engine."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.integration.engine.terminal import Terminal, faas_run

EXAMPLES = Path(__file__).parents[2] / "examples"
KNOWN = {"hello", "iot", "orders", "thumbnails", "weather"}


def test_there_is_a_test_for_each_example() -> None:
    assert {path.name for path in EXAMPLES.iterdir() if (path / "pyproject.toml").exists()} == KNOWN


def test_hello() -> None:
    with faas_run(EXAMPLES / "hello", "--no-reload") as terminal:
        assert terminal.get("hello", "/?name=Ada") == (200, "Hello Ada!\n")


@pytest.fixture(scope="module")
def weather() -> Iterator[Terminal]:
    with faas_run(EXAMPLES / "weather", "--no-reload") as terminal:
        yield terminal


def test_weather_finds_cities(weather: Terminal) -> None:
    status, body = weather.get("web", "/api/city?q=china")

    assert status == 200
    assert json.loads(body) == [{"id": "010", "name": "Hangzhou", "country": "China", "latitude": 30.3}]


def test_weather_forecasts_the_same_for_the_same_day(weather: Terminal) -> None:
    status, body = weather.get("web", "/api/city/detail/010/2026-12-05")

    assert status == 200
    assert json.loads(body) == {
        "name": "Hangzhou",
        "country": "China",
        "city": "010",
        "date": "2026-12-05",
        "sky": "cloudy",
        "low": 6,
        "high": 17,
        "version": "v1",
    }


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        pytest.param("/api/city/detail/999/2026-12-05", 404, "there is no city 999", id="city"),
        pytest.param("/api/city/detail/010/tomorrow", 400, "tomorrow is no date, write it as 2026-12-05", id="day"),
    ],
)
def test_weather_says_what_a_client_did_wrong(weather: Terminal, path: str, status: int, detail: str) -> None:
    answered, body = weather.get("web", path)

    assert (answered, json.loads(body)["detail"]) == (status, detail)


def test_weather_has_a_page(weather: Terminal) -> None:
    status, body = weather.get("web")

    assert status == 200
    assert "<title>Weather</title>" in body


def test_the_second_version_of_detail_says_more() -> None:
    with faas_run(EXAMPLES / "weather" / "v2", "--no-reload") as terminal:
        status, body = terminal.get("detail", "/010/2026-12-05?latitude=30.3")

    assert status == 200
    answer = json.loads(body)
    assert (answer["version"], answer["sky"], answer["low"], answer["high"]) == ("v2", "cloudy", 6, 17)
    assert answer["wear"] == "a pullover"


def test_the_load_script_counts_answers_and_versions(weather: Terminal) -> None:
    load = _module(EXAMPLES / "weather" / "load.py").Load(
        f"http://127.0.0.1:{weather.port}/_/default/detail/010/2026-12-05", "", 0.0
    )
    load.until += 0.2
    load.client()

    assert set(load.answers) == {"200"}
    assert "version v1: 100.0%" in load.report(0.2)


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
