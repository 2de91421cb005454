"""Which Triggers and sources bring a Service its events. Pure, and how they are read."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from faas_runtime.declaring.triggers import SOURCE_EXTENSION

from faas.client.protocol import Client, Object
from faas.client.visible import list_visible
from faas.project.manifests.labels import is_deployed
from faas.resources.kinds import SINK_BINDING, SOURCES, TRIGGER, Kind

SOURCE_KINDS = tuple(kind for kind in SOURCES if kind != SINK_BINDING)


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
        return EventObjects(tuple(filter(is_deployed, self.triggers)), tuple(filter(is_deployed, self.sources)))

    @property
    def brokers(self) -> list[str]:
        return sorted({str(trigger["spec"].get("broker")) for trigger in self.triggers})


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


async def read_events(client: Client, namespace: str, hidden: set[Kind]) -> EventObjects:
    """All Triggers and sources; a kind that the server does not have has none.

    Args: namespace: "": all. hidden: is given the kinds that this user may not list.
    """
    asked = (list_visible(client, kind, namespace, hidden) for kind in (TRIGGER, *SOURCE_KINDS))
    triggers, *sources = await asyncio.gather(*asked)
    return EventObjects(tuple(triggers), tuple(each for several in sources for each in several))
