"""What `faas run` and `faas up` ask of an engine, and what to say when it cannot start."""

from __future__ import annotations

import ipaddress
import os
from importlib.metadata import version
from pathlib import Path

from faas.cli.errors import CommandError
from faas.client.places.state import resolve_state
from faas.engine.supervisor.errors import AddressRefused, Died, PortInUse, StartError, StateInUse
from faas.engine.supervisor.plan import Plan
from faas.engine.supervisor.start import runtime_dir

TLS = tuple[Path, Path]  # certificate, key


def check_exposure(host: str, tls: TLS | None, *, insecure: bool) -> None:
    """Raises: CommandError: the functions would be open to the network in clear."""
    if tls is None and not insecure and not is_loopback(host):
        raise CommandError(
            f"--host {host} lets other machines in, and nothing would be encrypted",
            "Give a certificate:  --tls CERT KEY     (or accept it:  --insecure)",
        )


def check_durability(durability: str) -> None:
    """Raises: CommandError: it is not ours to choose."""
    if durability == "fsync" and os.environ.get("FAAS_NATS_URL"):
        raise CommandError(
            "--durability is of the engine's own nats-server, and FAAS_NATS_URL names another one",
            "Set it there:  jetstream { sync_interval: always }",
        )


def make_plan(
    state_dir: Path,
    *,
    host: str,
    port: int,
    tls: TLS | None,
    foreground: bool = False,
    ephemeral: bool = False,
    zygote_budget_bytes: int | None = None,
    run_as: str = "",
) -> Plan:
    certificate, key = (str(path.resolve()) for path in tls) if tls else ("", "")
    plan = Plan(
        state_dir=str(state_dir),
        runtime_dir=str(runtime_dir(state_dir, os.environ)),
        version=version("faas"),
        host=host,
        port=port,
        foreground=foreground,
        ephemeral=ephemeral,
        tls_cert=certificate,
        tls_key=key,
        run_as=run_as,
    )
    if run_as:  # a session's folder lets nobody else in
        plan = plan._replace(runtime_dir=str(runtime_dir(state_dir, {})))
    if foreground:
        plan = plan._replace(drain_s=2.0, stop_s=6.0)  # somebody waits for the prompt
    if ephemeral:  # making certificates takes longer than all the rest of a start
        shared = resolve_state(None, os.environ).path / "run-tls"
        if _can_be_written(shared):
            plan = plan._replace(shared_certificates_dir=str(shared))
    if zygote_budget_bytes is not None:
        plan = plan._replace(zygote_budget_bytes=zygote_budget_bytes)
    return plan


def explain_start(error: StartError, command: str, *, mqtt_port: int = 0) -> CommandError:
    """Args: command: what was called, to show what to call instead: `faas run`."""
    message = f"cannot start the engine: {error}"
    facts = error.facts
    match error:
        case PortInUse():
            other = facts["port"] + 1 if facts["port"] < 65535 else 0
            option = "--mqtt" if facts["port"] == mqtt_port and mqtt_port else "--port"
            return CommandError(message, f"Stop that process, or choose another port:  {command} {option} {other}")
        case StateInUse():
            state = facts["state_dir"]
            return CommandError(
                message, f"See what it serves:  faas status --state {state}\nOr end it:  faas down --state {state}"
            )
        case AddressRefused():
            return CommandError(message, "Name an address of this machine, and a port above 1023")
        case Died():
            return CommandError(
                message, "Check this machine:  faas doctor --context local", f"its log ends with:\n{facts['log']}"
            )
    return CommandError(message)


def _can_be_written(folder: Path) -> bool:
    """Whether it is there, or can be made, and takes files of ours."""
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    return os.access(nearest, os.W_OK | os.X_OK)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
