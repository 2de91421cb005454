"""Brokers, sources and Triggers of a deploy: what would change, and making it so once their functions serve.

The order keeps events: a Trigger begins at the end of its Broker's log, so it is ready before the source that sends to
it begins, and a source ends before its Trigger does.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from faas.client.errors import AlreadyExists, NotFound
from faas.client.protocol import Client, Object
from faas.deploy.bindings.making import DONE, delete, make
from faas.deploy.bindings.ready import wait_ready
from faas.deploy.bindings.settled import PATIENCE_S
from faas.deploy.bounded import each
from faas.deploy.facts import EventFailure
from faas.deploy.objects.belonging import SOURCE_KINDS
from faas.deploy.objects.comparing import Comparison
from faas.deploy.objects.gone import no_longer
from faas.deploy.objects.live import Live, read_live
from faas.deploy.objects.plan import Change
from faas.deploy.objects.which import which
from faas.project.manifests.labels import is_deployed
from faas.project.manifests.objects import Objects
from faas.project.manifests.triggers import DEFAULT_DELIVERY, make_destination
from faas.resources import keys
from faas.resources.kinds import BROKER, SERVICE, TRIGGER, Kind

Log = Callable[[str], None]
EVENT_KINDS = (TRIGGER, *SOURCE_KINDS)


@dataclass(frozen=True, slots=True)
class EventPlan:
    brokers: tuple[Object, ...] = ()  # that are missing
    changes: tuple[Change, ...] = ()  # of Triggers and sources, those that go included
    described: tuple[Change, ...] = ()  # Brokers of which the project says more than a name

    @property
    def is_empty(self) -> bool:
        return not self.brokers and all(change.action == "unchanged" for change in (*self.changes, *self.described))


async def plan_events(
    client: Client, objects: Objects, *, project: str, namespace: str, prune: bool, stage: str = ""
) -> EventPlan:
    """Compare with what is there, as its owner; asks the server (dry runs), writes nothing.

    Args:
        prune: those that an earlier deploy of this project made and its code no longer declares go.
    Raises: ApiError.
    """
    wanted = (*objects.triggers, *objects.sources, *objects.brokers)
    live = await read_live(
        client, wanted, namespace=namespace, project=project, stage=stage, prunable=EVENT_KINDS if prune else ()
    )
    leaving = no_longer(live, EVENT_KINDS, set(map(which, wanted))) if prune else ()
    return await compare_events(Comparison(client, live, force=True), objects, leaving)


async def compare_events(comparison: Comparison, objects: Objects, leaving: Sequence[Change] = ()) -> EventPlan:
    """`plan_events` with what was read already. A Broker that nobody's project describes is made where it is missing,
    and never changed: it is everybody's.
    """
    client, live = comparison.client, comparison.live
    triggers = await each(objects.triggers, lambda trigger: _with_dead_letter_service(client, trigger, live))
    changes = await comparison.changes([*triggers, *objects.sources])
    described = [broker for broker in objects.brokers if is_deployed(broker)]
    missing = [
        broker for broker in objects.brokers if not is_deployed(broker) and which(broker) not in live.objects
    ]  # fmt: skip
    return EventPlan(tuple(missing), (*changes, *leaving), tuple(await comparison.changes(described)))


async def make_brokers(client: Client, brokers: Sequence[Object], log: Log) -> None:
    """Make those that are missing. One that is there is everybody's, and stays as it is."""
    for broker in brokers:
        metadata = broker["metadata"]
        if await _exists(client, BROKER, metadata["name"], metadata["namespace"]):
            continue
        with contextlib.suppress(AlreadyExists):  # somebody was faster
            await client.create(BROKER, broker)
            log(f"{metadata['name']}: created")


async def carry_out_events(
    client: Client, plan: EventPlan, *, namespace: str, wait: bool, timeout_s: float, log: Log,
    patience_s: float = PATIENCE_S, force: bool = True,
) -> list[EventFailure]:  # fmt: skip
    """Make the changes; returns what is not ready in the end, which stays: a source tries again by itself."""
    leaving = [change for change in plan.changes if change.action == "delete"]
    kept = [change for change in plan.changes if change.action != "delete"]
    for change in sorted(leaving, key=lambda change: change.kind == TRIGGER):
        await delete(client, change.kind, change.name, namespace)
        after = next((one.kind.kind for one in kept if one.name == change.name and one.kind != TRIGGER), "")
        why = f"a {after} takes its place" if after and change.kind != TRIGGER else "it is gone from the code"
        log(f"{change.name}: {change.kind.kind} deleted, {why}")
    alone = [change for change in kept if _subscribes_anew(change)]
    together = [change for change in kept if not _subscribes_anew(change)]
    steps = [([change], True) for change in alone]  # also for who does not wait: the next must not meet it
    steps += [([change for change in together if (change.kind == TRIGGER) is first], wait) for first in (True, False)]
    failures: list[EventFailure] = []
    for step, settles in steps:
        await each(step, lambda change: make(client, change, namespace, force=force))
        for change in step:
            if change.action != "unchanged":
                log(f"{change.name}: {change.kind.kind} {DONE[change.action]}")
        if settles:
            failures += await wait_ready(client, step, namespace, timeout_s, patience_s, log)
    return failures


def _subscribes_anew(change: Change) -> bool:
    """Whether its Broker has to take a Subscription away for it, and to make another."""
    if change.kind != TRIGGER or change.action not in ("update", "replace"):
        return False
    return change.action == "replace" or any(path.startswith("spec.delivery") for path in change.fields)


async def _with_dead_letter_service(client: Client, trigger: Object, live: Live) -> Object:
    """A dead-letter stream whose name is a Service's is that Service: nothing in the project's code could tell."""
    metadata = trigger["metadata"]
    annotations = dict(metadata.get("annotations") or {})
    name = annotations.pop(keys.DEAD_LETTER_STREAM, "")
    if not name:
        return trigger
    if (SERVICE, name) not in live.objects and not await _exists(client, SERVICE, name, metadata["namespace"]):
        return trigger
    rest = {key: value for key, value in metadata.items() if key != "annotations"}
    delivery = trigger["spec"].get("delivery") or DEFAULT_DELIVERY
    return {
        **trigger,
        "metadata": {**rest, **({"annotations": annotations} if annotations else {})},
        "spec": {**trigger["spec"], "delivery": {**delivery, "deadLetterSink": make_destination(name, "/")}},
    }


async def _exists(client: Client, kind: Kind, name: str, namespace: str) -> bool:
    try:
        await client.get(kind, name, namespace)
    except NotFound:
        return False
    return True
