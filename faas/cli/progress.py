"""The steps of a build or a deploy as a person sees them: live on a terminal, plain lines anywhere else; on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from faas.cli.terminal import harmless
from faas.cli.texts import size_text
from faas.deploy.steps import Step, Steps

if TYPE_CHECKING:
    from faas_builders.builder import Report
    from faas_builders.builder import Step as BuildStep
    from rich.table import Table

_LIVE_S, _PLAIN_S = 0.2, 5.0  # a line that is replaced may come often, one that stays may not


@contextmanager
def shown_steps(*, quiet: bool = False) -> Iterator[Steps]:
    """Steps that show themselves while the block runs."""
    if quiet:
        yield Steps()
    elif sys.stderr.isatty():
        with _live() as steps:
            yield steps
    else:
        yield Steps(_plain)


def bytes_of(report: Report, step: BuildStep) -> Callable[[int, int], None]:
    """For who is told how many bytes of how many are done: a line of the step now and then."""
    every_s = _LIVE_S if sys.stderr.isatty() else _PLAIN_S
    next_s = time.monotonic() + every_s

    def tell(done: int, total: int) -> None:
        nonlocal next_s
        if time.monotonic() >= next_s:
            report(step, f"{size_text(done)} of {size_text(total)}")
            next_s = time.monotonic() + every_s

    return tell


def _plain(step: Step, line: str) -> None:
    if line:
        click.echo(f"{step.name}: {harmless(line)}", err=True)
    elif step.took_s is not None:
        click.echo(f"{step.name}: {step.state} in {step.took_s:.2f} s", err=True)


@contextmanager
def _live() -> Iterator[Steps]:
    from rich.console import Console
    from rich.live import Live

    display = _Display()
    with Live(console=Console(stderr=True), refresh_per_second=12, get_renderable=display.table) as live:

        def changed(step: Step, line: str) -> None:
            live.refresh()

        steps = Steps(changed)
        display.steps = steps
        yield steps


class _Display:
    """A row a step: its state, its name, the last thing it said, how long it took; below `wait`, a row a Service."""

    def __init__(self) -> None:
        self.steps: Steps | None = None

    def table(self) -> Table:
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2))
        table.add_column(width=1)
        table.add_column(style="bold", min_width=8)
        table.add_column(overflow="ellipsis", no_wrap=True, ratio=1)
        table.add_column(justify="right", style="dim")
        for step in self.steps.done if self.steps else ():
            took = step.took_s if step.took_s is not None else time.monotonic() - step.started_s
            lines = _latest_by_service(step) if step.name == "wait" and step.state == "running" else step.lines[-1:]
            table.add_row(self._mark(step), step.name, Text(_row(lines[0]) if lines else ""), f"{took:.1f} s")
            for line in lines[1:]:
                table.add_row("", "", Text(_row(line)), "")
        return table

    def _mark(self, step: Step) -> Any:
        from rich.spinner import Spinner
        from rich.text import Text

        if step.state == "running":
            return Spinner("dots", style="cyan")
        return Text("✓", style="green") if step.state == "done" else Text("✗", style="red")


def _row(line: str) -> str:
    """Without colours of its own, which rich would take for text."""
    return click.unstyle(harmless(line))


def _latest_by_service(step: Step) -> list[str]:
    return list({line.partition(":")[0]: line for line in step.lines}.values())
