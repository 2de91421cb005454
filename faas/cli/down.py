"""`faas down`: end the engine of a state, also what one that was killed has left."""

from __future__ import annotations

import os
from pathlib import Path

import click

from faas.cli.options import state_option

_PATIENCE_S = 75.0  # the gateway may finish what it holds for 30 s, instances end after it


@click.command("down")
@state_option
def command(state: Path | None) -> None:
    """Stop the engine: requests finish first. What is deployed comes back with `faas up`."""
    from faas.cli.connection import find_state
    from faas.engine.supervisor.start import clear_containers, clear_leftovers, find, runtime_dir, stop

    folder = find_state(state).path
    engine = find(folder)
    if engine is None:
        ended = sum(clear_leftovers(path) for path in {runtime_dir(folder, os.environ), runtime_dir(folder, {})})
        (folder / "engine.json").unlink(missing_ok=True)
        left = f"; ended {ended} processes that one had left" if ended else ""
        containers = clear_containers(folder)
        click.echo(f"no engine runs on {folder}{left}{containers and f'; {containers}'}", err=True)
        return
    graceful = stop(engine, patience_s=_PATIENCE_S)
    if not graceful:
        clear_containers(folder)
    (folder / "engine.json").unlink(missing_ok=True)
    click.echo(f"stopped the engine of {folder}{'' if graceful else ' (it had to be killed)'}", err=True)
