"""Brings the engine to what the project wants: applies, removes what is gone, waits until it serves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from faas.cli.dev.debugging import CONFIG_DEFAULTS
from faas.cli.dev.project_state import Desired
from faas.client.protocol import Client, Object
from faas.deploy.bindings.events import carry_out_events, make_brokers, plan_events
from faas.deploy.bindings.settled import called_at
from faas.deploy.errors import NotReady
from faas.deploy.facts import EventFailure, Failure
from faas.deploy.objects.applying import apply
from faas.deploy.services.wait import wait_for
from faas.project.manifests.labels import PROJECT_LABEL
from faas.resources.config import CONFIG_NAMESPACE
from faas.resources.kinds import CONFIG_MAP, SECRET, SERVICE, TRIGGER

# Each save makes a Revision; a few stay to look at, the rest go at once. Settings of config-gc.
_FEW_REVISIONS = {
    "min-non-active-revisions": "0",
    "max-non-active-revisions": "3",
    "retain-since-create-time": "disabled",
    "retain-since-last-active-time": "disabled",
}
_EVENTS_S = 20.0  # the first Broker starts a process or two
_PATIENCE_S = 2.0  # somebody sits in front of it, and may start what a source is missing


async def configure(client: Client, *, debugging: bool) -> None:
    """Set the engine's config maps for work on a project."""
    await client.patch(CONFIG_MAP, "config-gc", {"data": _FEW_REVISIONS}, CONFIG_NAMESPACE)
    if debugging:
        await client.patch(CONFIG_MAP, "config-defaults", {"data": CONFIG_DEFAULTS}, CONFIG_NAMESPACE)


async def roll_out(client: Client, desired: Desired, *, namespace: str, timeout_s: float) -> None:
    """Each Service on its own: one that fails keeps its last good revision and does not hold up the others.

    Raises: NotReady; ApiError.
    """
    read = [(CONFIG_MAP, each) for each in desired.objects.config_maps]
    read += [(SECRET, each) for each in desired.objects.secrets]
    await asyncio.gather(*(apply(client, manifest, kind=kind) for kind, manifest in read))
    await make_brokers(client, desired.objects.brokers, lambda line: None)
    manifests = desired.objects.services
    names = [manifest["metadata"]["name"] for manifest in manifests]
    await asyncio.gather(*(apply(client, manifest) for manifest in manifests))
    objects, verdicts = await wait_for(client, namespace, names, "service", timeout_s=timeout_s)
    failures = tuple(
        Failure(name, verdict.reason, verdict.message or f"not ready within {timeout_s:g} s", _newest(objects, name))
        for name, verdict in verdicts.items()
        if verdict.state != "ready"
    )
    if failures:
        raise NotReady(failures)


@dataclass(frozen=True, slots=True)
class Brought:
    """What a save did to Triggers and sources, by name."""

    made: frozenset[str]  # new, or not as before
    gone: tuple[str, ...]
    waiting: tuple[EventFailure, ...]  # not ready yet; they go on trying
    urls: Mapping[str, str]  # of the sources among them that take requests


async def bring_events(client: Client, desired: Desired, *, project: str, namespace: str) -> Brought:
    """Make Triggers and sources what the code says, now that it serves.

    One that is not ready goes on trying: a message broker that is started later is found then. Raises: ApiError.
    """
    plan = await plan_events(client, desired.objects, project=project, namespace=namespace, prune=True)
    waiting = await carry_out_events(
        client, plan, namespace=namespace, wait=True, timeout_s=_EVENTS_S, patience_s=_PATIENCE_S,
        log=lambda line: None,
    )  # fmt: skip
    gone = [change.name for change in plan.changes if change.action == "delete" and change.kind == TRIGGER]
    made = frozenset(change.name for change in plan.changes if change.action not in ("delete", "unchanged"))
    urls = {
        change.name: called_at(await client.get(change.kind, change.name, namespace))
        for change in plan.changes
        if change.name in made and change.kind != TRIGGER
    }
    return Brought(made, tuple(gone), tuple(waiting), urls)


async def remove_others(client: Client, keep: Iterable[str], *, project: str, namespace: str) -> list[str]:
    """Delete Services of this project that its code does not declare any more."""
    kept = set(keep)
    found = await client.list(SERVICE, namespace, label_selector=f"{PROJECT_LABEL}={project}")
    gone = [item["metadata"]["name"] for item in found.items if item["metadata"]["name"] not in kept]
    for name in gone:
        await client.delete(SERVICE, name, namespace)
    return gone


def _newest(objects: dict[str, Object], name: str) -> str:
    return str((objects.get(name, {}).get("status") or {}).get("latestCreatedRevisionName") or "")
