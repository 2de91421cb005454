"""`faas run`: the project's functions on an engine of their own, in the foreground."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from faas.cli.mqtt_options import MqttDoor, mqtt_options

if TYPE_CHECKING:
    from faas.cli.dev.options import SessionOptions
    from faas.engine.supervisor.plan import Plan
    from faas.engine.supervisor.start import Running

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("run")
@click.argument("path", default=".", type=click.Path(path_type=Path))
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0: any free one.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--tls", nargs=2, type=_FILE, metavar="CERT KEY", help="Serve HTTPS with this certificate.")
@click.option("--insecure", is_flag=True, help="Listen beyond this machine without TLS.")
@click.option("--no-reload", is_flag=True, help="Do not deploy again when a file is saved.")
@click.option("--state", metavar="DIR", type=click.Path(file_okay=False, path_type=Path),
              help="Keep the engine's state here; without it the state is temporary.")  # fmt: skip
@click.option("--debug", is_flag=False, flag_value="5678", metavar="[PORT]", type=click.IntRange(1, 65000),
              help="Let each function wait for a debugger, on this port and those after it; no reloads.")  # fmt: skip
@click.option("--container", is_flag=True, help="Functions run as containers, each save as a new image.")
@mqtt_options
@click.option("--python", metavar="PATH", type=click.Path(exists=True, path_type=Path),
              help="The Python that runs the functions.")  # fmt: skip
def command(
    path: Path,
    port: int,
    host: str,
    tls: tuple[Path, Path] | None,
    insecure: bool,
    no_reload: bool,
    state: Path | None,
    debug: int | None,
    container: bool,
    mqtt: int | None,
    mqtt_users: Path | None,
    mqtt_host: str,
    python: Path | None,
) -> int:
    """Serve the functions of the project at PATH, and what you save there at once.

    The whole engine runs in the foreground and ends with Ctrl-C.

    \b
    Examples:
      faas run
      faas run examples/weather --port 8081
      faas run examples/iot --mqtt 1883
      faas run --container
    """
    from faas.cli.dev.options import SessionOptions
    from faas.cli.engine_options import check_exposure, make_plan
    from faas.cli.own_nats import warn_of_nats
    from faas.project.pyproject.settings import load_settings

    check_exposure(host, tls, insecure=insecure)
    warn_of_nats()
    load_settings(path)  # no project, no engine
    if container:
        if debug:
            raise click.UsageError("--debug is for functions that run as processes; leave --container out")
        from faas_builders.docker.engine import connect

        connect().close()  # no Docker, no containers
    door = MqttDoor(mqtt, mqtt_host, mqtt_users)
    door.check(insecure=insecure)
    folder = Path(os.path.abspath(state)) if state else Path(tempfile.mkdtemp(prefix="faas-run-"))
    plan = make_plan(folder, host=host, port=port, tls=tls, foreground=True, ephemeral=state is None)
    # A debugger finds no way into a container.
    how = True if container else (False if debug else None)
    options = SessionOptions(path, python, reload=not (no_reload or debug), container=how, debug_port=debug or 0)
    return _run(door.open_in(plan), options)


def _run(plan: Plan, options: SessionOptions) -> int:
    from faas.engine.supervisor.start import launch

    running = launch(plan)  # it starts while we import
    try:
        return _serve(plan, options, running)
    finally:
        running.end_and_wait()


def _serve(plan: Plan, options: SessionOptions, running: Running) -> int:
    import asyncio

    from rich.console import Console

    from faas.cli.dev.screen import Screen
    from faas.cli.dev.session import EngineEnded, Session
    from faas.cli.engine_options import explain_start
    from faas.cli.errors import CommandError
    from faas.client.places.state import State
    from faas.engine.supervisor.errors import StartError

    screen = Screen(Console(soft_wrap=True), Console(stderr=True, soft_wrap=True))
    if plan.mqtt_port:
        screen.note(f"Devices connect to mqtt://{plan.mqtt_host}:{plan.mqtt_port}")
    try:
        asyncio.run(Session(options, State(Path(plan.state_dir)), running, screen).run())
    except (KeyboardInterrupt, asyncio.CancelledError):
        screen.note("Ending; Ctrl-C again hurries.")
    except StartError as error:
        raise explain_start(error, "faas run", mqtt_port=plan.mqtt_port) from error
    except EngineEnded as error:
        raise CommandError(str(error), "", running.log_tail()) from error
    return 0
