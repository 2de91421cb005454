"""Which Triggers and sources bring a Service its events. Pure, and how they are read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from faas_runtime.triggers import SOURCE_EXTENSION

from faas.client.errors import Forbidden, NotFound
from faas.client.protocol import Client, Object
from faas.project.manifests import PROJECT_LABEL
from faas.resources import kinds
from faas.resources.kinds import SINK_BINDING, SOURCES, TRIGGER, Kind

SOURCE_KINDS = tuple(kind for kind in SOURCES if kind != SINK_BINDING)
_BY_KIND = {(kind.group, kind.kind): kind for kind in (TRIGGER, kinds.BROKER, *SOURCE_KINDS)}


@dataclass(frozen=True, slots=True)
class EventObjects:
    """Triggers and sources as they are."""

    triggers: tuple[Object, ...] = ()
    sources: tuple[Object, ...] = ()

    def of_service(self, name: str) -> EventObjects:
        """The Triggers that send to a Service, and the sources whose events these let through."""
        triggers = tuple(trigger for trigger in self.triggers if subscriber_of(trigger) == name)
        named = {source_of(trigger) for trigger in triggers}
        return EventObjects(triggers, tuple(each for each in self.sources if each["metadata"]["name"] in named))

    def of_projects(self) -> EventObjects:
        """Those that a deploy has made, not those that somebody wrote by hand."""
        return EventObjects(tuple(filter(_is_deployed, self.triggers)), tuple(filter(_is_deployed, self.sources)))

    @property
    def brokers(self) -> list[str]:
        return sorted({str(trigger["spec"].get("broker")) for trigger in self.triggers})


def kind_of(obj: Mapping[str, Any]) -> Kind:
    """The kind of a Broker, a Trigger or a source."""
    return _BY_KIND[obj["apiVersion"].partition("/")[0], obj["kind"]]


def subscriber_of(trigger: Mapping[str, Any]) -> str:
    """The Service that a Trigger sends to; "" for anything else."""
    reference = (trigger["spec"].get("subscriber") or {}).get("ref") or {}
    is_service = reference.get("kind") == "Service" and str(reference.get("apiVersion", "")).startswith("serving.")
    return str(reference.get("name", "")) if is_service else ""


def source_of(trigger: Mapping[str, Any]) -> str:
    """The name of the source whose events a Trigger lets through; "" when it is none's."""
    for each in trigger["spec"].get("filters") or ():
        if name := (each.get("exact") or {}).get(SOURCE_EXTENSION):
            return str(name)
    return ""


async def read_events(
    client: Client, namespace: str = "", *, project: str = "", hidden: set[Kind] | None = None
) -> EventObjects:
    """All Triggers and sources, or a project's; a kind that the server does not have has none.

    Args: hidden: is given the kinds that this user may not see; without it that is an error.
    """
    selector = f"{PROJECT_LABEL}={project}" if project else ""
    asked = (_list(client, kind, namespace, selector, hidden) for kind in (TRIGGER, *SOURCE_KINDS))
    found = await asyncio.gather(*asked)
    return EventObjects(tuple(found[0]), tuple(each for several in found[1:] for each in several))


async def _list(
    client: Client, kind: Kind, namespace: str, selector: str, hidden: set[Kind] | None
) -> Sequence[Object]:
    try:
        listed = (await client.list(kind, namespace, label_selector=selector)).items
    except NotFound:
        return ()
    except Forbidden as error:
        if hidden is None or error.code == 401:
            raise
        hidden.add(kind)
        return ()
    return [{"apiVersion": kind.api_version, "kind": kind.kind, **item} for item in listed]


def _is_deployed(obj: Mapping[str, Any]) -> bool:
    return PROJECT_LABEL in (obj["metadata"].get("labels") or {})


def by_identity(objects: Iterable[Object]) -> dict[tuple[Kind, str], Object]:
    return {(kind_of(obj), str(obj["metadata"]["name"])): obj for obj in objects}
