"""Why a deploy did not come to its end.

DeployError
├── NoNamespace      there is none of that name
├── KindMissing      the server does not have a kind: Knative, or a part of it, is not installed
├── QuotaExceeded    a namespace's quota has no room for it
├── FieldConflicts   others have set fields that the project wants otherwise; nothing was changed
├── NotReady         a Service or its new revision failed, or took too long
├── Overtaken        somebody else deployed the same meanwhile
├── DomainsNotReady  it serves, but not under all of its own names
├── EventsNotReady   it serves, but a Trigger or a source is not ready
└── TrafficError     a split of traffic that cannot be
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from faas.deploy.conflicts import FieldConflict
    from faas.resources.kinds import Kind


class DeployError(Exception):
    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


class TrafficError(DeployError):
    """What was asked of the traffic makes no sense; nothing was changed."""


class NoNamespace(DeployError):
    def __init__(self, namespace: str) -> None:
        make = f"kubectl create namespace {namespace}"
        super().__init__(f"there is no namespace {namespace}", f"Make it:  {make}     (or add --create-namespace)")
        self.namespace = namespace


_PRODUCTS = {
    "serving.knative.dev": "Knative Serving",
    "eventing.knative.dev": "Knative Eventing",
    "sources.knative.dev": "Knative Eventing, or the part of it that has this source,",
}


class KindMissing(DeployError):
    def __init__(self, kind: Kind) -> None:
        product = _PRODUCTS.get(kind.group, f"what makes {kind.group or 'core'} objects work")
        super().__init__(
            f"the cluster does not know {kind.kind} ({kind.api_version}): {product} is not installed there",
            "See what is:  faas doctor --context NAME",
        )
        self.kind = kind


class QuotaExceeded(DeployError):
    def __init__(self, name: str, sentence: str, hint: str) -> None:
        super().__init__(f"{name} is refused: {sentence}", hint)


class FieldConflicts(DeployError):
    """Found out before anything was changed, unless somebody was faster than the deploy."""

    def __init__(self, conflicts: Sequence[FieldConflict]) -> None:
        objects = len({(each.kind, each.name) for each in conflicts})
        told = "\n".join(f"  {each}" for each in conflicts)
        super().__init__(
            f"others have set what the project wants otherwise, in {objects} object{'s' * (objects != 1)}:\n{told}",
            "Have them give it up, or take it over:  add --force-conflicts",
        )
        self.conflicts: tuple[FieldConflict, ...] = tuple(conflicts)


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


class NotReady(DeployError):
    def __init__(self, failures: tuple[Failure, ...], *, kept: tuple[Kept, ...] = ()) -> None:
        first = failures[0]
        more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
        super().__init__(f"{first.service} is not ready: {first.message or first.reason}{more}")
        self.failures: tuple[Failure, ...] = failures
        self.kept = kept  # services that the revisions before this deploy still serve


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


class Overtaken(DeployError):
    """What was deployed is not what is there: two deploys of a project at once cannot both be."""

    def __init__(self, services: Sequence[str]) -> None:
        super().__init__(
            f"somebody else deployed meanwhile; theirs now: {', '.join(services)}",
            "Agree on what it should be, and deploy that once more: both may have left something",
        )
        self.services: tuple[str, ...] = tuple(services)


class DomainsNotReady(DeployError):
    """Nothing was taken back: the functions serve under their other names."""

    def __init__(self, failures: tuple[EventFailure, ...]) -> None:
        told = "\n  ".join(map(str, failures))
        super().__init__(
            f"the functions serve, but not under all of their domains:\n  {told}",
            "Each needs a ClusterDomainClaim (or autocreate-cluster-domain-claims in config-network) and a DNS record",
        )
        self.failures = failures


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
