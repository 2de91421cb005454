"""Figures, their table and their JSON."""

from __future__ import annotations

import json
import platform
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results" / "latest.json"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number. With a peer, what counts is `ours / peer`; without one, `ours` itself."""

    name: str
    ours: float
    unit: str
    wanted: float
    better: Literal["more", "less"]
    peer_name: str = ""
    peer: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        return self.ours / self.peer if self.peer else None

    @property
    def reached(self) -> bool:
        value = self.ours if self.peer is None else self.ours / self.peer
        return value >= self.wanted if self.better == "more" else value <= self.wanted


def _number(value: float, unit: str) -> str:
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"


def machine() -> str:
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    return f"{model}, Python {platform.python_version()}, Linux {platform.release()}"


def publish(figures: list[Figure]) -> None:
    """Print the table and write bench/results/latest.json."""
    table = Table(title=f"{time.strftime('%Y-%m-%d')} · {machine()}")
    for column in ("what", "faas", "peer", "ratio", "wanted", ""):
        table.add_column(column, overflow="fold")
    for figure in figures:
        ratio = figure.ratio
        sign = "≥" if figure.better == "more" else "≤"
        wanted = (
            f"{sign} {figure.wanted:g}×" if figure.peer is not None else f"{sign} {_number(figure.wanted, figure.unit)}"
        )
        table.add_row(
            figure.name + (f" ({figure.note})" if figure.note else ""),
            _number(figure.ours, figure.unit),
            f"{figure.peer_name} {_number(figure.peer, figure.unit)}" if figure.peer is not None else "",
            f"{ratio:.2f}×" if ratio is not None else "",
            wanted,
            "[green]reached[/]" if figure.reached else "[red]missed[/]",
        )
    Console(width=150).print(table)
    RESULTS.parent.mkdir(exist_ok=True)
    rows = [asdict(figure) | {"ratio": figure.ratio, "reached": figure.reached} for figure in figures]
    RESULTS.write_text(
        json.dumps({"when": time.strftime("%FT%TZ", time.gmtime()), "machine": machine(), "figures": rows}, indent=1)
    )
