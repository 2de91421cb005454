"""Credential plugins: what they are told, what they may print, and what is said when they fail."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from faas.client.credentials.identity import credentials_of
from faas.client.credentials.plugins import ask_plugin, parse_credential
from faas.client.kubeconfigs.cluster import Cluster, Plugin
from faas.client.kubeconfigs.files import KubeconfigError

V1 = "client.authentication.k8s.io/v1"


def program(folder: Path, code: str) -> str:
    path = folder / "plugin"
    path.write_text(f"#!{sys.executable}\nimport json, os, sys\n{code}\n")
    path.chmod(0o755)
    return str(path)


def credential(**status: Any) -> bytes:
    return json.dumps({"apiVersion": V1, "kind": "ExecCredential", "status": status}).encode()


def test_it_gets_its_arguments_its_variables_and_what_is_asked(tmp_path: Path) -> None:
    code = (
        "asked = json.loads(os.environ['KUBERNETES_EXEC_INFO'])\n"
        "said = {'arguments': sys.argv[1:], 'mine': os.environ['MINE'], 'asked': asked, 'stdin': sys.stdin.read()}\n"
        "asked['status'] = {'token': json.dumps(said)}\n"
        "print(json.dumps(asked))"
    )
    plugin = Plugin(program(tmp_path, code), ("a", "b"), (("MINE", "1"),), V1, "Never", "", '{"server": "https://k8s"}')

    said = json.loads(asyncio.run(ask_plugin(plugin)).token)

    assert said == {
        "arguments": ["a", "b"],
        "mine": "1",
        "stdin": "",
        "asked": {
            "apiVersion": V1,
            "kind": "ExecCredential",
            "spec": {"interactive": False, "cluster": {"server": "https://k8s"}},
        },
    }


def test_one_that_is_missing_says_how_to_install_it() -> None:
    plugin = Plugin("no-such-plugin", install_hint="Get it from your provider.", source="/home/me/.kube/config")

    with pytest.raises(KubeconfigError) as error:
        asyncio.run(ask_plugin(plugin))

    assert "'no-such-plugin': there is no such program" in str(error.value)
    assert error.value.hint == "Get it from your provider."


def test_one_that_fails_is_quoted_from_stderr_alone(tmp_path: Path) -> None:
    code = "print('SECRET'); print('your session has ended', file=sys.stderr); sys.exit(3)"

    with pytest.raises(KubeconfigError) as error:
        asyncio.run(ask_plugin(Plugin(program(tmp_path, code))))

    assert "it ended with 3: your session has ended" in str(error.value)
    assert "SECRET" not in str(error.value)


def test_one_that_asks_its_user_needs_a_terminal() -> None:
    with pytest.raises(KubeconfigError, match="there is no terminal"):
        asyncio.run(ask_plugin(Plugin("sh", interactive="Always")))


@pytest.mark.parametrize(
    ("printed", "reason"),
    [
        pytest.param(b"SECRET", "is not JSON", id="text"),
        pytest.param(b'["SECRET"]', "is no ExecCredential", id="list"),
        pytest.param(credential(token="SECRET").replace(b"/v1", b"/v1beta1"), "answered client", id="version"),
        pytest.param(credential(), "neither a token nor a certificate", id="empty"),
        pytest.param(credential(clientCertificateData="SECRET"), "neither", id="no-key"),
        pytest.param(credential(token="SECRET", expirationTimestamp="soon"), "is no time", id="time"),
    ],
)
def test_what_is_no_credential_is_said_and_not_quoted(printed: bytes, reason: str) -> None:
    with pytest.raises(KubeconfigError) as error:
        parse_credential(Plugin("aws"), printed)

    assert reason in str(error.value)
    assert "SECRET" not in str(error.value)


def test_what_is_printed_is_good_until_it_ends() -> None:
    printed = parse_credential(Plugin("aws"), credential(token="t", expirationTimestamp="2026-11-23T12:00:00Z"))

    end = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert printed.is_good(end - timedelta(seconds=1))
    assert not printed.is_good(end)


def test_a_program_is_asked_again_when_what_it_printed_has_ended(tmp_path: Path) -> None:
    code = (
        "import pathlib\n"
        "known = pathlib.Path(__file__ + '.known')\n"
        "ends = '2999-01-01T00:00:00Z' if known.exists() else '2000-01-01T00:00:00Z'\n"
        "known.touch()\n"
        f"status = {{'token': ends, 'expirationTimestamp': ends}}\n"
        f"print(json.dumps({{'apiVersion': '{V1}', 'kind': 'ExecCredential', 'status': status}}))"
    )
    credentials = credentials_of(Cluster("https://k8s", plugin=Plugin(program(tmp_path, code))))

    async def thrice() -> list[str]:
        return [(await credentials.identity()).authorization for _ in range(3)]

    assert asyncio.run(thrice()) == [
        "Bearer 2000-01-01T00:00:00Z",
        "Bearer 2999-01-01T00:00:00Z",
        "Bearer 2999-01-01T00:00:00Z",
    ]
