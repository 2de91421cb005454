"""What a deploy has found out, as values: what would stop it, and what has not become ready. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from faas.project.manifests.references import Reference


@dataclass(frozen=True, slots=True)
class FieldConflict:
    """A field of an object that another field manager owns with another value."""

    kind: str
    name: str
    owner: str  # kubectl-edit
    field: str  # .spec.template.spec.timeoutSeconds

    def __str__(self) -> str:
        return f"{self.name} ({self.kind}): {self.field} is {self.owner}'s"


@dataclass(frozen=True, slots=True)
class Missing:
    reference: Reference
    users: tuple[str, ...]  # who names it
    whole: bool  # not only its key

    def __str__(self) -> str:
        kind, name = self.reference.kind.kind, self.reference.name
        what = f"there is no {kind} {name}" if self.whole else f"{kind} {name} has no key {self.reference.key}"
        if self.reference.pulls:
            return f"{what}, with which the image of {', '.join(self.users)} would be pulled"
        return f"{what}, which {', '.join(self.users)} needs"


@dataclass(frozen=True, slots=True)
class Failure:
    """One Service that did not become ready. `logs`: the last lines of its newest instance."""

    service: str
    reason: str
    message: str
    revision: str = ""
    logs: tuple[str, ...] = ()
    advice: str = ""  # what helps against this


@dataclass(frozen=True, slots=True)
class Kept:
    """A Service of a deploy that failed, and who serves it still, as its server says."""

    service: str
    traffic: str  # hello-00001 100 %

    def __str__(self) -> str:
        return f"{self.service} ({self.traffic})" if self.traffic else self.service


@dataclass(frozen=True, slots=True)
class EventFailure:
    """A Trigger, a source or a DomainMapping that is not ready."""

    kind: str
    name: str
    reason: str
    message: str

    def __str__(self) -> str:
        first_line = self.message.partition("\n")[0]
        return f"{self.name} ({self.kind}) is not ready: {f'{self.reason}: {first_line}'.strip(': ')}"
