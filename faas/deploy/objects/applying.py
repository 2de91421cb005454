"""One object onto a server, by server-side apply as the field manager `faas`."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from faas.client.errors import ApiError, Conflict, NotFound
from faas.client.protocol import Client, Object
from faas.deploy.errors import FieldConflicts, KindMissing, NoNamespace, QuotaExceeded
from faas.deploy.objects.conflicts import conflicts_of
from faas.deploy.objects.hidden import hide_in
from faas.deploy.objects.live import is_kind_missing
from faas.deploy.objects.plan import Change
from faas.deploy.reasons.quota import is_quota, quota_words
from faas.resources.kinds import SECRET, SERVICE, Kind

MANAGER = "faas"
_TRIES, _PAUSE_S = 5, 0.1  # against others who write the same object at the same moment

T = TypeVar("T")


async def unless_stale(write: Callable[[], Awaitable[T]]) -> T:
    """Try a write that names no version again when a server was disturbed in it; a quarrel about fields stays one."""
    for attempt in range(1, _TRIES):
        try:
            return await write()
        except Conflict as error:
            if error.causes:
                raise
            await asyncio.sleep(_PAUSE_S * attempt * random.uniform(0.5, 1.0))
    return await write()


async def apply(
    client: Client, manifest: Object, *, kind: Kind = SERVICE, dry_run: bool = False, force: bool = True
) -> Object:
    """Apply an object on the server's side, as its owner.

    Args: force: take over the fields that others have set; without it they are a Conflict.
    Raises: NoNamespace; KindMissing; QuotaExceeded; ApiError.
    """
    metadata = manifest["metadata"]
    name, namespace = metadata["name"], metadata["namespace"]
    try:
        return await unless_stale(
            lambda: client.patch(
                kind, name, manifest, namespace, type="apply", dry_run=dry_run, field_manager=MANAGER, force=force
            )
        )
    except NotFound as error:
        if error.kind.lower().startswith("namespace"):
            raise NoNamespace(namespace) from error
        if is_kind_missing(error):
            raise KindMissing(kind) from error
        raise
    except ApiError as error:
        if kind == SECRET:
            hide_in(error, manifest)
        if is_quota(error.message):  # as the API server says it, or Knative's webhook, which tries to make a Pod
            raise QuotaExceeded(name, *quota_words(error.message)) from error
        error.add_note(f"while applying {name}")
        raise


async def apply_change(client: Client, change: Change, *, force: bool) -> Object:
    """Raises: FieldConflicts: somebody has set one of its fields since the plan was made; ApiError."""
    try:
        return await apply(client, change.manifest, kind=change.kind, force=force)
    except Conflict as error:
        if found := conflicts_of(change.kind.kind, change.name, error):
            raise FieldConflicts(found) from error
        raise
