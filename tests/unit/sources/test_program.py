"""What the program says before it runs, and what the environment can tell it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from faas.sources.environment import Environment, Secrets
from faas.sources.errors import ConfigurationError

SINK = "http://sink.default.svc.cluster.local/"
WEBHOOK = {"K_SINK": SINK, "FAAS_SOURCE_LISTEN": "tcp:127.0.0.1:0"}


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        pytest.param(["gihub"], {}, "there is no adapter 'gihub'; did you mean 'github'?", id="adapter"),
        pytest.param([], {}, "usage: python -m faas.sources ADAPTER", id="no adapter"),
        pytest.param(["webhook"], {}, "K_SINK is not set", id="no sink"),
        pytest.param(["webhook"], {"K_SINK": "sink"}, "'sink' is neither", id="sink"),
        pytest.param(["webhook"], {"K_SINK": SINK, "FAAS_SOURCE": "{"}, "FAAS_SOURCE is no JSON", id="no JSON"),
        pytest.param(["webhook"], {"K_SINK": SINK, "FAAS_SOURCE": "[]"}, "not a JSON object", id="no object"),
        pytest.param(
            ["webhook"], {"K_SINK": SINK, "FAAS_SOURCE": '{"pth": "/"}'}, "no field 'pth'; did you mean 'path'?",
            id="unknown field",
        ),
        pytest.param(
            ["webhook"], {"K_SINK": SINK, "FAAS_SOURCE": '{"path": 1}'}, "Expected `str`, got `int` - at `$.path`",
            id="type",
        ),
        pytest.param(
            ["mqtt"], {"K_SINK": SINK, "FAAS_SOURCE": '{"url": "mqtt://x"}'}, "missing required field `topics`",
            id="missing field",
        ),
        pytest.param(
            ["mqtt"], {"K_SINK": SINK, "FAAS_SOURCE": '{"url": "http://x", "topics": ["a"]}'}, "url='http://x' is not",
            id="value",
        ),
        pytest.param(["webhook"], {"K_SINK": SINK}, "FAAS_SOURCE_LISTEN is not set", id="no listener"),
        pytest.param(
            ["webhook"], {**WEBHOOK, "FAAS_SOURCE_SECRET": "x"}, "signature_header and FAAS_SOURCE_SECRET", id="secret"
        ),
        pytest.param(["webhook"], {**WEBHOOK, "K_CE_OVERRIDES": "{]"}, "K_CE_OVERRIDES is not like", id="overrides"),
        pytest.param(
            ["webhook"], {**WEBHOOK, "K_CE_OVERRIDES": '{"extensions": {"A-b": "1"}}'}, "lower-case", id="extension"
        ),
        pytest.param(["webhook"], {**WEBHOOK, "FAAS_SOURCE_REPORT": "x"}, "no file descriptor", id="report"),
        pytest.param(["webhook"], {**WEBHOOK, "FAAS_LOG_LEVEL": "loud"}, "'LOUD' is none of", id="log level"),
        pytest.param(["webhook"], {**WEBHOOK, "FAAS_SOURCE_LISTEN": "tcp:x"}, "neither unix:/path", id="listener"),
        pytest.param(
            ["github"], {**WEBHOOK, "FAAS_SOURCE": '{"repository": "a/b"}'}, "FAAS_SOURCE_SECRET is not", id="github"
        ),
    ],
)  # fmt: skip
def test_what_cannot_work_is_one_line_and_status_2(
    arguments: list[str], environment: dict[str, str], message: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "faas.sources", *arguments], capture_output=True, text=True, timeout=60, check=False,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), **environment},
    )  # fmt: skip
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_secrets_never_show() -> None:
    environment = Environment.read({"K_SINK": SINK, "FAAS_SOURCE_PASSWORD": "xyzzy", "FAAS_SOURCE_ACCESS_KEY": "plugh"})
    assert environment.secrets == Secrets(password="xyzzy", access_key="plugh")
    assert repr(environment.secrets) == "Secrets(password, access_key)"
    assert "xyzzy" not in repr(environment)


def test_overrides_are_extensions() -> None:
    environment = Environment.read({"K_SINK": SINK, "K_CE_OVERRIDES": '{"extensions": {"a": "1", "b": 2}}'})
    assert environment.extensions == {"a": "1", "b": 2}
    with pytest.raises(ConfigurationError):
        Environment.read({"K_SINK": SINK, "K_CE_OVERRIDES": '{"extensions": {"a": [1]}}'})


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
def test_nobody_of_the_same_user_can_read_the_environment() -> None:
    """PR_GET_DUMPABLE (3) says 0: /proc/PID/environ is root's then, and nobody may trace the process."""
    program = (
        "import ctypes, faas.sources.__main__ as it; it.main(['no']); print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "0\n"
