"""Whether requests for a domain reach what it is mapped to. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from faas.engine.controllers.addressing import Unresolved
from faas.engine.controllers.cache import Key
from faas.resources.conditions import find
from faas.resources.meta import ConditionStatus
from faas.resources.serving import Route


@dataclass(frozen=True, slots=True)
class Ingress:
    """What Knative's Ingress says of itself; the engine has none, its gateway has a table."""

    status: ConditionStatus
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a DomainMapping depends on, as it is now."""

    complaint: str  # why the domain is not the mapping's; empty: it is
    target: Key | Unresolved  # the Route that gets the requests
    route: Route | None  # that Route itself, if it is there
    is_host_taken: bool  # a Route, or something else of the engine, has the domain as a host of its own


def ingress_of(around: Surroundings, domain: str) -> Ingress:
    if around.complaint or isinstance(around.target, Unresolved) or around.route is None:
        return Ingress("Unknown", "IngressNotConfigured", "Ingress has not yet been reconciled.")
    if around.is_host_taken:
        return Ingress("False", "NotOwned", f'There is an existing Route that already answers for "{domain}".')
    own = find(around.route.status.conditions, "IngressReady")
    if own is not None and own.status == "False":  # somebody else has the Route's name, and would get the requests
        return Ingress(own.status, own.reason, own.message)
    return Ingress("True")


def served(around: Surroundings, domain: str) -> Key | None:
    """The Route that gets the requests, if they can reach it."""
    if isinstance(around.target, Unresolved) or ingress_of(around, domain).status != "True":
        return None
    return around.target
