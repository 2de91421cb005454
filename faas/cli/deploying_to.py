"""Where a deploy goes: what it takes to prepare a project for the engine of this machine, or for a cluster."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from faas.cli.connection import running_engine, with_client
from faas.cli.deploy_letters import Stores, find_store, tell_of_left_store, warn_of_letters, with_dead_letters
from faas.project.manifests.surroundings import Surroundings

if TYPE_CHECKING:
    from faas_builders.target import Platform

    from faas.client.http.client import HttpClient
    from faas.client.places.targets import Target
    from faas.deploy.images.publishing import Destination
    from faas.deploy.planning import Plan
    from faas.deploy.prepare import Letters, Prepared, Wanted
    from faas.deploy.steps import Steps
    from faas.project.pyproject.settings import Settings


def prepare_project(
    path: Path,
    target: Target,
    wanted: Wanted,
    steps: Steps,
    *,
    registry: str = "",
    push: bool = True,
    asks: bool = True,
    read_secrets: bool = True,
    create_namespace: bool = False,
    wait: bool = True,
) -> Prepared:
    """Args: push: to a cluster's registry. asks: a server has to be there; it is looked for before any work is done."""
    from faas_builders.oci.store import ImageStore

    from faas.deploy.prepare import prepare
    from faas.project.pyproject.settings import load_settings

    settings = load_settings(path, target.stage)
    wanted = replace(wanted, read_secrets=read_secrets)
    place = Place()
    if target.is_local:
        if asks:
            running_engine(target.state)
    else:
        from faas.cli.preflight import Preflight

        place = look_at(target, settings) if asks else place
        destination = _destination(settings, place.platforms, steps, registry, push=push)
        wanted = replace(
            wanted,
            destination=destination,
            letters=place.letters(settings),
            surroundings=place.surroundings,
            check=Preflight(target, destination, create_namespace, needs_names=wait) if push and asks else None,
        )
    prepared = prepare(settings, ImageStore(target.state.images), wanted, steps)
    tell_of_left_store(place.stores, settings, target)
    return prepared


@dataclass(frozen=True, slots=True)
class Place:
    """A cluster as far as it matters for what is made for it."""

    platforms: tuple[Platform, ...] = ()  # of its nodes; (): not to be seen
    stores: Stores = "taken"
    surroundings: Surroundings = field(default_factory=Surroundings)

    def letters(self, settings: Settings) -> Letters:
        """What becomes there of what nobody takes."""
        if not settings.dead_letters or self.stores == "unknown":
            return "none"
        return "kept" if self.stores == "refused" else "made"


def look_at(target: Target, settings: Settings) -> Place:
    """Nothing should be built for a server that is not there, or that does not let this user in. Raises: ApiError."""
    import asyncio

    from faas.deploy.images.publishing import node_platforms
    from faas.deploy.preflight.surroundings import look_around

    namespace = target.namespace

    async def look(client: HttpClient) -> Place:
        async def nodes() -> tuple[Platform, ...]:
            return settings.build.platforms or await node_platforms(client)

        asked = nodes(), find_store(client, namespace), look_around(client, namespace)
        return Place(*await asyncio.gather(*asked))

    return with_client(target, look)


def _destination(
    settings: Settings, nodes: tuple[Platform, ...], steps: Steps, registry: str, *, push: bool
) -> Destination:
    from faas.deploy.images.publishing import choose_platforms, destination_of

    destination = destination_of(settings, registry, push=push)
    with steps.step("resolve") as log:
        platforms = choose_platforms(settings.build.platforms, nodes, log)
        log(f"for {', '.join(map(str, platforms))}, to {destination.name.registry}/{destination.name.repository}")
    return replace(destination, platforms=platforms)


async def ask_plan(client: HttpClient, prepared: Prepared, target: Target, *, force: bool) -> Plan:
    """What a deploy would change, of what was prepared and of what only the server can tell that it takes.

    Raises: FieldConflicts, NoNamespace, KindMissing; ApiError.
    """
    from faas.deploy.planning import plan_deploy

    objects, beside = await with_dead_letters(client, prepared)
    plan = await plan_deploy(
        client, objects, project=prepared.project, namespace=prepared.namespace, stage=prepared.stage,
        whole=prepared.whole, force=force, beside=beside, claims=not target.is_local,
    )  # fmt: skip
    if prepared.letters == "kept":
        warn_of_letters(objects.triggers, target)
    return plan
