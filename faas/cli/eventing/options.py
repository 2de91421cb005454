"""Options of the commands about events, and times as they are written there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_BROKER = "default"


def broker_option(function: F) -> F:
    return click.option(
        "--broker", "-b", metavar="NAME", default=DEFAULT_BROKER, show_default=True, help="The Broker."
    )(function)


def wide_option(function: F) -> F:
    return click.option(
        "--output", "-o", type=click.Choice(("json", "yaml", "wide")), help="Data, or a wider table."
    )(function)  # fmt: skip


def parse_moment(text: str, option: str) -> str:
    """`10m`: that long ago; or a time such as 2026-11-23T12:00:00Z; as RFC 3339."""
    from faas.resources import durations

    try:
        moment = datetime.now(UTC) - timedelta(seconds=durations.parse(text))
    except (ValueError, OverflowError):
        try:
            moment = datetime.fromisoformat(text).astimezone(UTC)
        except ValueError:
            message = f"{text!r} is neither a duration (30s, 10m, 2h) nor a time (2026-11-23T12:00:00Z)"
            raise click.BadParameter(message, param_hint=option) from None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
