"""What came back from a function: the body goes to stdout as it comes, all else to stderr."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from faas.cli.invoking.sending import Answer


@dataclass(frozen=True, slots=True)
class Exchange:
    answer: Answer
    took_ms: float  # until the answer began; finding the way there is not part of it
    via: str = ""  # the way that was taken, where it is worth telling


def show(exchange: Exchange, output: str | None) -> None:
    answer, took_ms = exchange.answer, exchange.took_ms
    if output:
        body = b"".join(answer.chunks()).decode(errors="replace")
        document = {"status": answer.status, "timeMs": round(took_ms, 1), "headers": answer.headers, "body": body}
        document |= {"via": exchange.via} if exchange.via else {}
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    colour = "green" if answer.status < 400 else "red"
    click.secho(f"{answer.status} {answer.reason}", fg=colour, err=True, nl=False)
    facts = (f"{took_ms:.1f} ms", answer.headers.get("content-type", ""), f"via {exchange.via}" if exchange.via else "")
    click.echo("  ".join(("", *filter(None, facts))), err=True)
    if event_type := answer.headers.get("ce-type"):  # a reply: its attributes are headers, its data is the body
        known = ("id", "source", "subject")
        said = [f"{name} {answer.headers[f'ce-{name}']}" for name in known if f"ce-{name}" in answer.headers]
        click.echo("  ".join((f"event {event_type}", *said)), err=True)
    last = b""
    for chunk in answer.chunks():
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
        last = chunk
    if last and not last.endswith(b"\n") and sys.stdout.isatty():
        click.echo()
