"""Why a deploy did not come to its end.

DeployError
├── NotReady         a Service or its new revision failed, or took too long
├── EventsNotReady   it serves, but a Trigger or a source is not ready
└── TrafficError     a split of traffic that cannot be
"""

from __future__ import annotations

from dataclasses import dataclass


class DeployError(Exception):
    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


class TrafficError(DeployError):
    """What was asked of the traffic makes no sense; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One Service that did not become ready. `logs`: the last lines of its newest instance."""

    service: str
    reason: str
    message: str
    revision: str = ""
    logs: tuple[str, ...] = ()


class NotReady(DeployError):
    def __init__(self, failures: tuple[Failure, ...], *, kept: tuple[str, ...] = ()) -> None:
        first = failures[0]
        more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
        super().__init__(f"{first.service} is not ready: {first.message or first.reason}{more}")
        self.failures: tuple[Failure, ...] = failures
        self.kept = kept  # services whose traffic stays on the revision that served before


@dataclass(frozen=True, slots=True)
class EventFailure:
    """A Trigger or a source that is not ready."""

    kind: str
    name: str
    reason: str
    message: str

    def __str__(self) -> str:
        first_line = self.message.partition("\n")[0]
        return f"{self.name} ({self.kind}) is not ready: {f'{self.reason}: {first_line}'.strip(': ')}"


class EventsNotReady(DeployError):
    """Nothing was taken back: the functions serve, and what is not ready goes on trying."""

    def __init__(self, failures: tuple[EventFailure, ...]) -> None:
        first = failures[0]
        word = "trigger" if first.kind == "Trigger" else "source"
        told = "\n  ".join(map(str, failures))
        super().__init__(
            f"the functions serve, but not all of their events come:\n  {told}",
            f"It goes on trying. See:  faas {word} describe {first.name}",
        )
        self.failures = failures
