"""What gunicorn's worker is told, and by whom the environment is read."""

from __future__ import annotations

import pytest
from faas_runtime.serving import exits
from faas_runtime.serving._settings import DEFAULTS, Settings
from faas_runtime.serving.options import Misused, ServeOptions, read_options
from gunicorn.arbiter import Arbiter
from gunicorn.config import Config

OPTIONS = ServeOptions(function="main:hello", bind="tcp:127.0.0.1:0")


def test_the_constants_are_gunicorns_defaults() -> None:
    real = Config()
    assert {name: getattr(real, name) for name in DEFAULTS} == DEFAULTS


def test_a_setting_that_is_not_a_constant_is_asked_of_gunicorn() -> None:
    assert Settings(OPTIONS).backlog == Config().backlog


def test_exit_codes_that_the_arbiter_knows_are_its_own() -> None:
    assert (exits.STARTUP_FAILED, exits.LOAD_FAILED) == (Arbiter.WORKER_BOOT_ERROR, Arbiter.APP_LOAD_ERROR)


@pytest.mark.parametrize(
    ("environ", "bind"),
    [
        pytest.param({}, "tcp:127.0.0.1:8080", id="loopback"),
        pytest.param({"PORT": "99", "K_SERVICE": "hello"}, "tcp:0.0.0.0:99", id="in a cluster"),
        pytest.param({"FAAS_HOST": "10.0.0.1", "K_SERVICE": "x"}, "tcp:10.0.0.1:8080", id="told otherwise"),
        pytest.param({"FAAS_BIND": "fd:3", "PORT": "1"}, "fd:3", id="a socket that listens already"),
    ],
)
def test_where_it_listens(environ: dict[str, str], bind: str) -> None:
    assert read_options({"FAAS_FUNCTION": "m:f", **environ}).bind == bind


@pytest.mark.parametrize("value", ["0", "-1", "nan"])
def test_a_timeout_that_cannot_be(value: str) -> None:
    with pytest.raises(Misused):
        read_options({"FAAS_FUNCTION": "m:f", "FAAS_TIMEOUT": value})
