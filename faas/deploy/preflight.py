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
from faas.deploy.live import Which, kind_of_manifest, which
from faas.resources.kinds import CONFIG_MAP, NAMESPACE, SECRET, SERVICE_ACCOUNT, VOLUME_CLAIM, Kind

MayApply = Callable[[Kind], Awaitable[bool]]
"""Whether this user may apply objects of a kind in the namespace. Raises: ApiError: it may not even be asked."""

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
    kinds = list(dict.fromkeys(map(kind_of_manifest, objects)))
    users = users_of(objects)
    asked = list(dict.fromkeys((reference.kind, reference.name) for reference in users))

    async def ask(question: Kind | Which) -> Any:
        if isinstance(question, Kind):
            return await _known(may_apply(question))
        return await _known(client.get(*question, "" if question[0] == NAMESPACE else namespace))

    questions: list[Kind | Which] = [(NAMESPACE, namespace), *kinds, *asked]
    there, *answers = await each(questions, ask)
    if refused := [kind for kind, allowed in zip(kinds, answers, strict=False) if allowed is False]:
        raise NoRights(namespace, refused)
    if there is None and not create_namespace:
        raise NoNamespace(namespace)
    return missing_of(users, dict(zip(asked, answers[len(kinds) :], strict=True)))


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
