"""The steps of a deploy, with a log and a timing each; whoever shows them listens.

This is the seam at which steps become a pipeline's tasks: a step has a name, ends well or not, and says what it does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

Name = Literal["resolve", "layers", "brokers", "apply", "wait", "traffic", "events"]
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
        step = Step(name, self._clock())
        self.done.append(step)
        self._listener(step, "")

        def log(line: str) -> None:
            step.lines.append(line)
            self._listener(step, line)

        try:
            yield log
        except BaseException:
            step.state = "failed"
            raise
        else:
            step.state = "done"
        finally:
            step.ended_s = self._clock()
            self._listener(step, "")
