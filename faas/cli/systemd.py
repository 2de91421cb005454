"""A systemd user unit that keeps an engine running."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import click

from faas.cli.errors import CommandError
from faas.engine.supervisor.plan import Plan
from faas.engine.supervisor.start import supervisor_command


def unit_name(state_dir: Path, default: Path) -> str:
    """`faas.service`, and one more unit for each further state directory."""
    return "faas.service" if state_dir == default else f"faas-{state_dir.name}.service"


def make_unit(plan: Plan, plan_path: Path) -> str:
    command = " ".join(_word(argument) for argument in supervisor_command(str(plan_path)))
    return f"""[Unit]
Description=faas: Python functions on this machine

[Service]
Type=notify
ExecStart={command}
# Ended by `faas down` it stays down.
Restart=on-failure
RestartSec=1
# The supervisor ends what it started, from the outside in; systemd only takes care of the rest.
KillMode=mixed
TimeoutStopSec={int(plan.drain_s + 4 * plan.stop_s) + 5}
StandardOutput=append:{_escaped(plan.state_dir)}/logs/engine.log
StandardError=inherit

[Install]
WantedBy=default.target
"""


def _word(argument: str) -> str:
    """As systemd.service(5) reads a command line, which is not as a shell does."""
    quoted = argument.replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return _escaped(f'"{quoted}"' if quoted != argument or " " in argument else argument)


def _escaped(text: str) -> str:
    return text.replace("%", "%%")


def install_unit(plan: Plan) -> None:
    """Write, enable and start the unit. Raises: CommandError: this machine has no systemd for users."""
    from faas.client.places.state import resolve_state

    if shutil.which("systemctl") is None or not os.environ.get("XDG_RUNTIME_DIR"):
        raise CommandError(
            "there is no systemd user session here", "Start it without one:  faas up", "systemctl --user cannot be used"
        )
    state = Path(plan.state_dir)
    name = unit_name(state, resolve_state(None, os.environ).path)
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    path = config / "systemd" / "user" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    (state / "logs").mkdir(mode=0o700, parents=True, exist_ok=True)
    plan_path = state / "plan.json"
    # The unit's environment is not ours. The address may hold a password, which is nobody else's to read.
    with open(plan_path, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(plan._replace(nats_url=os.environ.get("FAAS_NATS_URL", "")).dump())
    path.write_text(make_unit(plan, plan_path))
    for arguments in (["daemon-reload"], ["enable", "--now", name]):
        done = subprocess.run(["systemctl", "--user", *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            raise CommandError(f"systemctl --user {' '.join(arguments)} failed", f"See:  {path}", done.stderr)
    click.echo(f"installed {path}")
    click.echo(
        f"\nNext:  systemctl --user status {name}     (at boot, without a login:  loginctl enable-linger)", err=True
    )
