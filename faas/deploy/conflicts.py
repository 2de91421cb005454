"""Fields that somebody else set and a deploy wants otherwise: who has which. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from faas.client.errors import Conflict

_OWNER = re.compile(r'conflicts? with "(?P<name>(?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class FieldConflict:
    """A field of an object that another field manager owns with another value."""

    kind: str
    name: str
    owner: str  # kubectl-edit
    field: str  # .spec.template.spec.timeoutSeconds

    def __str__(self) -> str:
        return f"{self.name} ({self.kind}): {self.field} is {self.owner}'s"


def conflicts_of(kind: str, name: str, error: Conflict) -> tuple[FieldConflict, ...]:
    """The fields in conflict; () for a conflict of another kind, as a stale version is."""
    return tuple(
        FieldConflict(kind, name, owner_of(cause.message), cause.field)
        for cause in error.causes
        if cause.reason == "FieldManagerConflict"
    )


def owner_of(message: str) -> str:
    """`conflict with "kubectl-edit" using serving.knative.dev/v1` is kubectl-edit's; words that say no name stay."""
    found = _OWNER.search(message)
    return found["name"] if found else message
