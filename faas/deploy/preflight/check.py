"""What would stop a deploy, known before anything is built or pushed: its namespace, rights, and what functions name.

One round of questions, all at once. What this user may not ask counts as there: whoever needs it says so later.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from faas.client.errors import ApiError, NotFound, Unauthorized
from faas.client.protocol import Client, Object
from faas.deploy.bounded import each
from faas.deploy.errors import NamespaceLeaving, NoNamespace, NoRights
from faas.deploy.facts import Missing
from faas.deploy.objects.which import Which, kind_of_manifest
from faas.deploy.preflight.missing import missing_of, users_of
from faas.project.manifests.labels import is_deployed
from faas.resources.kinds import BROKER, NAMESPACE, SECRET, Kind

MayApply = Callable[[Kind, str], Awaitable[bool]]
"""Whether this user may apply objects of a kind in the namespace, or the one of a name ("": any of them).

Raises: ApiError: it may not even be asked.
"""


async def check_before(
    client: Client, objects: Sequence[Object], namespace: str, may_apply: MayApply, *, create_namespace: bool = False
) -> list[Missing]:
    """What functions name and is not there; the rest stops a deploy.

    Raises: NoNamespace; NamespaceLeaving; NoRights; Unauthorized.
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
    there = found.pop((NAMESPACE, namespace))
    if there is None and not create_namespace:
        raise NoNamespace(namespace)
    if isinstance(there, dict) and there["metadata"].get("deletionTimestamp"):
        raise NamespaceLeaving(namespace)
    return missing_of(users, found)


def rights_for(objects: Sequence[Object]) -> list[Which]:
    """What has to be applied: kinds, and Secrets by their names, as a careful administrator grants those. Pure.

    A Broker that is merely named is made where it is missing, and never applied.
    """
    applied = ((kind_of_manifest(obj), obj) for obj in objects)
    return list(dict.fromkeys(
        (kind, str(obj["metadata"]["name"]) if kind == SECRET else "")
        for kind, obj in applied if kind != BROKER or is_deployed(obj)
    ))  # fmt: skip


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
