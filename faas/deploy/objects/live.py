"""What is there already of a project: each kind is listed once, and only what no label finds is asked for by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from faas.client.errors import Forbidden, NotFound, Unauthorized
from faas.client.protocol import Client, Object
from faas.deploy.bounded import each
from faas.deploy.errors import KindMissing
from faas.deploy.objects.which import Which, which
from faas.project.manifests.labels import PROJECT_LABEL, STAGE_LABEL
from faas.resources.kinds import SECRET, Kind

_FEW = 3  # asked for by name; more are less work for a server as one list. Not Secrets: others' are nobody's to read


@dataclass(frozen=True, slots=True)
class Live:
    """Objects as they are, by kind and name."""

    objects: Mapping[Which, Object] = field(default_factory=dict)
    labelled: frozenset[Which] = frozenset()  # those that a deploy of this project (and stage) made
    unknown: frozenset[Kind] = frozenset()  # kinds that this user may not list: what has gone cannot be told


async def read_live(
    client: Client,
    manifests: Sequence[Object],
    *,
    namespace: str,
    project: str = "",
    stage: str = "",
    prunable: Iterable[Kind] = (),
) -> Live:
    """Read what is there of these manifests, and of the project whatever kind a deploy makes.

    Args:
        project: "": nothing has labels, all is asked for by name.
        prunable: kinds of which the project may have had more.
    Raises: KindMissing: the server does not have a kind that is wanted; ApiError.
    """
    wanted = dict.fromkeys(map(which, manifests))
    needed = {kind for kind, _ in wanted}
    listed: dict[Kind, list[Object] | None] = {}
    if project:
        asked = list(dict.fromkeys([*needed, *prunable]))
        ours = f"{PROJECT_LABEL}={project}"
        answers = await each(asked, lambda kind: _list(client, kind, namespace, ours, needed=kind in needed))
        listed = dict(zip(asked, answers, strict=True))
    objects: dict[Which, Object] = {}
    for kind, items in listed.items():
        for item in items or ():
            if stage_of(item) == stage or (kind, item["metadata"]["name"]) in wanted:
                objects[kind, item["metadata"]["name"]] = item
    labelled = frozenset(found for found, item in objects.items() if stage_of(item) == stage)
    objects |= await _without_label(client, [one for one in wanted if one not in objects], namespace)
    return Live(objects, labelled, frozenset(kind for kind, items in listed.items() if items is None))


async def _without_label(client: Client, wanted: Sequence[Which], namespace: str) -> dict[Which, Object]:
    """What is there of objects that no label finds: by name, or of a kind of which many are wanted, all at once."""
    by_kind: dict[Kind, list[Which]] = {}
    for one in wanted:
        by_kind.setdefault(one[0], []).append(one)

    async def of_kind(kind: Kind) -> Mapping[Which, Object] | None:
        items = await _list(client, kind, namespace, needed=True)
        return None if items is None else {(kind, item["metadata"]["name"]): item for item in items}

    many = [kind for kind, ones in by_kind.items() if len(ones) > _FEW and kind != SECRET]
    lists = dict(zip(many, await each(many, of_kind), strict=True))
    few = [one for one in wanted if lists.get(one[0]) is None]
    found = dict(zip(few, await each(few, lambda one: _get(client, *one, namespace)), strict=True))
    for listed in filter(None, lists.values()):
        found |= {one: listed.get(one) for one in wanted if one in listed}
    return {one: item for one, item in found.items() if item is not None}


def stage_of(obj: Object) -> str:
    return str((obj["metadata"].get("labels") or {}).get(STAGE_LABEL) or "")


def is_kind_missing(error: NotFound) -> bool:
    """Whether it is the kind that is not there, and no object of it: a server that does not know a kind names none."""
    return not error.name


async def _list(client: Client, kind: Kind, namespace: str, selector: str = "", *, needed: bool) -> list[Object] | None:
    """None: this user may not see it."""
    try:
        return (await client.list(kind, namespace, label_selector=selector)).items
    except NotFound as error:
        if needed:
            raise KindMissing(kind) from error
        return []
    except Unauthorized:
        raise
    except Forbidden:
        return None


async def _get(client: Client, kind: Kind, name: str, namespace: str) -> Object | None:
    """None also for who may not see it: an apply then says what it lacks."""
    try:
        return await client.get(kind, name, namespace)
    except NotFound as error:
        if is_kind_missing(error):
            raise KindMissing(kind) from error
        return None
    except Unauthorized:
        raise
    except Forbidden:
        return None
