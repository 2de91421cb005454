"""Why a deploy did not come to its end.

DeployError
├── NoNamespace      there is none of that name
├── NamespaceLeaving it is being deleted
├── NoRights         this user may not make what the project is
├── KindMissing      the server does not have a kind: Knative, or a part of it, is not installed
├── QuotaExceeded    a namespace's quota has no room for it, or wants it otherwise
├── NamesMissing     a Secret, a ConfigMap … that functions only name is not there
├── CutOff           the server went away in the middle of it
├── FieldConflicts   others have set fields that the project wants otherwise; nothing was changed
├── NotReady         a Service or its new revision failed, or took too long
├── Overtaken        somebody else deployed the same meanwhile
├── DomainsNotReady  it serves, but not under all of its own names
├── EventsNotReady   it serves, but a Trigger or a source is not ready
└── TrafficError     a split of traffic that cannot be
"""

from __future__ import annotations

from collections.abc import Sequence

from faas.deploy.facts import EventFailure, Failure, FieldConflict, Kept, Missing
from faas.project.manifests.references import Reference
from faas.resources.kinds import Kind


class DeployError(Exception):
    flags = ""  # what names the place on a command line, with a space before; who asked knows

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


class NamespaceLeaving(DeployError):
    """Nothing new can be made in it any more, whoever asks."""

    def __init__(self, namespace: str) -> None:
        gone = f"kubectl wait --for=delete namespace/{namespace} --timeout=5m"
        super().__init__(
            f"namespace {namespace} is being deleted", f"Wait until it is gone:  {gone}\nand add --create-namespace"
        )
        self.namespace = namespace


class NoRights(DeployError):
    """Found out before anything was built."""

    of_project = True  # else there is none whose rights could be exported; who asked knows

    def __init__(self, namespace: str, kinds: Sequence[Kind]) -> None:
        names = [f"{kind.plural}{f'.{kind.group}' if kind.group else ''}" for kind in kinds]
        super().__init__(
            f"you may not apply (patch) {', '.join(names)} in namespace {namespace}",
            "An administrator grants it:\n"
            "  kubectl create role faas-deploy --verb=get,list,watch,create,patch,delete "
            f"--resource={','.join(names)} -n {namespace}\n"
            f"  kubectl create rolebinding faas-deploy --role=faas-deploy --user=NAME -n {namespace}",
        )
        self.namespace = namespace
        self.kinds: tuple[Kind, ...] = tuple(kinds)


class NamesMissing(DeployError):
    """What functions name is not there; found out before anything was built."""

    def __init__(self, missing: Sequence[Missing], namespace: str) -> None:
        first = missing[0].reference
        told = "\n".join(f"  {each}" for each in missing)
        super().__init__(
            f"what the project names is not in namespace {namespace}; nothing was built:\n{told}",
            _how_to_make(first, namespace),
        )
        self.missing: tuple[Missing, ...] = tuple(missing)


def _how_to_make(reference: Reference, namespace: str) -> str:
    kind, name, key = reference.kind.kind, reference.name, reference.key or "KEY"
    by_hand = {
        "Secret": f"faas secret create {name} --from-file {key}=…",
        "ConfigMap": f"kubectl create configmap {name} -n {namespace} --from-literal={key}=…",
        "ServiceAccount": f"kubectl create serviceaccount {name} -n {namespace}",
    }
    tables = {"Secret": "secrets", "ConfigMap": "config"}
    declared = f", or declare it in [tool.faas.{tables[kind]}.{name}]" if kind in tables else ", or name another"
    made = f"Make it:  {by_hand[kind]}" if kind in by_hand else f"Make that {kind}"
    return f"{made}{declared}\nSomething else makes it meanwhile?  Add --no-wait"


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
            "See what is:  faas doctor",
        )
        self.kind = kind


class QuotaExceeded(DeployError):
    def __init__(self, name: str, sentence: str, hint: str) -> None:
        super().__init__(f"{name} is refused: {sentence}", hint)


WHAT_STAYS = (
    "What was applied stays, and requests go where they went unless their function's new code is ready.\n"
    "Finish it with the same command; see:  faas list"
)


class CutOff(DeployError):
    """Nothing was taken back; the same deploy, once more, goes on where this one was."""

    def __init__(self, why: str) -> None:
        super().__init__(why, f"{WHAT_STAYS}\nCan the server be reached from here?  faas doctor")


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


class NotReady(DeployError):
    def __init__(self, failures: tuple[Failure, ...], *, kept: tuple[Kept, ...] = ()) -> None:
        first = failures[0]
        more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
        super().__init__(f"{first.service} is not ready: {first.message or first.reason}{more}")
        self.failures: tuple[Failure, ...] = failures
        self.kept = kept  # services that the revisions before this deploy still serve


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
        super().__init__(
            f"the functions serve, but not under all of their domains:\n  {_told(failures)}", _for_domains(failures)
        )
        self.failures = failures


class EventsNotReady(DeployError):
    """Nothing was taken back: the functions serve, and what is not ready goes on trying."""

    def __init__(self, failures: tuple[EventFailure, ...], *, unnamed: tuple[EventFailure, ...] = ()) -> None:
        first = failures[0]
        word = "trigger" if first.kind == "Trigger" else "source"
        hint = f"It goes on trying. See:  faas {word} describe {first.name}"
        domains = f"\nand not under all of their domains:\n  {_told(unnamed)}" if unnamed else ""
        super().__init__(
            f"the functions serve, but not all of their events come:\n  {_told(failures)}{domains}",
            f"{hint}\n{_for_domains(unnamed)}" if unnamed else hint,
        )
        self.failures = failures
        self.unnamed = unnamed  # domains that are not ready either


def _told(failures: Sequence[EventFailure]) -> str:
    return "\n  ".join(map(str, failures))


_CLAIMS = ("DomainClaimFailed", "DomainAlreadyClaimed")  # Knative's reasons


def _for_domains(failures: Sequence[EventFailure]) -> str:
    """What helps: who runs the cluster gives a domain to a namespace."""
    hosts = [failure.name for failure in failures if failure.reason in _CLAIMS]
    if not hosts:
        return "Each needs a DNS record that leads to the cluster's ingress; with TLS also its certificate"
    return (
        f"Have whoever runs the cluster make a ClusterDomainClaim {', '.join(hosts)} that names this namespace,\n"
        '  or say autocreate-cluster-domain-claims: "true" in config-network of knative-serving; then deploy again'
    )
