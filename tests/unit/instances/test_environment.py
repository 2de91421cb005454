"""What an instance finds in its environment, and what it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from faas.engine.contract.revision import ContainerPlan, EnvVar, RevisionKey, RevisionPlan, SecretRef
from faas.engine.contract.settings import EngineSettings, Listeners
from faas.engine.instances.environment import MissingReference, make_environment, needs_reading

SETTINGS = EngineSettings(Path("/s"), Path("/r"), Listeners(-1, -1, -1, -1))
PASSWORD = SecretRef("Secret", "db", "password")
EVERYTHING = SecretRef("ConfigMap", "app", None)


def plan(*env: EnvVar, concurrency: int = 0) -> RevisionPlan:
    key = RevisionKey("shop", "hello-00001")
    return RevisionPlan(key, "u", "hello", "hello", ContainerPlan("image", env=env), container_concurrency=concurrency)


def test_only_the_contract_and_a_few_harmless_variables_of_the_host() -> None:
    host = {"HOME": "/home/me", "AWS_SECRET_ACCESS_KEY": "x", "PATH": "/bin", "PYTHONPATH": "/toolkit"}
    assert make_environment(plan(), SETTINGS, (), {}, host) == {
        "HOME": "/home/me",
        "PATH": "/bin",
        "PYTHONUNBUFFERED": "1",
        "K_SERVICE": "hello",
        "K_CONFIGURATION": "hello",
        "K_REVISION": "hello-00001",
        "FAAS_NAMESPACE": "shop",
        "FAAS_DOMAIN": "svc.cluster.local",
        "FAAS_GATEWAY": "unix:/r/internal.sock",
        "FAAS_TIMEOUT": "300",
        "PORT": "8080",
    }


def test_the_users_values_win_over_the_images_and_may_not_change_the_contracts() -> None:
    env = make_environment(
        plan(EnvVar("MODE", "user"), EnvVar("K_SERVICE", "other")), SETTINGS, (("MODE", "image"), ("LANG", "C")), {}, {}
    )
    assert (env["MODE"], env["LANG"], env["K_SERVICE"]) == ("user", "C", "hello")


def test_values_and_whole_maps_come_from_what_was_read() -> None:
    wanted = plan(EnvVar("PW", PASSWORD), EnvVar("APP_", EVERYTHING))
    env = make_environment(wanted, SETTINGS, (), {PASSWORD: {"password": "p"}, EVERYTHING: {"A": "1", "B": "2"}}, {})
    assert (env["PW"], env["APP_A"], env["APP_B"]) == ("p", "1", "2")


def test_an_optional_value_that_is_missing_is_no_variable() -> None:
    assert "PW" not in make_environment(plan(EnvVar("PW", PASSWORD)), SETTINGS, (), {PASSWORD: {}}, {})


def test_the_concurrency_is_told_when_there_is_a_limit() -> None:
    assert make_environment(plan(concurrency=5), SETTINGS, (), {}, {})["FAAS_CONCURRENCY"] == "5"


def test_plain_values_need_no_waiting() -> None:
    assert not needs_reading(plan(EnvVar("A", "b")))
    assert needs_reading(plan(EnvVar("A", PASSWORD)))


@pytest.mark.parametrize("data", [b"\xff\xfe", b"a\x00b"])
def test_a_value_that_is_no_text_is_refused_as_a_variable(data: bytes) -> None:
    value = {"password": data.decode("utf-8", "surrogateescape")}
    with pytest.raises(MissingReference, match="secret 'db': password is not text"):
        make_environment(plan(EnvVar("P", PASSWORD)), SETTINGS, (), {PASSWORD: value}, {})
