"""`faas doctor`: is this machine, or a cluster, fit, and what to do about it where it is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from faas.cli.options import namespace_option, output_option, target_option
from faas.cli.output import print_data
from faas.cli.placed import in_context, placed

if TYPE_CHECKING:
    from faas.client.places.targets import Target

_MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "error": ("✗", "red"), "unknown": ("?", "blue")}


@click.command(short_help="Check this machine, or a cluster, and say how to repair what is wrong.")
@click.option(
    "--registry", metavar="HOST/FOLDER", default="", help="Where a cluster's images would go.  [default: stage's]"
)
@namespace_option
@output_option
@target_option
def command(registry: str, namespace: str, output: str | None, target: Target) -> int:
    """Check this machine: Python, uv, limits, ports, state, the engine, events, and what containers need.

    With a cluster (--context, --stage): can it be reached, has it Knative in a version and with the settings that the
    project of this folder needs, may you deploy to the namespace, and push to the registry from here. What may not be
    read is shown as unknown (?).
    Nothing is changed. The exit code is 1 when something is wrong.

    \b
    Examples:
      faas doctor
      faas doctor --context staging
      faas doctor --context staging --registry registry.example.org/team
      faas doctor --stage production -o json
    """
    if target.is_local:
        if registry:
            raise click.UsageError("--registry is for a cluster (--context, --stage): the engine's images stay here")
        from faas.cli.checks.machine import run_checks

        checks = run_checks(target.state)
    else:
        from faas.cli.checks import cluster

        checks = cluster.run_checks(target, Path.cwd(), registry)
        checks = [replace(check, fix=in_context(check.fix, target.context)) for check in checks]
    checks = [replace(check, fix=placed(check.fix, target.flags)) for check in checks]
    if output:
        print_data([{"name": c.name, "status": c.status, "found": c.found, "fix": c.fix} for c in checks], output)
    else:
        width = max(11, *(len(check.name) for check in checks))
        for check in checks:
            mark, colour = _MARKS[check.status]
            click.echo(f"{click.style(mark, fg=colour)} {check.name:<{width}} {check.found}")
            for line in check.fix.splitlines():
                click.echo(f"  {'':<{width}} {line}")
    return 1 if any(check.status == "error" for check in checks) else 0
