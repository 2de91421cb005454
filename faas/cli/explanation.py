"""What a person reads when a command fails: what happened, why, what to do."""

from __future__ import annotations

from dataclasses import dataclass

import click

from faas.cli.terminal import harmless


@dataclass(frozen=True, slots=True)
class Explanation:
    message: str
    hint: str = ""
    details: str = ""

    def render(self, *, color: bool) -> str:
        parts = [click.style("error: ", fg="red", bold=True) + self.message if color else f"error: {self.message}"]
        if self.details:
            parts.append(_indented(self.details.rstrip()))
        if self.hint:
            parts.append(_indented(self.hint))
        return harmless("\n".join(parts))


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" if line else "" for line in text.splitlines())
