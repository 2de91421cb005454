"""What a deploy of a whole project would do, found out without writing anything."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from faas.client.protocol import Client, Object
from faas.deploy.bindings.claims import plan_claims
from faas.deploy.bindings.domains import is_served
from faas.deploy.bindings.events import EVENT_KINDS, EventPlan, compare_events
from faas.deploy.errors import FieldConflicts
from faas.deploy.facts import FieldConflict
from faas.deploy.objects.comparing import Comparison
from faas.deploy.objects.gone import Gone, gone_from
from faas.deploy.objects.live import read_live
from faas.deploy.objects.plan import Change
from faas.deploy.objects.which import kind_of_manifest, which
from faas.project.manifests.objects import Objects
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
    """What a deploy would do. `gone`: what the code no longer declares; of that `events` and `pruned` go at once."""

    services: tuple[Change, ...]
    events: EventPlan
    before: tuple[Change, ...] = ()  # what functions need before they start: Secrets, ConfigMaps
    domains: tuple[Change, ...] = ()
    claims: tuple[Change, ...] = ()  # of their hosts: to be made, or given back
    pruned: tuple[Change, ...] = ()  # beside Triggers and sources, which events have
    gone: Gone = field(default_factory=Gone)

    @property
    def changes(self) -> tuple[Change, ...]:
        """All that happens unasked, but Brokers that are merely missing, in the order in which it does."""
        return (
            *self.before, *self.events.described, *self.services, *self.claims, *self.domains, *self.events.changes,
            *self.pruned,
        )  # fmt: skip


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
    gone = gone_from(live, prunable, set(map(which, every)), asked=_ASKED)
    comparison = Comparison(client, live, force)
    of_events = {id(obj) for obj in (*objects.services, *objects.brokers, *objects.sources, *objects.triggers)}
    others = [obj for obj in every if id(obj) not in of_events]
    changes = await comparison.changes([*others, *objects.services])
    silent = [change for change in gone.at_once if change.kind in EVENT_KINDS]
    events = await compare_events(comparison, objects, silent)
    if comparison.conflicts:
        raise FieldConflicts(_sorted(comparison.conflicts))
    domains = tuple(change for change in changes if change.kind == DOMAIN_MAPPING)
    pruned = tuple(change for change in gone.at_once if change.kind not in EVENT_KINDS)
    return Plan(
        services=tuple(change for change in changes if change.kind == SERVICE),
        events=events,
        before=tuple(change for change in changes if change.kind not in (SERVICE, DOMAIN_MAPPING)),
        domains=domains,
        claims=await _claims(client, domains, pruned) if claims else (),
        pruned=pruned,
        gone=gone,
    )


async def _claims(client: Client, domains: Iterable[Change], pruned: Iterable[Change]) -> tuple[Change, ...]:
    unserved = [change for change in domains if not is_served(change)]
    released = [change for change in pruned if change.kind == DOMAIN_MAPPING]
    return tuple(await plan_claims(client, unserved, released))


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
