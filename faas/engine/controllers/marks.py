"""Marking one condition after another. Pure."""

from __future__ import annotations

from datetime import datetime

from faas.engine.controllers.addressing import Unresolved
from faas.resources.conditions import ConditionSet
from faas.resources.meta import Conditions, ConditionStatus


class Marks:
    """The conditions of an object as they become; of several that are not True, the last marked is Ready's reason."""

    def __init__(self, kind: ConditionSet, conditions: Conditions, now: datetime) -> None:
        self._kind, self._now = kind, now
        self.conditions = kind.initialize(conditions, now)

    def set(self, type: str, status: ConditionStatus, reason: str = "", message: str = "") -> None:
        self.conditions = self._kind.mark(self.conditions, type, status, reason, message, now=self._now)

    def true(self, *types: str) -> None:
        for type in types:
            self.set(type, "True")

    def unless(self, type: str, found: str | Unresolved, reason: str = "") -> None:
        """True when there is a URL, else why there is none; `reason` instead of the resolver's own."""
        if isinstance(found, Unresolved):
            self.set(type, found.status, reason or found.reason, found.message)
        else:
            self.set(type, "True")
