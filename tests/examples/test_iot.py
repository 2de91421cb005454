"""IoT, as its README goes: devices at the engine's own door, and an alert for each reading that is too hot."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.engine.conftest import eventually
from tests.integration.engine.whole import Whole, running
from tests.programs import free_port

IOT = Path(__file__).parents[2] / "examples" / "iot"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    folder = tmp_path_factory.mktemp("iot")
    (folder / "users.txt").write_text("sensor:secret\n")
    with running(folder, mqtt_port=free_port(), mqtt_users=str(folder / "users.txt")) as engine:
        engine.faas("deploy", IOT)
        yield engine


def simulate(engine: Whole, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(IOT / "simulate.py"), "--port", str(engine.plan.mqtt_port), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def delivered(engine: Whole, trigger: str) -> int:
    described = json.loads(engine.faas("trigger", "describe", trigger, "-o", "json"))
    return int((described.get("observed") or {}).get("delivered", 0))


def test_each_reading_that_is_too_hot_is_an_alert(engine: Whole) -> None:
    devices = ("--devices", "50", "--readings", "4", "--interval", "0.05", "--celsius", "55")
    done = simulate(engine, "--user", "sensor", "--password", "secret", *devices)

    assert done.returncode == 0, done.stderr
    counted = re.fullmatch(r"200 readings of 50 devices in [\d.]+ s, (\d+) of them too hot\n", done.stdout)
    assert counted is not None, done.stdout
    hot = int(counted[1])
    assert hot > 0
    eventually(lambda: delivered(engine, "watch-mqtt") == 200, "every reading is handled")
    eventually(lambda: delivered(engine, "alarm") == hot, f"there are {hot} alerts")
    # A log may be some lines behind what was answered.
    eventually(
        lambda: engine.faas("logs", "alarm", "--tail", "1000").count("too hot") == hot, f"{hot} alerts in the log"
    )


def test_a_device_with_a_wrong_password_is_turned_away(engine: Whole) -> None:
    done = simulate(engine, "--user", "sensor", "--password", "guess", "--devices", "1")

    assert done.returncode == 1
    assert "wrong --user or --password?" in done.stderr
