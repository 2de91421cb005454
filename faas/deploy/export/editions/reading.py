"""What is deployed, as an edition: Services, what they read, and what brings them events."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from faas.client.errors import ApiError, Forbidden, NotFound
from faas.client.protocol import Client, Object
from faas.client.visible import list_visible
from faas.deploy.bounded import each
from faas.deploy.export.editions.edition import Edition, make_edition
from faas.deploy.export.editions.serving import Served, as_it_serves, older_that_serves
from faas.deploy.objects.belonging import read_events
from faas.project.manifests.labels import PROJECT_LABEL
from faas.project.manifests.references import references_in
from faas.resources.kinds import BROKER, CONFIG_MAP, DOMAIN_MAPPING, REVISION, SECRET, SERVICE, Kind


async def read_edition(client: Client, namespace: str, names: Sequence[str] = (), *, hidden: set[Kind]) -> Edition:
    """Args:
        names: of Services; all without any.
        hidden: is given the kinds that this user may not list.

    A Service is written as it serves: after a rollback with the template of the Revision that was gone back to.
    Of Secrets the names and keys are told, where the reader may see them; values are dropped as soon as they come.
    Raises: NotFound: there is no Service of that name; ApiError.
    """
    if names:
        services = list(await asyncio.gather(*(client.get(SERVICE, name, namespace) for name in names)))
    else:
        services = (await client.list(SERVICE, namespace)).items
    services, served = await _as_they_serve(client, services, namespace)
    every = await read_events(client, namespace, hidden)
    of_each = [every.of_service(service["metadata"]["name"]) for service in services]
    brokers = {name for events in of_each for name in events.brokers}
    triggers = {each["metadata"]["name"]: each for events in of_each for each in events.triggers}
    sources = {(each["kind"], each["metadata"]["name"]): each for events in of_each for each in events.sources}
    objects = [
        *services, *triggers.values(), *sources.values(),
        *await _found(client, BROKER, brokers, namespace),
        *await _found(client, CONFIG_MAP, _config_maps(services), namespace),
        *await _domains(client, {service["metadata"]["name"] for service in services}, namespace, hidden),
    ]  # fmt: skip
    project = _project_of(services)
    named = make_edition(project, namespace, objects).secrets
    found = {secret.name: await _secret(client, secret.name, namespace) for secret in named}
    edition = make_edition(
        project,
        namespace,
        objects,
        secrets={name: secret.keys for name, secret in found.items()},
        declared=[name for name, secret in found.items() if secret.is_ours],
    )
    return replace(edition, served=served)


@dataclass(frozen=True, slots=True)
class _Secret:
    keys: tuple[str, ...] = ()
    is_ours: bool = False  # a deploy made it


async def _as_they_serve(
    client: Client, services: Sequence[Object], namespace: str
) -> tuple[list[Object], tuple[Served, ...]]:
    """A Service whose Revision may not be seen is left as it is."""

    async def one(service: Object) -> tuple[Object, Served | None]:
        if name := older_that_serves(service):
            with suppress(NotFound, Forbidden):
                return as_it_serves(service, await client.get(REVISION, name, namespace))
        return service, None

    found = await each(services, one)
    return [service for service, _ in found], tuple(served for _, served in found if served is not None)


def _project_of(services: Iterable[Object]) -> str:
    """The project they all are of; else there is no better name than what they are."""
    projects = {str((service["metadata"].get("labels") or {}).get(PROJECT_LABEL, "")) for service in services}
    return projects.pop() if len(projects) == 1 and "" not in projects else "functions"


def _config_maps(services: Iterable[Object]) -> set[str]:
    """Those that Services name as volumes or in their environment."""
    every = (reference for service in services for reference in references_in(service["spec"]))
    return {reference.name for reference in every if reference.kind == CONFIG_MAP}


async def _found(client: Client, kind: Kind, names: Iterable[str], namespace: str) -> list[Object]:
    """Those that are there and may be read: others have made them, and may not have yet."""
    found = []
    for name in sorted(names):
        with suppress(NotFound, Forbidden):
            found.append(await client.get(kind, name, namespace))
    return found


async def _domains(client: Client, services: set[str], namespace: str, hidden: set[Kind]) -> list[Object]:
    found = await list_visible(client, DOMAIN_MAPPING, namespace, hidden)
    references = [(each, each["spec"]["ref"]) for each in found]
    return [each for each, ref in references if ref.get("kind") == "Service" and ref.get("name") in services]


async def _secret(client: Client, name: str, namespace: str) -> _Secret:
    """Without its values. Of one that is missing or hidden only the name is known, which is what has to be."""
    try:
        secret = await client.get(SECRET, name, namespace)
    except ApiError:
        return _Secret()
    return _Secret(tuple(sorted(secret.get("data") or {})), PROJECT_LABEL in (secret["metadata"].get("labels") or {}))
