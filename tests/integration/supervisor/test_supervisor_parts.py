"""The supervisor's own parts over real processes, sockets and locks; gateway and engine are stand-ins here."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from faas.engine.supervisor import processes, start
from faas.engine.supervisor.census import census
from faas.engine.supervisor.endings import end_processes
from faas.engine.supervisor.errors import PortInUse, StateInUse, UnsafeRuntime, from_wire
from faas.engine.supervisor.listening import open_sockets
from faas.engine.supervisor.ownership import claim_runtime_dir, lock_state
from faas.engine.supervisor.plan import Plan


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


def test_a_taken_port_names_the_process_that_has_it(listener, tmp_path) -> None:
    port = listener.getsockname()[1]

    with pytest.raises(PortInUse) as refused:
        open_sockets(host="127.0.0.1", port=port, api_port=0, state_dir=str(tmp_path), runtime_dir=str(tmp_path))

    assert refused.value.facts["pid"] == os.getpid()
    assert refused.value.facts["port"] == port
    assert str(refused.value).startswith(f"127.0.0.1:{port} is in use by pid {os.getpid()} (")


def test_an_error_crosses_the_pipe_as_facts() -> None:
    error = from_wire(PortInUse("127.0.0.1", 8080, 4121, "uvicorn").wire())

    assert isinstance(error, PortInUse)
    assert error.facts == {"host": "127.0.0.1", "port": 8080, "pid": 4121, "process": "uvicorn"}
    assert str(error) == "127.0.0.1:8080 is in use by pid 4121 (uvicorn)"


def test_the_api_keeps_its_port_from_start_to_start(tmp_path) -> None:
    def api_port() -> int:
        sockets = open_sockets(host="127.0.0.1", port=0, api_port=0, state_dir=str(tmp_path), runtime_dir=str(tmp_path))
        sockets.close()
        return int((tmp_path / "api-port").read_text())

    assert api_port() == api_port()


def test_a_second_engine_on_a_state_is_told_the_pid_of_the_first(tmp_path) -> None:
    script = (
        "import sys; from faas.engine.supervisor.ownership import lock_state; import os\n"
        "lock_state(sys.argv[1], os.getpid()); print('locked', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as first:
        assert first.stdout is not None
        assert first.stdin is not None
        first.stdout.readline()

        with pytest.raises(StateInUse) as refused:
            lock_state(str(tmp_path), os.getpid())
        first.stdin.close()

    assert refused.value.facts["pid"] == first.pid
    os.close(lock_state(str(tmp_path), os.getpid()))


def test_a_second_engine_that_is_refused_leaves_the_folders_of_the_first_alone(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    claim_runtime_dir("run/faas")  # still empty, as between the first engine's lock and its sockets
    lock = lock_state("state", os.getpid())
    plan = Plan(state_dir="state", runtime_dir="run/faas", version="1", port=0, ephemeral=True)

    second = subprocess.run(start.supervisor_command(plan.dump()), capture_output=True, text=True, check=False)

    os.close(lock)
    assert second.returncode == 1
    assert f"an engine runs on state already, pid {os.getpid()}" in second.stderr
    assert [(tmp_path / folder).is_dir() for folder in ("run/faas", "state")] == [True, True]


def test_a_runtime_folder_that_is_a_link_is_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "faas").symlink_to(tmp_path)

    with pytest.raises(UnsafeRuntime):
        claim_runtime_dir("run/faas")


def test_a_runtime_folder_is_nobody_elses_to_enter(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)

    claim_runtime_dir("run/faas")

    assert (tmp_path / "run" / "faas").stat().st_mode & 0o777 == 0o700


def test_what_holds_a_socket_in_the_folder_is_found_and_ended(tmp_path) -> None:
    script = (
        "import socket, sys, signal\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); print('bound', flush=True)\n"
        "signal.pause()"
    )
    folder = start.runtime_dir(tmp_path, {})
    folder.mkdir()
    with subprocess.Popen([sys.executable, "-c", script, f"{folder}/i.sock"], stdout=subprocess.PIPE) as left:
        assert left.stdout is not None
        left.stdout.readline()
        assert processes.socket_holders(str(folder)) == {left.pid}

        ended = end_processes(
            lambda: processes.socket_holders(str(folder)), grace_s=0.1, reap=lambda: left.poll() and None
        )

    assert ended == 1
    assert left.returncode == -signal.SIGKILL
    start.clear_leftovers(folder)
    assert not folder.exists()


def test_the_engine_is_counted_as_itself_while_it_holds_an_instances_socket(tmp_path) -> None:
    (tmp_path / "i").mkdir()
    script = (
        "import socket, sys; held = socket.socket(socket.AF_UNIX); held.bind(sys.argv[1]); held.listen();"
        "print('listening', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "i" / "a.sock")]
    with (
        subprocess.Popen([*command, "faas.engine.main"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as engine,
        subprocess.Popen([*command[:-1], str(tmp_path / "i" / "b.sock")], stdin=-1, stdout=-1) as instance,
    ):
        for process in (engine, instance):
            assert process.stdout is not None
            process.stdout.readline()

        roles = {member.pid: member.role for member in census(os.getpid(), str(tmp_path))}
        for process in (engine, instance):
            assert process.stdin is not None
            process.stdin.close()

    assert [roles[engine.pid], roles[instance.pid]] == ["engine", "instance"]


def test_a_process_is_named_by_pid_and_start(tmp_path) -> None:
    ticks = processes.start_ticks(os.getpid())

    assert processes.is_alive(os.getpid(), ticks)
    assert not processes.is_alive(os.getpid(), ticks + 1)
    assert processes.start_ticks(2**22 + 1) == 0


def test_an_engine_of_another_version_is_found(tmp_path) -> None:
    written = {
        "pid": os.getpid(),
        "start_ticks": processes.start_ticks(os.getpid()),
        "version": "0.1.0",
        "started": 1.0,
        "public_url": "http://127.0.0.1:1",
        "api_url": "https://127.0.0.1:2",
        "public_host": "127.0.0.1",
        "public_port": 1,
        "api_port": 2,
        "runtime_dir": "/r",
        "foreground": False,
        "unheard_of": "in this version",
    }
    (tmp_path / "engine.json").write_text(json.dumps(written))

    found = start.find(tmp_path)

    assert found is not None
    assert found.pid == os.getpid()


def test_a_plan_survives_the_command_line() -> None:
    plan = Plan(state_dir="/s", runtime_dir="/r", version="1", port=0)

    assert Plan.load(plan.dump()) == plan


def test_the_folder_for_sockets_is_short_however_long_the_state_is(tmp_path) -> None:
    deep = tmp_path / ("d" * 200)

    assert len(str(start.runtime_dir(deep, {"XDG_RUNTIME_DIR": "/run/user/1000" + "x" * 80}))) < 40
    assert start.runtime_dir(tmp_path, {}) != start.runtime_dir(deep, {})
