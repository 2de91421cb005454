"""What the engine puts into an adapter's options."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from faas.engine.contract.settings import EngineSettings, Listeners, NatsSettings
from faas.engine.sources.completing import complete
from faas.engine.sources.errors import ConfigurationError

SETTINGS = EngineSettings(Path("/state"), Path("/run"), Listeners(-1, -1, -1, -1))
SOURCE = ("shop", "src")


@pytest.mark.parametrize(
    ("given", "url"),
    [
        pytest.param({"uri": "rabbit"}, "amqp://rabbit:5672/%2F", id="a host"),
        pytest.param({"uri": "rabbit", "port": "1"}, "amqp://rabbit:1/%2F", id="a host and a port"),
        pytest.param({"uri": "amqps://u:p@rabbit/v"}, "amqps://rabbit:5671/v", id="a URL, whose password stays out"),
    ],
)
def test_where_a_connection_secret_says_that_rabbitmq_is(given: dict[str, str], url: str) -> None:
    env = {"FAAS_SOURCE": '{"queue": "q"}', **{f"FAAS_OPTION_{name}": value for name, value in given.items()}}
    completed = complete("rabbitmq", SOURCE, 0, env, SETTINGS)
    assert {key: json.loads(value) for key, value in completed.items()} == {"FAAS_SOURCE": {"queue": "q", "url": url}}


def test_what_is_no_object_and_what_is_no_host_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="FAAS_SOURCE is not a JSON object"):
        complete("kafka", SOURCE, 0, {"FAAS_SOURCE": "[1]"}, SETTINGS)
    with pytest.raises(ConfigurationError, match="no amqp URL"):
        complete("rabbitmq", SOURCE, 0, {"FAAS_OPTION_uri": "http://rabbit"}, SETTINGS)
    with pytest.raises(ConfigurationError, match="faas up --mqtt"):
        complete("mqtt", SOURCE, 0, {"FAAS_SOURCE": "{}"}, SETTINGS)


def test_a_server_that_is_named_is_left_as_it_is() -> None:
    env = {"FAAS_SOURCE": '{"url":"mqtt://elsewhere:1883"}', "OTHER": "x"}
    assert complete("mqtt", SOURCE, 0, env, SETTINGS) == env


def test_nobody_can_guess_whom_a_source_is_at_the_own_door_and_it_stays_the_same(tmp_path: Path) -> None:
    def client_id(password: str, options: str = '{"topics":["t"]}', source: tuple[str, str] = SOURCE) -> str:
        settings = EngineSettings(tmp_path, Path("/run"), Listeners(-1, -1, -1, -1), nats=NatsSettings(mqtt_port=1883))
        settings.nats_dir.mkdir(exist_ok=True)
        settings.mqtt_credentials.write_text(json.dumps({"user": "faas-source", "password": password}))
        completed = json.loads(complete("mqtt", source, 0, {"FAAS_SOURCE": options}, settings)["FAAS_SOURCE"])
        return str(completed["client_id"])

    usual = client_id("one")
    assert usual.startswith("faas-shop-src-")
    assert client_id("one") == usual
    mine = client_id("one", '{"topics":["t"],"client_id":"mine"}')
    assert mine.startswith("mine-")
    assert len({usual, mine, client_id("two"), client_id("one", source=("shop", "other"))}) == 4
