"""A Broker's events as lines, while they are stored."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from faas.cli.eventing.session import with_eventing
from faas.cli.output import is_terminal, note
from faas.cli.terminal import harmless

if TYPE_CHECKING:
    from faas.cli.eventing.wish import Wish
    from faas.client.places.targets import Target
    from faas.client.services.eventing import EventingClient

_PREVIEW = 160  # characters of a line that goes into a pipe or a file


def tail(target: Target, namespace: str, wish: Wish, *, as_json: bool) -> None:
    """Print them until somebody ends it, or so many were printed. Raises: CommandError."""
    from faas.resources.kinds import BROKER

    if not target.is_local:
        from faas.cli.eventing.tail_cluster import tail as tail_of_cluster

        tail_of_cluster(target, namespace, wish, lambda line: _print(line, as_json=as_json))
        return
    printed = 0

    async def work(eventing: EventingClient) -> None:
        nonlocal printed
        found = eventing.events(
            wish.broker, follow=wish.follow, limit=wish.limit, sinceTime=wish.since, **dict(wish.filters)
        )
        async for line in found:
            _print(line, as_json=as_json)
            printed += 1

    if wish.follow and is_terminal():
        note(f"events of Broker {wish.broker}; Ctrl-C ends this")
    try:
        with_eventing(target, namespace, (BROKER, wish.broker), work)
    except KeyboardInterrupt:
        return
    if not printed and not wish.follow:
        send = f"faas events send TYPE --data '{{}}'{target.flags}"
        note(f"Broker {wish.broker} has no such events; send one:  {send}")


def _print(line: Mapping[str, Any], *, as_json: bool) -> None:
    width = shutil.get_terminal_size().columns if is_terminal() else _PREVIEW
    click.echo(json.dumps(line["event"], ensure_ascii=False) if as_json else harmless(one_line(line, width)))
    sys.stdout.flush()  # into a pipe as well: somebody watches


def one_line(line: Mapping[str, Any], width: int) -> str:
    """Time, type, source, subject, id, and as much of the data as there is room for."""
    event = line["event"]
    moment = datetime.fromisoformat(line["storedTime"]).astimezone()
    told = [
        (moment.strftime("%H:%M:%S.%f")[:-3], {"dim": True}),
        (str(event["type"]), {"fg": "green"}),
        (str(event["source"]), {"fg": "cyan"}),
        *([(str(event["subject"]), {"fg": "yellow"})] if event.get("subject") else []),
        (str(event["id"]), {"dim": True}),
    ]
    used = sum(len(text) + 2 for text, _ in told)
    styled: list[str] = [click.style(text, **style) for text, style in told]  # type: ignore[arg-type]  # dict of words
    data = preview(event, max(20, width - used))
    return "  ".join([*styled, data] if data else styled)


def preview(event: Mapping[str, Any], room: int) -> str:
    """The data on one line, cut where there is no room."""
    if "data_base64" in event:
        text = str(event["data_base64"])
        size = len(text) // 4 * 3 - text[-2:].count("=")
        return f"({size} bytes of {event.get('datacontenttype', 'data')})"
    if "data" not in event:
        return ""
    data = event["data"]
    text = " ".join(data.split()) if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    text = "".join(char if char.isprintable() else "�" for char in text)
    return text if len(text) <= room else text[: room - 1] + "…"
