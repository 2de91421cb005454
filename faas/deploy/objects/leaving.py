"""What goes when functions or a whole project go: what deploys have made for them, in the order in which it may go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from faas.client.protocol import Client, Object
from faas.client.visible import list_visible
from faas.deploy.objects.belonging import SOURCE_KINDS, read_events
from faas.deploy.objects.live import read_live
from faas.deploy.objects.which import kind_of_manifest
from faas.project.manifests.labels import PROJECT_LABEL
from faas.resources.kinds import (
    BROKER,
    CONFIG_MAP,
    CORE_SERVICE,
    DEPLOYMENT,
    DOMAIN_MAPPING,
    ROLE,
    ROLE_BINDING,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    TRIGGER,
    VOLUME_CLAIM,
    Kind,
)

# What sends goes before what takes, and what is read after who reads it.
ORDER: tuple[Kind, ...] = (
    *SOURCE_KINDS, TRIGGER, DOMAIN_MAPPING, SERVICE, BROKER, DEPLOYMENT, CORE_SERVICE, VOLUME_CLAIM,
    CONFIG_MAP, SECRET, ROLE_BINDING, ROLE, SERVICE_ACCOUNT,
)  # fmt: skip
_ALONG = (("source", SOURCE_KINDS), ("Trigger", (TRIGGER,)), ("domain", (DOMAIN_MAPPING,)))


@dataclass(frozen=True, slots=True)
class Leaving:
    """`objects` in the order of their going; `owners` says which function each goes with."""

    objects: tuple[Object, ...] = ()
    owners: Mapping[str, Sequence[Object]] = field(default_factory=dict)
    hidden: frozenset[Kind] = frozenset()  # kinds that this user may not see: of these nothing goes

    def along(self, name: str) -> str:
        """What goes with a function, in words."""
        return words_along(kind_of_manifest(obj) for obj in self.owners.get(name, ()))


def words_along(kinds: Iterable[Kind]) -> str:
    """Of what belongs to a function, what leads to it: ` with 1 source and 2 Triggers`. Pure."""
    listed = list(kinds)
    counts = [(sum(kind in members for kind in listed), word) for word, members in _ALONG]
    words = [f"{count} {word}{'s' * (count != 1)}" for count, word in counts if count]
    *first, last = words or [""]
    return f" with {', '.join(first)}{' and ' if first else ''}{last}" if words else ""


async def of_functions(client: Client, names: Sequence[str], namespace: str) -> Leaving:
    """Services, and of what leads to them what a deploy has made. Raises: NotFound: there is no such Service."""
    services = [await client.get(SERVICE, name, namespace) for name in names]
    hidden: set[Kind] = set()
    events = (await read_events(client, namespace, hidden)).of_projects()
    mappings = await list_visible(client, DOMAIN_MAPPING, namespace, hidden, label_selector=PROJECT_LABEL)
    owners: dict[str, list[Object]] = {}
    for name in names:
        own = events.of_service(name)
        domains = [each for each in mappings if (each["spec"].get("ref") or {}).get("name") == name]
        owners[name] = [*own.sources, *own.triggers, *domains]
    every = [*services, *(obj for along in owners.values() for obj in along)]
    return Leaving(_in_order(every), owners, frozenset(hidden))


async def of_project(client: Client, project: str, namespace: str, stage: str) -> Leaving:
    """All that carries the project's label and the stage's, and that is nobody else's to delete."""
    live = await read_live(client, (), namespace=namespace, project=project, stage=stage, prunable=ORDER)
    # Knative copies a Service's labels to what it makes of it; that goes with its owner.
    own = [live.objects[found] for found in live.labelled if not live.objects[found]["metadata"].get("ownerReferences")]
    return Leaving(_in_order(own), {}, live.unknown)


def _in_order(objects: Iterable[Object]) -> tuple[Object, ...]:
    places = {kind: place for place, kind in enumerate(ORDER)}
    unique: dict[tuple[Any, str], Object] = {(kind_of_manifest(obj), obj["metadata"]["name"]): obj for obj in objects}
    return tuple(sorted(unique.values(), key=lambda obj: (places[kind_of_manifest(obj)], obj["metadata"]["name"])))
