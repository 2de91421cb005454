"""Brokers, sources and Triggers of a deploy: what would change, and making it so once their functions serve.

The order keeps events: a Trigger begins at the end of its Broker's log, so it is ready before the source that sends to
it begins, and a source ends before its Trigger does.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from faas.client.errors import AlreadyExists, NotFound
from faas.client.protocol import Client, Object
from faas.deploy.belonging import by_identity, read_events
from faas.deploy.errors import DeployError, EventFailure
from faas.deploy.plan import Change, change_of, same_place
from faas.deploy.rollout import apply
from faas.deploy.settled import PATIENCE_S, wait_settled
from faas.deploy.wait import Verdict
from faas.project.objects import Objects
from faas.project.triggers import DEFAULT_DELIVERY, make_destination
from faas.resources import keys
from faas.resources.kinds import BROKER, SERVICE, TRIGGER, Kind

Log = Callable[[str], None]
_GONE_S = 60.0  # to sign off from whatever it listened to


@dataclass(frozen=True, slots=True)
class EventPlan:
    brokers: tuple[Object, ...] = ()  # that are missing
    changes: tuple[Change, ...] = ()  # of Triggers and sources, those that go included

    @property
    def is_empty(self) -> bool:
        return not self.brokers and all(change.action == "unchanged" for change in self.changes)


async def plan_events(client: Client, objects: Objects, *, project: str, namespace: str, prune: bool) -> EventPlan:
    """Compare with what is there; asks the server (dry runs), writes nothing.

    Args:
        prune: those that an earlier deploy of this project made and its code no longer declares go.
    Raises: ApiError.
    """
    triggers = [await _with_dead_letter_service(client, trigger) for trigger in objects.triggers]
    wanted = by_identity([*triggers, *objects.sources])
    there = await read_events(client, namespace, project=project)
    live = by_identity([*there.triggers, *there.sources])
    changes = [await _change(client, which[0], manifest, live.get(which)) for which, manifest in wanted.items()]
    if prune:
        changes += [
            Change(name, "delete", obj, obj, False, (), kind)
            for (kind, name), obj in live.items()
            if (kind, name) not in wanted
        ]
    missing = [
        broker for broker in objects.brokers
        if not await _exists(client, BROKER, broker["metadata"]["name"], namespace)
    ]  # fmt: skip
    return EventPlan(tuple(missing), tuple(changes))


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
    patience_s: float = PATIENCE_S,
) -> list[EventFailure]:  # fmt: skip
    """Make the changes; returns what is not ready in the end, which stays: a source tries again by itself."""
    gone = [change for change in plan.changes if change.action == "delete"]
    kept = [change for change in plan.changes if change.action != "delete"]
    for change in sorted(gone, key=lambda change: change.kind == TRIGGER):
        await _delete(client, change, namespace)
        log(f"{change.name}: {change.kind.kind} deleted, it is gone from the code")
    failures: list[EventFailure] = []
    for step in (
        [change for change in kept if change.kind == TRIGGER],
        [change for change in kept if change.kind != TRIGGER],
    ):
        for change in step:
            await _make(client, change, namespace)
            if change.action != "unchanged":
                log(f"{change.name}: {change.kind.kind} {_DONE[change.action]}")
        if wait:
            failures += await _wait(client, step, namespace, timeout_s, patience_s, log)
    return failures


_DONE = {"create": "created", "update": "changed", "replace": "replaced"}


async def _make(client: Client, change: Change, namespace: str) -> None:
    if change.action == "replace":
        await _delete(client, change, namespace)
        await _until_gone(client, change, namespace)
    if change.action != "unchanged":
        await apply(client, change.manifest, kind=change.kind)


async def _delete(client: Client, change: Change, namespace: str) -> None:
    try:
        await client.delete(change.kind, change.name, namespace)
    except NotFound:
        return


async def _until_gone(client: Client, change: Change, namespace: str) -> None:
    """A source may have to undo something upstream first; what is applied to it until then would go with it.

    Raises: DeployError: it does not go.
    """
    only = f"metadata.name={change.name}"
    listed = await client.list(change.kind, namespace, field_selector=only)
    if not listed.items:
        return
    watch = client.watch(change.kind, namespace, resource_version=listed.resource_version, field_selector=only)
    try:
        async with asyncio.timeout(_GONE_S):
            async for event in watch:
                if event.type == "DELETED":
                    return
    except TimeoutError:
        what = f"{change.kind.kind} {change.name}"
        raise DeployError(f"{what} is to be made anew, and does not go", "See its metadata.finalizers") from None


async def _wait(
    client: Client, changes: Sequence[Change], namespace: str, timeout_s: float, patience_s: float, log: Log
) -> list[EventFailure]:
    touched = {(change.kind, change.name) for change in changes if change.action != "unchanged"}

    def changed(which: tuple[Kind, str], verdict: Verdict) -> None:
        kind, name = which
        if verdict.state == "failed" or (verdict.state == "waiting" and verdict.reason not in ("", "OutOfDate")):
            message, _, _ = verdict.message.partition("\n")
            log(f"{name}: {kind.kind} {verdict.reason} {message}".rstrip())
        elif verdict.state == "ready" and which in touched:
            log(f"{name}: {kind.kind} ready" + (f", called at {verdict.message}" if verdict.message else ""))

    wanted = [(change.kind, change.name) for change in changes]
    verdicts = await wait_settled(
        client, namespace, wanted, timeout_s=timeout_s, patience_s=patience_s, changed=changed
    )
    return [
        EventFailure(kind.kind, name, verdict.reason, verdict.message or _unsaid(verdict, timeout_s))
        for (kind, name), verdict in verdicts.items()
        if verdict.state != "ready"
    ]


def _unsaid(verdict: Verdict, timeout_s: float) -> str:
    return "" if verdict.state == "failed" else f"not within {timeout_s:g} s"


async def _change(client: Client, kind: Kind, manifest: Object, live: Object | None) -> Change:
    metadata = manifest["metadata"]
    if live is None:  # it may be there without a project's label
        try:
            live = await client.get(kind, metadata["name"], metadata["namespace"])
        except NotFound:
            live = None
    if live is not None and not same_place(manifest, live):
        return Change(metadata["name"], "replace", manifest, live, False, (), kind, manifest)
    return change_of(manifest, live, await apply(client, manifest, kind=kind, dry_run=True), kind)


async def _with_dead_letter_service(client: Client, trigger: Object) -> Object:
    """A dead-letter stream whose name is a Service's is that Service: nothing in the project's code could tell."""
    metadata = trigger["metadata"]
    annotations = dict(metadata.get("annotations") or {})
    name = annotations.pop(keys.DEAD_LETTER_STREAM, "")
    if not name or not await _exists(client, SERVICE, name, metadata["namespace"]):
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
