"""What is there already of a project: each kind is listed once, and only what no label finds is asked for by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from faas.client.errors import Forbidden, NotFound, Unauthorized
from faas.client.protocol import Client, Object
from faas.deploy.bounded import each
from faas.deploy.errors import KindMissing
from faas.project.labels import PROJECT_LABEL, STAGE_LABEL
from faas.resources import kinds
from faas.resources.kinds import Kind

Which = tuple[Kind, str]  # kind and name

_KINDS = {(kind.api_version, kind.kind): kind for kind in vars(kinds).values() if isinstance(kind, Kind)}


def kind_of_manifest(manifest: Mapping[str, object]) -> Kind:
    """The kind that an object says it is, in the version it says."""
    return _KINDS[str(manifest["apiVersion"]), str(manifest["kind"])]


def which(manifest: Object) -> Which:
    return kind_of_manifest(manifest), str(manifest["metadata"]["name"])


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
        answers = await each(asked, lambda kind: _list(client, kind, namespace, project, needed=kind in needed))
        listed = dict(zip(asked, answers, strict=True))
    objects: dict[Which, Object] = {}
    for kind, items in listed.items():
        for item in items or ():
            if stage_of(item) == stage or (kind, item["metadata"]["name"]) in wanted:
                objects[kind, item["metadata"]["name"]] = item
    labelled = frozenset(found for found, item in objects.items() if stage_of(item) == stage)
    others = [each_one for each_one in wanted if each_one not in objects]
    answers_by_name = await each(others, lambda one: _get(client, *one, namespace))
    objects |= {one: item for one, item in zip(others, answers_by_name, strict=True) if item is not None}
    return Live(objects, labelled, frozenset(kind for kind, items in listed.items() if items is None))


def stage_of(obj: Object) -> str:
    return str((obj["metadata"].get("labels") or {}).get(STAGE_LABEL) or "")


def is_kind_missing(error: NotFound) -> bool:
    """Whether it is the kind that is not there, and no object of it: a server that does not know a kind names none."""
    return not error.name


async def _list(client: Client, kind: Kind, namespace: str, project: str, *, needed: bool) -> list[Object] | None:
    """None: this user may not see it."""
    try:
        return (await client.list(kind, namespace, label_selector=f"{PROJECT_LABEL}={project}")).items
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
