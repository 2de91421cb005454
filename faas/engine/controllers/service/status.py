"""What a Service says of itself, from what its Configuration and its Route say. Source: service_lifecycle.go."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from faas.resources.conditions import READY, SERVICE_CONDITIONS, find, has_status
from faas.resources.meta import Condition, Conditions
from faas.resources.serving import Configuration, Route, Service, ServiceStatus, TrafficTarget

CONFIGURATIONS_READY, ROUTES_READY = "ConfigurationsReady", "RoutesReady"
_BEHIND = "The {kind} is still working to reflect the latest desired specification."


def observed_status(
    service: Service,
    configuration: Configuration | None,
    route: Route | None,
    *,
    name_taken: str = "",
    now: datetime,
) -> ServiceStatus:
    """Sum up.

    Args:
        configuration, route: None where there is one of that name that the Service does not own.
        name_taken: the Revision name the template asks for, when another Revision has it already.
    """
    status = replace(service.status, observed_generation=service.metadata.generation)
    conditions = SERVICE_CONDITIONS.initialize(status.conditions, now)
    if configuration is not None and _is_current(configuration):
        status = replace(
            status,
            latest_created_revision_name=configuration.status.latest_created_revision_name,
            latest_ready_revision_name=configuration.status.latest_ready_revision_name,
        )
    if route is not None and _is_current(route):
        status = replace(status, url=route.status.url, address=route.status.address, traffic=route.status.traffic)
    conditions = _mark_child(conditions, CONFIGURATIONS_READY, "Configuration", service, configuration, now)
    if name_taken:
        message = (
            f'The revision name "{name_taken}" is taken by a conflicting Revision, so traffic will not be migrated'
        )
        conditions = SERVICE_CONDITIONS.mark(conditions, ROUTES_READY, "False", "RevisionNameTaken", message, now=now)
    else:
        conditions = _mark_child(conditions, ROUTES_READY, "Route", service, route, now)
    known = configuration is not None and _is_current(configuration)  # else the newest Revision may be another
    if known and has_status(conditions, ROUTES_READY, "True") and not _is_migrated(service, status):
        message = "Traffic is not yet migrated to the latest revision."
        conditions = SERVICE_CONDITIONS.mark(
            conditions, ROUTES_READY, "Unknown", "TrafficNotMigrated", message, now=now
        )
    return replace(status, conditions=conditions)


def _is_current(child: Configuration | Route) -> bool:
    return child.status.observed_generation == child.metadata.generation


def _mark_child(
    conditions: Conditions,
    type: str,
    kind: str,
    service: Service,
    child: Configuration | Route | None,
    now: datetime,
) -> Conditions:
    if child is None:
        message = f'There is an existing {kind} "{service.metadata.name}" that we do not own.'
        return SERVICE_CONDITIONS.mark(conditions, type, "False", "NotOwned", message, now=now)
    if not _is_current(child):
        return SERVICE_CONDITIONS.mark(conditions, type, "Unknown", "OutOfDate", _BEHIND.format(kind=kind), now=now)
    ready = find(child.status.conditions, READY) or Condition(type=READY, status="Unknown")
    return SERVICE_CONDITIONS.mark(conditions, type, ready.status, ready.reason, ready.message, now=now)


def _is_migrated(service: Service, status: ServiceStatus) -> bool:
    """Whether the Route serves what the spec wants, now that the newest ready Revision is known."""
    wanted = service.spec.traffic or (TrafficTarget(latest_revision=True, percent=100),)
    latest = status.latest_ready_revision_name
    return _shares(wanted, latest) == _shares(status.traffic, latest)


def _shares(targets: tuple[TrafficTarget, ...], latest: str) -> dict[tuple[str, str], int]:
    shares: dict[tuple[str, str], int] = {}
    for target in targets:
        key = (target.revision_name or latest, target.tag)
        shares[key] = shares.get(key, 0) + (target.percent or 0)
    return shares
