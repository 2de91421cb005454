"""`faas up`: the engine in the background."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from faas.cli.mqtt_options import MqttDoor, mqtt_options
from faas.cli.options import state_option

if TYPE_CHECKING:
    from faas.engine.supervisor.plan import Plan

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("up")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0: any free one.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--tls", nargs=2, type=_FILE, metavar="CERT KEY", help="Serve HTTPS with this certificate.")
@click.option("--insecure", is_flag=True, help="Listen beyond this machine without TLS.")
@click.option("--api-port", type=click.IntRange(1, 65535), help="The Kubernetes API's port; a state keeps its own.")
@click.option("--zygote-memory", metavar="SIZE", default="512Mi", show_default=True,
              help="Memory for revisions that are kept warm.")  # fmt: skip
@click.option("--run-as", metavar="USER", default="", help="Whom functions run as, when the engine is root.")
@click.option("--durability", type=click.Choice(("os", "fsync")), default="os", show_default=True,
              help="Stored events survive any process's death (os), or a power cut too (fsync, slower).")  # fmt: skip
@mqtt_options
@click.option("--install", is_flag=True, help="Start it now and at each login, as a systemd user unit.")
@state_option
def command(
    port: int,
    host: str,
    tls: tuple[Path, Path] | None,
    insecure: bool,
    api_port: int | None,
    zygote_memory: str,
    run_as: str,
    durability: str,
    mqtt: int | None,
    mqtt_users: Path | None,
    mqtt_host: str,
    install: bool,
    state: Path | None,
) -> None:
    """Start the engine in the background; it goes on where it was.

    \b
    Examples:
      faas up
      faas up --port 8081 --state ~/staging
      faas up --mqtt 1883 --mqtt-users devices.txt --durability fsync

    \b
    Environment:
      FAAS_NATS_URL  keep events on this NATS server (with JetStream) instead of one of the engine's own
    """
    from faas.cli.connection import find_state
    from faas.cli.engine_options import check_durability, check_exposure, make_plan
    from faas.cli.own_nats import warn_of_nats
    from faas.resources.quantities import bytes_of

    check_exposure(host, tls, insecure=insecure)
    check_durability(durability)
    warn_of_nats()
    door = MqttDoor(mqtt, mqtt_host, mqtt_users)
    door.check(insecure=insecure)
    folder = find_state(state).path
    if run_as:
        from faas.cli.running_as import check_user

        check_user(run_as, folder)
    try:
        budget = bytes_of(zygote_memory)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--zygote-memory") from error
    plan = make_plan(folder, host=host, port=port, tls=tls, zygote_budget_bytes=budget, run_as=run_as)
    if api_port is not None:
        plan = plan._replace(api_port=api_port)
    plan = door.open_in(plan._replace(durability=durability))
    if install:
        from faas.cli.systemd import install_unit

        install_unit(plan)
    else:
        _start(plan)


def _start(plan: Plan) -> None:
    from faas.cli.engine_options import explain_start
    from faas.client.places.state import State
    from faas.engine.supervisor.errors import StartError
    from faas.engine.supervisor.start import launch

    try:
        engine = launch(plan).wait_ready()
    except StartError as error:
        raise explain_start(error, "faas up", mqtt_port=plan.mqtt_port) from error
    kept = State(Path(plan.state_dir))
    click.echo(f"functions   {engine.public_url}     http://NAME.NAMESPACE.localhost:{engine.public_port}")
    click.echo(f"API         {engine.api_url}    {kept.kubeconfig}")
    click.echo(f"state       {kept.path}")
    if engine.mqtt:
        click.echo(f"MQTT        mqtt://{engine.mqtt}     {'with' if plan.mqtt_users else 'without'} passwords")
    if plan.run_as:
        click.echo(f"run as      {plan.run_as}")
    elif os.geteuid() == 0:
        click.echo("warning: functions run as root; choose another user:  faas up --run-as USER", err=True)
    click.echo(f"\nNext:  faas deploy{_state_option(plan)}", err=True)


def _state_option(plan: Plan) -> str:
    from faas.client.places.state import resolve_state

    return "" if str(resolve_state(None, os.environ).path) == plan.state_dir else f" --state {plan.state_dir}"
