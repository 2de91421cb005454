"""Who may be let in, and what is said when an engine cannot start."""

from __future__ import annotations

from pathlib import Path

import pytest

from faas.cli.engine_options import check_exposure, explain_start, make_plan
from faas.cli.errors import CommandError
from faas.cli.systemd import make_unit, unit_name
from faas.engine.supervisor.errors import PortInUse, StateInUse


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_loopback_needs_no_encryption(host: str) -> None:
    check_exposure(host, None, insecure=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.2", "::", "example.org"])
def test_other_machines_are_let_in_only_with_tls_or_when_told_so(host: str) -> None:
    with pytest.raises(CommandError, match="lets other machines in"):
        check_exposure(host, None, insecure=False)
    check_exposure(host, None, insecure=True)
    check_exposure(host, (Path("c"), Path("k")), insecure=False)


def test_a_taken_port_comes_with_another_one() -> None:
    explained = explain_start(PortInUse("127.0.0.1", 8080, 4121, "uvicorn"), "faas run")

    assert str(explained) == "cannot start the engine: 127.0.0.1:8080 is in use by pid 4121 (uvicorn)"
    assert explained.hint == "Stop that process, or choose another port:  faas run --port 8081"


def test_a_state_in_use_comes_with_the_way_to_end_it() -> None:
    assert "faas down --state /s" in explain_start(StateInUse("/s", 12), "faas up").hint


def test_a_unit_runs_the_supervisor_and_stays_down_when_ended() -> None:
    plan = make_plan(Path("/home/a/state"), host="127.0.0.1", port=8080, tls=None)

    unit = make_unit(plan, Path("/home/a/state/plan.json"))

    assert "-m faas.engine.supervisor /home/a/state/plan.json\n" in unit
    assert "Type=notify\n" in unit
    assert "Restart=on-failure\n" in unit
    odd = make_unit(plan._replace(state_dir="/home/a b/100%"), Path('/home/a b/100%/$x"y/plan.json'))
    assert '-m faas.engine.supervisor "/home/a b/100%%/$$x\\"y/plan.json"\n' in odd
    assert "StandardOutput=append:/home/a b/100%%/logs/engine.log\n" in odd
    assert unit_name(Path("/a/faas"), Path("/a/faas")) == "faas.service"
    assert unit_name(Path("/b/staging"), Path("/a/faas")) == "faas-staging.service"
