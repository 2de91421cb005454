"""A project's whole deploy, in the order in which nothing is lost.

What functions read when they start comes first, and Brokers, since a function may publish as soon as it serves; then
Services and their traffic; then the names they are called by, and what sends events to paths that only the new
revisions have. What the code no longer declares goes last, when nothing of it is asked any more.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from faas.client.protocol import Client, Object
from faas.deploy.bounded import each
from faas.deploy.claims import plan_claims, release
from faas.deploy.comparing import Comparison
from faas.deploy.conflicts import FieldConflict
from faas.deploy.domains import is_served, make_domains
from faas.deploy.errors import DomainsNotReady, EventFailure, EventsNotReady, FieldConflicts
from faas.deploy.events import (
    DONE,
    EVENT_KINDS,
    EventPlan,
    carry_out_events,
    compare_events,
    delete,
    gone,
    make,
    make_brokers,
    wait_ready,
)
from faas.deploy.leaving import ORDER
from faas.deploy.live import read_live
from faas.deploy.plan import Change
from faas.deploy.rollout import DeployOptions, carry_out
from faas.deploy.settled import PATIENCE_S
from faas.deploy.staying import staying_with
from faas.deploy.steps import Steps
from faas.deploy.which import kind_of_manifest, which
from faas.project.objects import Objects
from faas.resources.kinds import (
    BROKER,
    CONFIG_MAP,
    DOMAIN_MAPPING,
    ROLE,
    ROLE_BINDING,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    Kind,
)

# Pruned with the rest: they have nothing that a deploy does not give back.
_ALONG = (DOMAIN_MAPPING, CONFIG_MAP, SECRET, ROLE_BINDING, ROLE, SERVICE_ACCOUNT)
_ASKED = (SERVICE, BROKER)  # gone only when somebody says so: revisions to go back to, and events, go with them


@dataclass(frozen=True, slots=True)
class Plan:
    """What a deploy would do.

    `gone`: Services and Brokers that the code no longer declares; they stay unless said. `along`: what each of those
    Services needs and the code no longer declares either; it stays and goes with it.
    """

    services: tuple[Change, ...]
    events: EventPlan
    before: tuple[Change, ...] = ()  # what functions need before they start: Secrets, ConfigMaps
    domains: tuple[Change, ...] = ()
    claims: tuple[Change, ...] = ()  # of their hosts: to be made, or given back
    pruned: tuple[Change, ...] = ()  # beside Triggers and sources, which events have
    gone: tuple[Change, ...] = ()
    along: Mapping[str, tuple[Change, ...]] = field(default_factory=dict)

    @property
    def changes(self) -> tuple[Change, ...]:
        """All but `gone` and Brokers that are merely missing, in the order in which they are made."""
        return (
            *self.before, *self.events.described, *self.services, *self.claims, *self.domains, *self.events.changes,
            *self.pruned,
        )  # fmt: skip

    @property
    def is_empty(self) -> bool:
        return not self.events.brokers and all(change.action == "unchanged" for change in self.changes)


async def plan_deploy(
    client: Client,
    objects: Objects,
    *,
    project: str,
    namespace: str,
    whole: bool,
    stage: str = "",
    force: bool = True,
    beside: Sequence[Object] = (),
    claims: bool = False,
) -> Plan:
    """What would change; writes nothing.

    Args:
        claims: say which ClusterDomainClaims would be made; the engine does so by itself.
        beside: what the project needs and shares with others, as the store of dead letters: never pruned.
        whole: all of the project is deployed, so what is not declared is gone from the code.
        force: take over the fields that others have set.
    Raises: FieldConflicts: all of them; NoNamespace, KindMissing; ApiError.
    """
    every = [*beside, *every_object(objects)]
    prunable = (*EVENT_KINDS, *_ALONG, *_ASKED) if whole and project else ()
    live = await read_live(client, every, namespace=namespace, project=project, stage=stage, prunable=prunable)
    # Who may not see which functions there are cannot tell what they need.
    leaving = gone(live, prunable, set(map(which, every))) if SERVICE not in live.unknown else []
    asked = tuple(change for change in leaving if change.kind in _ASKED)
    along = staying_with((change.name for change in asked if change.kind == SERVICE), leaving, live)
    stays = {id(change) for change in (*asked, *(each for changes in along.values() for each in changes))}
    pruned = [change for change in leaving if id(change) not in stays]
    comparison = Comparison(client, live, force)
    of_events = {id(obj) for obj in (*objects.services, *objects.brokers, *objects.sources, *objects.triggers)}
    others = [obj for obj in every if id(obj) not in of_events]
    changes = await comparison.changes([*others, *objects.services])
    events = await compare_events(comparison, objects, [change for change in pruned if change.kind in EVENT_KINDS])
    if comparison.conflicts:
        raise FieldConflicts(_sorted(comparison.conflicts))
    domains = tuple(change for change in changes if change.kind == DOMAIN_MAPPING)
    unserved = [change for change in domains if not is_served(change)] if claims else ()
    released = [change for change in pruned if change.kind == DOMAIN_MAPPING] if claims else ()
    return Plan(
        services=tuple(change for change in changes if change.kind == SERVICE),
        events=events,
        before=tuple(change for change in changes if change.kind not in (SERVICE, DOMAIN_MAPPING)),
        domains=domains,
        claims=tuple(await plan_claims(client, unserved, released)),
        pruned=tuple(change for change in pruned if change.kind not in EVENT_KINDS),
        gone=asked,
        along=along,
    )


async def carry_out_deploy(
    client: Client, plan: Plan, options: DeployOptions, steps: Steps, *, namespace: str, prune: bool = False
) -> list[Object]:
    """Make the changes; returns the Services as they are then.

    Args: prune: delete `plan.gone`, and what goes along with it.
    Raises: NotReady, DomainsNotReady, EventsNotReady; FieldConflicts: somebody was faster; ApiError.
    """
    force = options.force_conflicts
    if any(change.action != "unchanged" for change in plan.before):
        with steps.step("objects") as log:
            await _make_all(client, plan.before, namespace, force=force)
            for change in plan.before:
                if change.action != "unchanged":
                    log(f"{change.name}: {change.kind.kind} {DONE[change.action]}")
    described = [change for change in plan.events.described if change.action != "unchanged"]
    if plan.events.brokers or described:
        with steps.step("brokers") as log:
            await make_brokers(client, plan.events.brokers, log)
            await _make_all(client, described, namespace, force=force)
            for change in described:
                log(f"{change.name}: {DONE[change.action]}")
    objects = await carry_out(client, plan.services, options, steps)
    unnamed = await _domains(client, plan, options, steps, namespace) if plan.domains else []
    silent = await _events(client, plan, options, steps, namespace)
    leaving = _leaving(plan, prune=prune) if options.traffic and not silent else []
    if leaving:
        with steps.step("prune") as log:
            for change in leaving:
                await delete(client, change.kind, change.name, namespace)
                if change.kind == DOMAIN_MAPPING:
                    await release(client, change.name, namespace)
                log(f"{change.name}: {change.kind.kind} deleted, it is gone from the code")
    if plan.domains and options.wait:  # at the end: a name may need a certificate, for which nothing else waits
        unnamed += await _until_named(client, plan, options, steps, namespace, {each.name for each in unnamed})
    if silent:
        raise EventsNotReady(tuple(silent), unnamed=tuple(unnamed))
    if unnamed:
        raise DomainsNotReady(tuple(unnamed))
    return objects


def _leaving(plan: Plan, *, prune: bool) -> list[Change]:
    """What goes beside Triggers and sources that nobody needs, in the order of its going."""
    said = (*plan.gone, *(change for changes in plan.along.values() for change in changes)) if prune else ()
    unique = {(change.kind, change.name): change for change in (*plan.pruned, *said)}
    return sorted(unique.values(), key=lambda change: ORDER.index(change.kind))


async def _make_all(client: Client, changes: Iterable[Change], namespace: str, *, force: bool) -> None:
    await each(changes, lambda change: make(client, change, namespace, force=force))


async def _domains(
    client: Client, plan: Plan, options: DeployOptions, steps: Steps, namespace: str
) -> list[EventFailure]:
    if all(is_served(change) for change in plan.domains):
        return []
    with steps.step("domains") as log:
        return await make_domains(
            client, plan.domains, namespace, force=options.force_conflicts, claims=options.claims, log=log
        )


async def _until_named(
    client: Client, plan: Plan, options: DeployOptions, steps: Steps, namespace: str, failed: Container[str]
) -> list[EventFailure]:
    asked = [change for change in plan.domains if change.name not in failed and not is_served(change)]
    if not asked:
        return []
    with steps.step("domains") as log:
        return await wait_ready(client, asked, namespace, options.wait_timeout_s, PATIENCE_S, log)


async def _events(
    client: Client, plan: Plan, options: DeployOptions, steps: Steps, namespace: str
) -> list[EventFailure]:
    if not plan.events.changes:
        return []
    with steps.step("events") as log:
        if not options.traffic:
            if any(change.action != "unchanged" for change in plan.events.changes):
                log("Triggers and sources stay as they are: the new revisions get no traffic yet")
            return []
        return await carry_out_events(
            client, plan.events, namespace=namespace, wait=options.wait, timeout_s=options.wait_timeout_s, log=log,
            force=options.force_conflicts,
        )  # fmt: skip


def every_object(objects: Objects) -> list[Object]:
    """All that a project is to a server, in the order in which it is made."""
    held = [obj for field in dataclasses.fields(objects) for obj in getattr(objects, field.name)]
    return sorted(held, key=_order)


_FIRST, _LAST = 0, 9
_ORDER: dict[Kind, int] = {BROKER: 1, SERVICE: 2, DOMAIN_MAPPING: 3, **dict.fromkeys(EVENT_KINDS, _LAST)}
_ORDER[EVENT_KINDS[0]] = _LAST - 1  # a Trigger is there before the source that sends to it


def _order(obj: Object) -> int:
    return _ORDER.get(kind_of_manifest(obj), _FIRST)


def _sorted(conflicts: Iterable[FieldConflict]) -> list[FieldConflict]:
    return sorted(conflicts, key=lambda each: (each.kind, each.name, each.field))
