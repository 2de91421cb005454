"""What becomes of a deploy's dead letters on a cluster, and what of that somebody should know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from faas.cli.output import note

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faas.client.http.client import HttpClient
    from faas.client.places.targets import Target
    from faas.client.protocol import Object
    from faas.deploy.prepare import Prepared
    from faas.project.manifests.objects import Objects
    from faas.project.pyproject.settings import Settings

Stores = Literal["taken", "there", "refused", "unknown"]
"""What a cluster says of Deployments, as our store of dead letters is one; there: it has been made already."""


async def find_store(client: HttpClient, namespace: str) -> Stores:
    """Raises: ApiError: the server is not there, or does not let this user in."""
    from faas.client.errors import Forbidden, NotFound, Unauthorized
    from faas.client.services.store import NAME
    from faas.deploy.objects.live import is_kind_missing
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


async def with_dead_letters(client: HttpClient, prepared: Prepared) -> tuple[Objects, tuple[Object, ...]]:
    """Our store, where Triggers send what nobody took, as far as there is nothing else for it.

    Who may not make it leaves the sinks that Triggers have there; the store is somebody else's then.
    """
    from faas.client.visible import list_visible
    from faas.deploy.objects.live import read_live
    from faas.deploy.programs.dead_letters import dead_letter_store, uses_store, with_dead_letter_sinks
    from faas.resources.kinds import BROKER

    objects, namespace = prepared.objects, prepared.namespace
    if prepared.letters == "none" or not objects.triggers:
        return objects, ()
    if prepared.letters == "kept":
        live = await read_live(client, objects.triggers, namespace=namespace)
        kept = uses_store(list(live.objects.values()))
        brokers = await list_visible(client, BROKER, namespace, set()) if kept else []
        return with_dead_letter_sinks(objects, namespace, brokers, only=kept), ()
    objects = with_dead_letter_sinks(objects, namespace, (await client.list(BROKER, namespace)).items)
    if not uses_store(objects.triggers):
        return objects, ()
    return objects, await dead_letter_store(client, namespace, prepared.store_image)


def warn_of_letters(triggers: Sequence[Object], target: Target) -> None:
    """Who may not make the store that a deploy else makes should know what that means.

    Args: triggers: as they will be.
    """
    from faas.client.services.store import NAME
    from faas.deploy.programs.dead_letters import uses_store

    if kept := uses_store(triggers):
        note(
            f"warning: dead letters of {', '.join(kept)} go on to {NAME} of {target.namespace}, which you may not see:"
            " nobody has looked whether it runs"
        )
    without = [
        trigger["metadata"]["name"] for trigger in triggers
        if "deadLetterSink" not in (trigger["spec"].get("delivery") or {})
    ]  # fmt: skip
    if without:
        note(
            f"warning: events that cannot be delivered are lost: {', '.join(without)}\n"
            f"  Their store takes rights on Deployments in {target.namespace}. An administrator grants it:\n"
            f"  faas export rbac --project{target.flags} | kubectl apply -f -"
            "     (do without: dead_letters = false)"
        )


def tell_of_left_store(stores: Stores, settings: Settings, target: Target) -> None:
    """No deploy takes the store away: it may hold letters, and those of other projects."""
    if stores != "there" or settings.dead_letters:
        return
    import shlex

    from faas.client.services.store import NAME

    where = f"-n {target.namespace} --context {shlex.quote(target.context)}"
    note(
        f"{NAME} of {target.namespace} stays, though this project wants no dead letters kept: others may use it\n"
        f"  Remove it, and the letters in it:  kubectl delete deployment,service,pvc,secret {NAME} {where}"
    )
