"""The seam to whatever makes images: what it is asked, what it answers, and the steps it goes through."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

Step = Literal["resolve", "layers", "config"]

Report = Callable[[Step, str], None]
"""Called with the step and one line of what it does, in the order of the steps."""


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """An image of the project in folder `project`, to be called `faas.local/NAME:TAG`."""

    project: Path
    name: str
    python: Path  # the interpreter that will run it
    tag: str = "latest"
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BuiltLayer:
    name: str  # deps, runtime, app
    digest: str
    size_bytes: int  # compressed
    reused: bool  # it was there already


@dataclass(frozen=True, slots=True)
class BuildResult:
    reference: str  # with the digest: what a manifest names
    digest: str
    layers: tuple[BuiltLayer, ...]


class Builder(Protocol):
    def build(self, request: BuildRequest, report: Report = ...) -> BuildResult:
        """Make the image. The same inputs give the same digest. Raises: BuildError."""
        ...


def silent(step: Step, line: str) -> None:
    """The report of who does not want one."""
