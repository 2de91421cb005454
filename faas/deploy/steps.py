"""The steps of a build and of a deploy, with a log and a timing each; whoever shows them listens.

This is the seam at which steps become a pipeline's tasks: a step has a name, ends well or not, and says what it does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from faas_builders.builder import Report
from faas_builders.builder import Step as BuildStep

Name = BuildStep | Literal["objects", "brokers", "apply", "wait", "traffic", "domains", "events", "prune"]
StepState = Literal["running", "done", "failed"]


@dataclass(slots=True)
class Step:
    name: Name
    started_s: float
    state: StepState = "running"
    ended_s: float | None = None
    lines: list[str] = field(default_factory=list)

    @property
    def took_s(self) -> float | None:
        return None if self.ended_s is None else self.ended_s - self.started_s


Listener = Callable[[Step, str], None]
"""Called with the step and what it just said; with "" when its state changed."""


class Steps:
    """Runs one step after another, and remembers what each said and how long it took."""

    def __init__(
        self, listener: Listener = lambda step, line: None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._listener, self._clock = listener, clock
        self.done: list[Step] = []

    @contextmanager
    def step(self, name: Name) -> Iterator[Callable[[str], None]]:
        """Run the block as step `name`; it logs with what is yielded, and fails when it raises."""
        step = self._begin(name)
        try:
            yield lambda line: self._say(step, line)
        except BaseException:
            self._end(step, "failed")
            raise
        self._end(step, "done")

    @contextmanager
    def reported(self, *skip: BuildStep) -> Iterator[Report]:
        """Steps that a builder reports while the block runs: each lasts until the next one begins.

        Args: skip: those that nobody needs to see.
        """
        current: Step | None = None

        def report(name: BuildStep, line: str) -> None:
            nonlocal current
            if name in skip:
                return
            if current is None or (current.name != name and name != "config"):  # writing it takes no time of its own
                if current is not None:
                    self._end(current, "done")
                current = self._begin(name)
            self._say(current, line)

        try:
            yield report
        except BaseException:
            if current is not None:
                self._end(current, "failed")
            raise
        if current is not None:
            self._end(current, "done")

    def _begin(self, name: Name) -> Step:
        step = Step(name, self._clock())
        self.done.append(step)
        self._listener(step, "")
        return step

    def _say(self, step: Step, line: str) -> None:
        step.lines.append(line)
        self._listener(step, line)

    def _end(self, step: Step, state: StepState) -> None:
        step.state, step.ended_s = state, self._clock()
        self._listener(step, "")
