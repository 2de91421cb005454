"""Why a deploy did not come to its end.

DeployError
├── NotReady         a Service or its new revision failed, or took too long
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
