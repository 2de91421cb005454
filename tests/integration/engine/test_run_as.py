"""`faas up --run-as USER`: the engine is root, functions are not, and what is the engine's stays out of their reach."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can run functions as another user")

USER, UID = "nobody", 65534
ROOT = Path(__file__).parents[3]
CODE = """
import os
from pathlib import Path
from faas import function

IMPORTED_BY = os.getuid()

def reach(path):
    try:
        Path(path).open("rb").close()
        return True
    except OSError:
        return False

@function
def who(state: str) -> dict:
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    private = ("state.db", "state.db-wal", "kubeconfig", "tls/token", "tls/ca.key", "tls/server.pem", "engine.json")
    home = Path(os.environ["HOME"])
    return {
        "uid": os.getresuid(), "gid": os.getresgid(), "groups": os.getgroups(), "imported": IMPORTED_BY,
        "no_new_privs": int(status["NoNewPrivs"]), "capabilities": int(status["CapEff"], 16),
        "home_is_own": home.is_dir() and home.stat().st_uid == os.getuid(),
        "reached": [name for name in private if reach(Path(state) / name)],
        "listed": os.access(state, os.R_OK), "gateway": os.access(os.environ["FAAS_GATEWAY"][5:], os.W_OK),
    }
"""


@dataclass
class Machine:
    """A Python that everybody may read, and folders that everybody may enter."""

    python: str
    folder: Path

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def faas(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        path = [ROOT, ROOT / "runtime", ROOT / "builders", sysconfig.get_path("purelib")]
        env = {
            **os.environ, "PYTHONPATH": os.pathsep.join(map(str, path)), "XDG_CACHE_HOME": str(self.folder / "cache"),
            "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", str(Path.home() / ".cache" / "uv")),
        }  # fmt: skip
        env.pop("VIRTUAL_ENV", None)
        command = [self.python, "-m", "faas.cli.main", *map(str, arguments), "--state", str(self.state)]
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=100, check=False)


@pytest.fixture
def machine() -> Iterator[Machine]:
    major, minor = sys.version_info[:2]
    for python in (sys.executable, f"/usr/bin/python{major}.{minor}"):
        if not os.path.exists(python):
            continue
        probe = [os.path.realpath(python), "-I", "-S", "-c", "import json"]
        try:
            subprocess.run(probe, user=UID, group=UID, extra_groups=[], cwd="/", check=True)
        except (PermissionError, subprocess.CalledProcessError):
            continue
        break
    else:
        pytest.skip(f"no Python {major}.{minor} on this machine that the user {USER} may read")
    folder = Path(tempfile.mkdtemp(prefix="faas-as-"))
    folder.chmod(0o755)
    found = Machine(python, folder)
    yield found
    found.faas("down")
    shutil.rmtree(folder)


def test_functions_are_another_user_and_reach_nothing_of_the_engines(machine: Machine) -> None:
    project = machine.folder / "who"
    project.mkdir()
    (project / "main.py").write_text(CODE)
    up = machine.faas("up", "--port", "0", "--run-as", USER)
    assert up.returncode == 0, up.stderr
    assert f"run as      {USER}\n" in up.stdout
    deployed = machine.faas("deploy", project)
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr

    url = json.loads(machine.faas("status", "-o", "json").stdout)["publicURL"]
    answer = httpx.get(f"{url}/_/default/who/", params={"state": str(machine.state)}, timeout=30)

    assert answer.json() == {
        "uid": [UID] * 3,
        "gid": [65534] * 3,
        "groups": [],
        "imported": UID,
        "no_new_privs": 1,
        "capabilities": 0,
        "home_is_own": True,
        "reached": [],
        "listed": False,
        "gateway": True,
    }
    assert json.loads(machine.faas("status", "-o", "json").stdout)["runAs"] == USER
    checks = {check["name"]: check for check in json.loads(machine.faas("doctor", "-o", "json").stdout)}
    assert (checks["user"]["status"], checks["user"]["found"]) == ("ok", f"functions run as {USER}")


def test_a_state_that_the_user_cannot_enter_is_refused_before_anything_starts(machine: Machine) -> None:
    machine.folder.chmod(0o700)

    refused = machine.faas("up", "--port", "0", "--run-as", USER)

    assert refused.returncode == 1
    assert f"that user cannot enter {machine.folder}" in refused.stderr
    assert not machine.state.exists()


def test_an_unknown_user_is_refused(machine: Machine) -> None:
    refused = machine.faas("up", "--port", "0", "--run-as", "nobody-of-that-name")

    assert refused.returncode == 1
    assert "there is no such user" in refused.stderr


def test_who_is_not_told_whom_to_run_functions_as_is_warned(machine: Machine) -> None:
    up = machine.faas("up", "--port", "0")

    assert "warning: functions run as root" in up.stderr
    checks = {check["name"]: check for check in json.loads(machine.faas("doctor", "-o", "json").stdout)}
    assert checks["user"]["status"] == "warning"
