"""A project's whole deploy, in the order in which nothing is lost.

What functions read when they start comes first, and Brokers, since a function may publish as soon as it serves; then
Services and their traffic; then the names they are called by, and what sends events to paths that only the new
revisions have. What the code no longer declares goes last, when nothing of it is asked any more.
"""

from __future__ import annotations

from collections.abc import Container, Iterable

from faas.client.errors import Unavailable
from faas.client.protocol import Client, Object
from faas.deploy.bindings.claims import release
from faas.deploy.bindings.domains import is_served, make_domains
from faas.deploy.bindings.events import carry_out_events, make_brokers
from faas.deploy.bindings.making import DONE, delete, make
from faas.deploy.bindings.ready import wait_ready
from faas.deploy.bindings.settled import PATIENCE_S
from faas.deploy.bounded import each
from faas.deploy.errors import CutOff, DomainsNotReady, EventsNotReady
from faas.deploy.facts import EventFailure
from faas.deploy.objects.leaving import ORDER
from faas.deploy.objects.plan import Change
from faas.deploy.planning import Plan
from faas.deploy.services.rollout import DeployOptions, carry_out
from faas.deploy.steps import Steps
from faas.resources.kinds import DOMAIN_MAPPING


async def carry_out_deploy(
    client: Client, plan: Plan, options: DeployOptions, steps: Steps, *, namespace: str, prune: bool = False
) -> list[Object]:
    """Make the changes; returns the Services as they are then.

    Args: prune: delete also what only goes when somebody says so.
    Raises: NotReady, DomainsNotReady, EventsNotReady; FieldConflicts: somebody was faster; CutOff; ApiError.
    """
    try:
        return await _carry_out(client, plan, options, steps, namespace=namespace, prune=prune)
    except Unavailable as error:
        raise CutOff(error.message) from error


async def _carry_out(
    client: Client, plan: Plan, options: DeployOptions, steps: Steps, *, namespace: str, prune: bool
) -> list[Object]:
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
    leaving = (*plan.pruned, *(plan.gone.with_asked if prune else ()))
    return sorted(leaving, key=lambda change: ORDER.index(change.kind))


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
