"""What would stop a deploy, known before anything is built or pushed: its namespace, rights, and what functions name.

One round of questions, all at once. What this user may not ask counts as there: whoever needs it says so later.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from faas.client.errors import ApiError, NotFound, Unauthorized
from faas.client.protocol import Client, Object
from faas.deploy.bounded import each
from faas.deploy.errors import NoNamespace, NoRights
from faas.deploy.events import is_described
from faas.deploy.live import Which, kind_of_manifest, which
from faas.resources.kinds import BROKER, CONFIG_MAP, NAMESPACE, SECRET, SERVICE_ACCOUNT, VOLUME_CLAIM, Kind

MayApply = Callable[[Kind, str], Awaitable[bool]]
"""Whether this user may apply objects of a kind in the namespace, or the one of a name ("": any of them).

Raises: ApiError: it may not even be asked.
"""

_ONE_OF = {"secretKeyRef": SECRET, "configMapKeyRef": CONFIG_MAP, "secretRef": SECRET, "configMapRef": CONFIG_MAP}
_VOLUMES = {
    "secret": (SECRET, "secretName"),
    "configMap": (CONFIG_MAP, "name"),
    "persistentVolumeClaim": (VOLUME_CLAIM, "claimName"),
}


@dataclass(frozen=True, slots=True)
class Reference:
    """Something that an object only names; it does not start without it."""

    kind: Kind
    name: str
    key: str = ""  # that has to be in it


@dataclass(frozen=True, slots=True)
class Missing:
    reference: Reference
    users: tuple[str, ...]  # who names it
    whole: bool  # not only its key

    def __str__(self) -> str:
        kind, name = self.reference.kind.kind, self.reference.name
        what = f"there is no {kind} {name}" if self.whole else f"{kind} {name} has no key {self.reference.key}"
        return f"{what}, which {', '.join(self.users)} needs"


async def check_before(
    client: Client, objects: Sequence[Object], namespace: str, may_apply: MayApply, *, create_namespace: bool = False
) -> list[Missing]:
    """What functions name and is not there; the rest stops a deploy.

    Raises: NoNamespace; NoRights; Unauthorized.
    """
    rights, users = rights_for(objects), users_of(objects)
    named = [(NAMESPACE, namespace), *dict.fromkeys((reference.kind, reference.name) for reference in users)]

    async def may(right: Which) -> Any:
        return await _known(may_apply(*right))

    async def get(which: Which) -> Any:
        return await _known(client.get(*which, "" if which[0] == NAMESPACE else namespace))

    questions = [*((may, right) for right in rights), *((get, name) for name in named)]
    answers = await each(questions, lambda question: question[0](question[1]))
    allowed, found = answers[: len(rights)], dict(zip(named, answers[len(rights) :], strict=True))
    if refused := [kind for (kind, _), allows in zip(rights, allowed, strict=True) if allows is False]:
        raise NoRights(namespace, list(dict.fromkeys(refused)))
    if found.pop((NAMESPACE, namespace)) is None and not create_namespace:
        raise NoNamespace(namespace)
    return missing_of(users, found)


def rights_for(objects: Sequence[Object]) -> list[Which]:
    """What has to be applied: kinds, and Secrets by their names, as a careful administrator grants those. Pure.

    A Broker that is merely named is made where it is missing, and never applied.
    """
    applied = ((kind_of_manifest(obj), obj) for obj in objects)
    return list(dict.fromkeys(
        (kind, str(obj["metadata"]["name"]) if kind == SECRET else "")
        for kind, obj in applied if kind != BROKER or is_described(obj)
    ))  # fmt: skip


def users_of(objects: Sequence[Object]) -> dict[Reference, tuple[str, ...]]:
    """Who names what of that which is none of them itself. Pure."""
    made = set(map(which, objects))
    found: dict[Reference, tuple[str, ...]] = {}
    for obj in objects:
        for reference in dict.fromkeys(_references(obj.get("spec") or {})):
            if (reference.kind, reference.name) not in made:
                found[reference] = (*found.get(reference, ()), str(obj["metadata"]["name"]))
    return found


def missing_of(users: Mapping[Reference, tuple[str, ...]], there: Mapping[Which, Any]) -> list[Missing]:
    """Pure. Args: there: objects, None for what is not there, True for what cannot be told."""
    found = []
    for reference, names in users.items():
        obj = there[reference.kind, reference.name]
        if obj is None:
            found.append(Missing(Reference(reference.kind, reference.name), names, whole=True))
        elif obj is not True and reference.key and reference.key not in _keys(obj):
            found.append(Missing(reference, names, whole=False))
    return list(dict.fromkeys(found))


def _references(value: Any) -> Iterator[Reference]:
    """What has to be there of all that a spec names."""
    if isinstance(value, list):
        for member in value:
            yield from _references(member)
    if not isinstance(value, Mapping):
        return
    for field, member in value.items():
        if field == "serviceAccountName" and member and member != "default":
            yield Reference(SERVICE_ACCOUNT, str(member))
        if isinstance(member, Mapping) and not member.get("optional"):
            if field in _ONE_OF and member.get("name"):
                yield Reference(_ONE_OF[field], str(member["name"]), str(member.get("key") or ""))
            kind, name = _VOLUMES.get(field, (SECRET, ""))
            if name and isinstance(member.get(name), str):
                yield Reference(kind, member[name])
        yield from _references(member)


def _keys(obj: Mapping[str, Any]) -> set[str]:
    return {*(obj.get("data") or {}), *(obj.get("binaryData") or {})}


async def _known(question: Awaitable[Any]) -> Any:
    """The answer, None for what is not there, True for what this user may not ask."""
    try:
        return await question
    except NotFound:
        return None
    except Unauthorized:
        raise
    except ApiError:
        return True
