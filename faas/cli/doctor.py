"""`faas doctor`: is this machine fit, and what to do about it where it is not."""

from __future__ import annotations

from pathlib import Path

import click

from faas.cli.connection import find_state
from faas.cli.options import output_option, state_option
from faas.cli.output import print_data

_MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "error": ("✗", "red")}


@click.command(short_help="Check this machine and say how to repair what is wrong.")
@output_option
@state_option
def command(output: str | None, state: Path | None) -> int:
    """Check Python, uv, the platform, limits, ports, the state directory, the engine, events, and what containers need.

    \b
    Examples:
      faas doctor
      faas doctor -o json
    """
    from faas.cli.checks import run_checks

    checks = run_checks(find_state(state))
    if output:
        print_data([{"name": c.name, "status": c.status, "found": c.found, "fix": c.fix} for c in checks], output)
    else:
        for check in checks:
            mark, colour = _MARKS[check.status]
            click.echo(f"{click.style(mark, fg=colour)} {check.name:<11} {check.found}")
            if check.fix:
                click.echo(f"  {'':<11} {check.fix}")
    return 1 if any(check.status == "error" for check in checks) else 0
