"""How long the steps of a build took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from faas_builders.builder import Step


class Clock:
    def __init__(self) -> None:
        self.timings: tuple[tuple[Step, float], ...] = ()

    @contextmanager
    def step(self, step: Step) -> Iterator[None]:
        """Add the time that the block takes; a step that comes again adds up."""
        started = time.monotonic()
        yield
        known = dict(self.timings)
        known[step] = known.get(step, 0.0) + time.monotonic() - started
        self.timings = tuple(known.items())
