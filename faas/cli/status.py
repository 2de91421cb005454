"""`faas status`: the engine of a state and its parts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from faas.cli.errors import CommandError
from faas.cli.options import output_option, target_option

if TYPE_CHECKING:
    from faas.client.http.client import HttpClient
    from faas.client.places.targets import Target
    from faas.engine.supervisor.start import EngineFile


@click.command("status")
@output_option
@target_option
def command(output: str | None, target: Target) -> int:
    """Show the engine of this machine and its parts: addresses, processes, memory, functions.

    The exit code is 1 when no engine runs or one of its parts is missing.
    """
    from faas.cli.output import print_data
    from faas.engine.supervisor.start import find

    if not target.is_local:
        raise CommandError(
            f"status is of this machine's engine, and {target.context} is a cluster",
            f"What is deployed there:  faas list{target.flags}\n"
            f"Whether it is fit:       faas doctor{target.flags}\n"
            "This machine's engine:   faas status --context local",
        )
    kept = target.state
    engine = find(kept.path)
    report: dict[str, Any] = {"state": str(kept.path), "running": engine is not None}
    if engine is not None:
        report |= _processes(engine, events_used=kept.uses_events) | _functions(kept.path)
    if output:
        print_data(report, output)
    else:
        _print(report)
    return 0 if report.get("healthy") else 1


def _processes(engine: EngineFile, *, events_used: bool) -> dict[str, Any]:
    from faas.engine.supervisor.census import census

    members = census(engine.pid, engine.runtime_dir)
    roles = [member.role for member in members]
    missing = sorted(_needed(engine, events_used=events_used) - set(roles))
    return {
        "healthy": not missing,
        "missing": missing,
        "version": engine.version,
        "uptimeSeconds": int(time.time() - engine.started),
        "publicURL": engine.public_url,
        "apiURL": engine.api_url,
        "foreground": engine.foreground,
        "runAs": engine.run_as,
        "events": {
            "inUse": events_used,
            "nats": engine.nats,
            "own": engine.own_nats,
            "durability": engine.durability,
            "mqtt": engine.mqtt,
        },
        "memoryBytes": sum(member.memory_bytes for member in members),
        "processes": [{"role": m.role, "pid": m.pid, "memoryBytes": m.memory_bytes} for m in members],
    }


def _needed(engine: EngineFile, *, events_used: bool) -> set[str]:
    """Whose absence is trouble."""
    needed = {"gateway", "engine"}
    if events_used:
        needed.add("broker")
    if engine.own_nats and (events_used or engine.mqtt):
        needed.add("nats-server")
    return needed


def _functions(state: Path) -> dict[str, Any]:
    from faas.cli.connection import with_engine
    from faas.client.errors import ApiError
    from faas.client.kubeconfigs.files import KubeconfigError
    from faas.resources.kinds import POD, SERVICE

    async def ask(client: HttpClient) -> dict[str, Any]:
        services = (await client.list(SERVICE)).items
        pods = (await client.list(POD)).items
        return {"functions": len(services), "ready": sum(map(_is_ready, services)), "instances": len(pods)}

    try:
        return with_engine(state, ask)
    except (ApiError, KubeconfigError) as error:
        return {"healthy": False, "problem": str(error)}


def _is_ready(service: dict[str, Any]) -> bool:
    conditions = (service.get("status") or {}).get("conditions") or ()
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _print(report: dict[str, Any]) -> None:
    from faas.cli.output import note, print_table

    if not report["running"]:
        note(f"no engine runs on {report['state']}\n  Start it:  faas up")
        return
    click.echo(f"functions   {report['publicURL']}     http://NAME.NAMESPACE.localhost:{_port(report['publicURL'])}")
    click.echo(f"API         {report['apiURL']}")
    click.echo(f"state       {report['state']}")
    click.echo(f"run as      {report['runAs']}")
    for line in _events(report["events"]):
        click.echo(line)
    if report["missing"]:
        click.echo(f"missing     {', '.join(report['missing'])}; see {report['state']}/logs")
    if "functions" in report:
        click.echo(f"serving     {report['ready']} of {report['functions']} functions, {report['instances']} instances")
    else:
        click.echo(f"problem     {report['problem']}")
    click.echo(f"since       {_span(report['uptimeSeconds'])}, version {report['version']}\n")
    rows = [[str(p["role"]), str(p["pid"]), _mebibytes(p["memoryBytes"])] for p in report["processes"]]
    print_table(["process", "pid", "memory"], [*rows, ["total", "", _mebibytes(report["memoryBytes"])]], empty="")


def _events(events: dict[str, Any]) -> Iterator[str]:
    if events["inUse"]:
        kept = f"durability {events['durability']}" if events["own"] else "yours"
        yield f"events      nats://{events['nats']}, {kept}"
    if events["mqtt"]:
        yield f"MQTT        mqtt://{events['mqtt']}"


def _port(url: str) -> str:
    return url.rpartition(":")[2]


def _span(seconds: int) -> str:
    minutes, hours = seconds // 60 % 60, seconds // 3600
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m{seconds % 60:02}s"


def _mebibytes(size_bytes: int) -> str:
    return f"{size_bytes / 2**20:.1f} MiB"
