"""Where a deploy goes: what it takes to prepare a project for the engine of this machine, or for a cluster."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from faas.cli.connection import running_engine, with_client
from faas.cli.output import note
from faas.project.surroundings import Surroundings

if TYPE_CHECKING:
    from faas_builders.target import Platform

    from faas.client.http.client import HttpClient
    from faas.client.places.targets import Target
    from faas.client.protocol import Object
    from faas.deploy.cluster_image import Destination
    from faas.deploy.deploying import Plan
    from faas.deploy.prepare import Prepared, Wanted
    from faas.deploy.steps import Steps
    from faas.project.objects import Objects
    from faas.project.settings import Settings


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
    from faas.project.settings import load_settings

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
            dead_letters=settings.dead_letters and place.takes_stores,
            surroundings=place.surroundings,
            check=Preflight(target, destination, create_namespace, wait) if push and asks else None,
        )
    prepared = prepare(settings, ImageStore(target.state.images), wanted, steps)
    warn_of_lost_letters(place, settings, prepared, target)
    tell_of_left_store(place, settings, target)
    return prepared


@dataclass(frozen=True, slots=True)
class Place:
    """A cluster as far as it matters for what is made for it."""

    platforms: tuple[Platform, ...] = ()  # of its nodes; (): not to be seen
    # Deployments, as our store of dead letters is one; there: it has been made already
    stores: Literal["taken", "there", "refused", "unknown"] = "taken"
    surroundings: Surroundings = field(default_factory=Surroundings)

    @property
    def takes_stores(self) -> bool:
        return self.stores in ("taken", "there")


def look_at(target: Target, settings: Settings) -> Place:
    """Nothing should be built for a server that is not there, or that does not let this user in. Raises: ApiError."""
    import asyncio

    from faas.deploy.cluster_image import node_platforms
    from faas.deploy.surroundings import look_around

    namespace = target.namespace

    async def look(client: HttpClient) -> Place:
        async def nodes() -> tuple[Platform, ...]:
            return settings.build.platforms or await node_platforms(client)

        asked = nodes(), _stores(client, namespace), look_around(client, namespace)
        return Place(*await asyncio.gather(*asked))

    return with_client(target, look)


async def _stores(client: HttpClient, namespace: str) -> Literal["taken", "there", "refused", "unknown"]:
    from faas.client.errors import Forbidden, NotFound, Unauthorized
    from faas.client.services.store import NAME
    from faas.deploy.live import is_kind_missing
    from faas.resources.kinds import DEPLOYMENT

    try:
        await client.get(DEPLOYMENT, NAME, namespace)
    except NotFound as error:
        return "unknown" if is_kind_missing(error) else "taken"
    except Unauthorized:
        raise
    except Forbidden:
        return "refused"
    return "there"


def warn_of_lost_letters(place: Place, settings: Settings, prepared: Prepared, target: Target) -> None:
    """Who may not make the store that a deploy else makes should know what that means."""
    if place.stores != "refused" or not settings.dead_letters:
        return
    without = [
        trigger["metadata"]["name"] for trigger in prepared.objects.triggers
        if "deadLetterSink" not in (trigger["spec"].get("delivery") or {})
    ]  # fmt: skip
    if without:
        note(
            f"warning: events that cannot be delivered are lost: {', '.join(without)}\n"
            f"  Their store takes rights on Deployments in {target.namespace}. An administrator grants it:\n"
            f"  faas export rbac --project{target.flags} | kubectl apply -f -"
            "     (do without: dead_letters = false)"
        )


def tell_of_left_store(place: Place, settings: Settings, target: Target) -> None:
    """No deploy takes the store away: it may hold letters, and those of other projects."""
    if place.stores != "there" or settings.dead_letters:
        return
    import shlex

    from faas.client.services.store import NAME

    where = f"-n {target.namespace} --context {shlex.quote(target.context)}"
    note(
        f"{NAME} of {target.namespace} stays, though this project wants no dead letters kept: others may use it\n"
        f"  Remove it, and the letters in it:  kubectl delete deployment,service,pvc,secret {NAME} {where}"
    )


def _destination(
    settings: Settings, nodes: tuple[Platform, ...], steps: Steps, registry: str, *, push: bool
) -> Destination:
    from faas.deploy.cluster_image import choose_platforms, destination_of

    destination = destination_of(settings, registry, push=push)
    with steps.step("resolve") as log:
        platforms = choose_platforms(settings.build.platforms, nodes, log)
        log(f"for {', '.join(map(str, platforms))}, to {destination.name.registry}/{destination.name.repository}")
    return replace(destination, platforms=platforms)


async def ask_plan(client: HttpClient, prepared: Prepared, *, force: bool) -> Plan:
    """What a deploy would change, of what was prepared and of what only the server can tell that it takes.

    Raises: FieldConflicts, NoNamespace, KindMissing; ApiError.
    """
    from faas.deploy.deploying import plan_deploy

    objects = prepared.objects
    beside: tuple[Object, ...] = ()
    if prepared.store_image:
        objects, beside = await _with_dead_letters(client, prepared)
    return await plan_deploy(
        client, objects, project=prepared.project, namespace=prepared.namespace, stage=prepared.stage,
        whole=prepared.whole, force=force, beside=beside,
    )  # fmt: skip


async def _with_dead_letters(client: HttpClient, prepared: Prepared) -> tuple[Objects, tuple[Object, ...]]:
    """Our store, where Triggers send what nobody took, as far as there is nothing else for it."""
    from faas.deploy.dead_letters import dead_letter_store, uses_store, with_dead_letter_sinks
    from faas.resources.kinds import BROKER

    brokers = (await client.list(BROKER, prepared.namespace)).items
    objects = with_dead_letter_sinks(prepared.objects, prepared.namespace, brokers)
    if not uses_store(objects.triggers):
        return objects, ()
    return objects, await dead_letter_store(client, prepared.namespace, prepared.store_image)
