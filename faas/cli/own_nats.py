"""The NATS server that FAAS_NATS_URL names: whether that can be one, and whether it is there."""

from __future__ import annotations

import os
import socket
from urllib.parse import urlsplit

import click

from faas.cli.errors import CommandError

_PORTS = {"nats": 4222, "tls": 4222, "ws": 80, "wss": 443}
_PATIENCE_S = 1.0


def addresses_of(url: str) -> list[tuple[str, int]]:
    """Host and port of each server in it. Raises: CommandError: it names none."""
    return [_address(part.strip()) for part in url.split(",")]


def _address(text: str) -> tuple[str, int]:
    try:
        parts = urlsplit(text if "://" in text else f"nats://{text}")
        if parts.scheme in _PORTS and parts.hostname:
            return parts.hostname, parts.port or _PORTS[parts.scheme]
    except ValueError:
        pass  # the port is none
    named = text.rpartition("@")[2]  # no password
    raise CommandError(f"FAAS_NATS_URL: {named!r} is no address of a NATS server", "Write it as  nats://HOST:4222")


def warn_of_nats() -> None:
    """Say so when no server of FAAS_NATS_URL can be reached: it may be started later. Raises: CommandError."""
    if (url := os.environ.get("FAAS_NATS_URL", "")) and (why := trouble_of(url)):
        click.echo(f"warning: FAAS_NATS_URL: {why}; no event is taken until that server answers", err=True)


def trouble_of(url: str) -> str:
    """Why none of its servers can be reached now; "" when one can. Raises: CommandError: it names none."""
    why = ""
    for host, port in addresses_of(url):
        try:
            socket.create_connection((host, port), _PATIENCE_S).close()
        except OSError as error:
            why = why or f"{host}:{port}: {error.strerror or error}"
        else:
            return ""
    return why
