"""What an instance finds in its environment, and what it does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faas.engine.contract.revision import ContainerPlan, EnvVar, RevisionKey, RevisionPlan, SecretRef
from faas.engine.contract.settings import EngineSettings, Listeners
from faas.engine.instances.provisioning.environment import expand, make_container_environment, make_environment
from faas.engine.instances.provisioning.references import MissingReference, needs_reading

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


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("$(A)/b", "1/b", id="known"),
        pytest.param("$(NOBODY)", "$(NOBODY)", id="unknown"),
        pytest.param("$$(A)", "$(A)", id="escaped"),
        pytest.param("$A ${A} $(A", "$A ${A} $(A", id="other notations"),
        pytest.param("$$$(A)", "$1", id="a dollar before"),
    ],
)
def test_a_name_in_brackets_is_replaced_as_kubernetes_does(text: str, value: str) -> None:
    assert expand(text, {"A": "1"}) == value


@given(st.text())
def test_a_text_without_dollars_stays_as_it_is(text: str) -> None:
    plain = text.replace("$", "")
    assert expand(plain, {}) == plain


def test_values_may_name_variables_before_them_but_none_of_whole_maps() -> None:
    wanted = plan(
        EnvVar("", EVERYTHING), EnvVar("HOST", "db"), EnvVar("URL", "http://$(HOST)$(LATER)$(A)"), EnvVar("LATER", "x")
    )
    env = make_environment(wanted, SETTINGS, (), {EVERYTHING: {"A": "1"}}, {})
    assert env["URL"] == "http://db$(LATER)$(A)"


def test_a_container_gets_nothing_of_this_machine_and_only_the_serving_one_a_port() -> None:
    server, side = ContainerPlan("image", port=9000, env=(EnvVar("A", "1"),)), ContainerPlan("side", port=0)
    pod = RevisionPlan(RevisionKey("shop", "hello-00001"), "u", "hello", "hello", server, (side,))
    names = {"K_SERVICE": "hello", "K_CONFIGURATION": "hello", "K_REVISION": "hello-00001"}
    assert make_container_environment(pod, server, SETTINGS, {}, has_our_runtime=False) == {
        "A": "1",
        "PORT": "9000",
        **names,
    }
    assert make_container_environment(pod, side, SETTINGS, {}, has_our_runtime=False) == names


def test_functions_in_a_container_are_told_the_same_as_those_in_a_process() -> None:
    env = make_container_environment(plan(), plan().container, SETTINGS, {}, has_our_runtime=True)
    assert (env["FAAS_NAMESPACE"], env["FAAS_TIMEOUT"], "FAAS_GATEWAY" in env) == ("shop", "300", False)
