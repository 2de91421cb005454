"""What to tell of Services that did not become ready: why, what they wrote last, and what serves them still."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from faas.client.errors import ApiError
from faas.client.protocol import Client
from faas.deploy.bounded import each
from faas.deploy.facts import Failure, Kept
from faas.deploy.objects.plan import Change
from faas.deploy.reasons.conditions import said_of
from faas.deploy.reasons.logs import last_lines
from faas.deploy.reasons.looking import Troubles
from faas.deploy.reasons.trouble import Trouble
from faas.deploy.services import traffic
from faas.deploy.services.wait import Verdict
from faas.resources.kinds import SERVICE


@dataclass(frozen=True, slots=True)
class Ended:
    """A wait that came to nothing. All but the last are by the names of Services."""

    verdicts: Mapping[str, Verdict]  # of those that are not ready
    revisions: Mapping[str, str]  # that they waited for, as far as there are any
    troubles: Mapping[str, Trouble]  # that are known, and that nobody waited out
    timeout_s: float


async def failures_of(client: Client, namespace: str, ended: Ended) -> tuple[Failure, ...]:
    """Why each is not ready, as its Pods and Events say it now."""
    troubles = {**ended.troubles, **await Troubles(client, namespace).look(ended.revisions)}

    async def failure(name: str) -> Failure:
        verdict, revision, trouble = ended.verdicts[name], ended.revisions.get(name, ""), troubles.get(name)
        lines = await last_lines(client, namespace, revision) if revision else ()
        is_waiting = verdict.state == "waiting"
        message, advice = said_of(verdict.reason, verdict.message)
        if trouble is not None:
            message, advice = (trouble.sentence if is_waiting or not message else message), trouble.advice
        if is_waiting:
            message = f"not within {ended.timeout_s:g} s" + (f": {message}" if message else "")
        reason = trouble.reason if trouble is not None and is_waiting else verdict.reason
        return Failure(name, reason, message, revision, lines, advice)

    return tuple(await each(ended.verdicts, failure))


async def kept_of(client: Client, namespace: str, changes: Sequence[Change]) -> tuple[Kept, ...]:
    """The Services that their old revisions serve, asked of the server: a failure's message must not guess."""

    async def kept(change: Change) -> Kept | None:
        try:
            status = (await client.get(SERVICE, change.name, namespace)).get("status") or {}
        except ApiError:
            return None
        serving = [target for target in status.get("traffic") or () if target.get("percent")]
        new = status.get("latestCreatedRevisionName")
        begun = change.new_revision and new != ((change.live or {}).get("status") or {}).get(
            "latestCreatedRevisionName"
        )
        has_moved = begun and any(target.get("revisionName") == new for target in serving)
        return None if has_moved else Kept(change.name, traffic.describe(serving))

    return tuple(found for found in await each(changes, kept) if found is not None)
