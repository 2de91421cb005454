"""Credential plugins: what they are told, what they may print, and what is said when they fail."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import select
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from faas.client.credentials import plugins
from faas.client.credentials.identity import Identity, credentials_of
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


def has_ended(pid: int, within_s: float = 0.0) -> bool:
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([process], [], [], within_s)[0])
    finally:
        os.close(process)


def good(token: str = "t") -> str:
    return f"print({credential(token=token).decode()!r}, flush=True)"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_one_that_writes_without_an_end_is_ended(tmp_path: Path, stream: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ignores being asked to end, and has a child that would hold what it writes to for ever."""
    monkeypatch.setattr(plugins, "_PATIENCE_S", 3.0)
    child = "import subprocess; child = subprocess.Popen(['sleep', '1000'])"
    code = f"{child}\nopen(__file__ + '.pids', 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
    code += f"while True: sys.{stream}.write('x' * 1024 * 1024)"
    reason = "more than 1048576 bytes" if stream == "stdout" else "no credentials within 3 s"

    with pytest.raises(KubeconfigError, match=reason):
        asyncio.run(ask_plugin(Plugin(program(tmp_path, code), interactive="Never")))

    for pid in map(int, (tmp_path / "plugin.pids").read_text().split()):
        assert has_ended(pid, within_s=30)


def test_one_whose_child_lives_on_is_believed_all_the_same(tmp_path: Path) -> None:
    """As a program that leaves an agent behind, with its own output."""
    code = (
        f"import subprocess\nchild = subprocess.Popen(['sleep', '1000'])\n{good()}\nprint(child.pid, file=sys.stderr)"
    )
    code += "\nopen(__file__ + '.pids', 'w').write(str(child.pid))"

    printed = asyncio.run(ask_plugin(Plugin(program(tmp_path, code))))

    child = int((tmp_path / "plugin.pids").read_text())
    assert printed.token == "t"
    assert not has_ended(child)
    os.kill(child, signal.SIGKILL)


def test_one_that_asks_where_it_must_not_finds_no_terminal(tmp_path: Path) -> None:
    code = "try: open('/dev/tty')\nexcept OSError as error: sys.exit('no terminal')\n" + good()

    with pytest.raises(KubeconfigError, match="it ended with 1: no terminal"):
        asyncio.run(ask_plugin(Plugin(program(tmp_path, code), interactive="Never")))


def test_one_that_may_ask_asks_on_the_terminal_and_may_take_its_time(tmp_path: Path) -> None:
    code = "sys.stderr.write('Password: ')\nsys.stderr.flush()\nanswer = sys.stdin.readline().strip()\n"
    code += f"print({credential(token='TOKEN').decode()!r}.replace('TOKEN', answer))"
    path = program(tmp_path, code)
    asking = (
        "import asyncio; from faas.client.credentials import plugins; plugins._PATIENCE_S = 0.0;"
        "from faas.client.kubeconfigs.cluster import Plugin;"
        f"print(asyncio.run(plugins.ask_plugin(Plugin({path!r}, interactive='Always'))).token)"
    )
    ours, theirs = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", asking], stdin=theirs, stderr=theirs, stdout=subprocess.PIPE)
    os.close(theirs)
    try:
        assert os.read(ours, 100) == b"Password: "
        os.write(ours, b"s3cret\n")
        printed, _ = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert (process.returncode, printed.strip()) == (0, b"s3cret")


def test_one_that_is_given_up_is_ended(tmp_path: Path) -> None:
    async def scenario() -> None:
        code = "open(__file__ + '.pids', 'w').write(str(os.getpid()))\nos.kill(os.getppid(), 10)\nsys.stdin.read()"
        code += "\nimport time; time.sleep(1000)"
        started = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, started.set)
        asking = asyncio.create_task(ask_plugin(Plugin(program(tmp_path, code))))
        await started.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    asyncio.run(scenario())

    assert has_ended(int((tmp_path / "plugin.pids").read_text()), within_s=30)


def test_whoever_waits_for_long_is_told_what_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(plugins, "_SAY_S", 0.0)
    path = program(tmp_path, f"open(__file__ + '.fifo').read()\n{good()}")
    os.mkfifo(path + ".fifo")

    async def scenario() -> str:
        asking = asyncio.create_task(ask_plugin(Plugin(path)))
        told = asyncio.Event()
        monkeypatch.setattr(plugins._log, "filter", lambda record: told.set() or True)
        await told.wait()
        await asyncio.to_thread(Path(path + ".fifo").write_text, "go")
        return (await asking).token

    assert asyncio.run(scenario()) == "t"
    assert caplog.messages == [f"waiting for {path!r}, which gets the credentials"]


def test_two_clients_ask_one_after_the_other_and_the_second_finds_it_printed(tmp_path: Path) -> None:
    code = f"with open(__file__ + '.calls', 'a') as calls: calls.write('x')\n{good()}"
    plugin = Plugin(program(tmp_path, code))

    async def together() -> list[Identity]:
        clients = [credentials_of(Cluster("https://k8s", plugin=plugin)) for _ in range(4)]
        return await asyncio.gather(*(client.identity() for client in clients))

    assert [identity.authorization for identity in asyncio.run(together())] == ["Bearer t"] * 4
    assert (tmp_path / "plugin.calls").read_text() == "x"


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
