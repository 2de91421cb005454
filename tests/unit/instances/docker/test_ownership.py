"""Whose container is whose."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from faas.engine.contract.settings import EngineSettings, Listeners
from faas.engine.instances.docker.ownership import Ownership, describe_process, is_dead, is_forsaken, make_ownership


def settings(state: Path, *, foreground: bool) -> EngineSettings:
    return EngineSettings(state, state / "run", Listeners(-1, -1, -1, -1), foreground=foreground)


def test_a_living_process_is_not_dead() -> None:
    assert not is_dead(describe_process(os.getpid()))


def test_a_process_that_has_ended_is_dead() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        owner = describe_process(process.pid)
        assert not is_dead(owner)
        process.kill()
    assert is_dead(owner)


def test_another_process_with_the_same_number_is_not_it() -> None:
    machine, boot, pids, pid, ticks = describe_process(os.getpid()).split(":")
    assert is_dead(":".join((machine, boot, pids, pid, str(int(ticks) + 1))))


def test_after_a_restart_of_the_machine_everybody_is_dead() -> None:
    machine, _, *rest = describe_process(os.getpid()).split(":")
    assert is_dead(":".join((machine, "another-boot", *rest)))


def test_of_another_machine_and_of_another_container_nothing_is_said() -> None:
    machine, boot, _, _, ticks = describe_process(os.getpid()).split(":")
    assert not is_dead(f"other:{boot}:1:1:1")
    assert not is_dead(f"{machine}:{boot}:1:99999999:{ticks}")
    assert not is_dead("no owner")


def test_an_engine_in_the_background_is_known_by_its_state_alone(tmp_path: Path) -> None:
    first, second = (make_ownership(settings(tmp_path, foreground=False)) for _ in range(2))
    assert first == second
    assert first.owner == ""
    assert make_ownership(settings(tmp_path / "other", foreground=False)).engine != first.engine


def test_each_faas_run_owns_what_it_makes_alone(tmp_path: Path) -> None:
    mine = make_ownership(settings(tmp_path, foreground=True))
    other = Ownership(mine.engine, "somebody:else")
    assert mine.is_ours(mine.labels)
    assert not mine.is_ours(other.labels)
    assert mine.name != other.name


def test_a_background_engine_leaves_alone_what_a_faas_run_made_on_the_same_state(tmp_path: Path) -> None:
    background = make_ownership(settings(tmp_path, foreground=False))
    assert not background.is_ours(make_ownership(settings(tmp_path, foreground=True)).labels)


def test_what_belongs_to_a_deleted_state_is_forsaken(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    labels = make_ownership(settings(state, foreground=False)).labels
    assert not is_forsaken(labels)
    state.rmdir()
    assert is_forsaken(labels)


def test_a_living_faas_run_has_not_forsaken_anything(tmp_path: Path) -> None:
    assert not is_forsaken(make_ownership(settings(tmp_path, foreground=True)).labels)
    assert not is_forsaken({})
