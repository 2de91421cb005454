"""Until what leads to Services is ready, with what is said meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from faas.client.protocol import Client
from faas.deploy.bindings.settled import PASSING, judge_ready, wait_settled
from faas.deploy.facts import EventFailure
from faas.deploy.objects.plan import Change
from faas.deploy.services.wait import Verdict
from faas.resources.kinds import Kind

Log = Callable[[str], None]


async def wait_ready(
    client: Client, changes: Sequence[Change], namespace: str, timeout_s: float, patience_s: float, log: Log
) -> list[EventFailure]:
    """What is not ready in the end; what was so before and is as it was is not asked about."""
    touched = {(change.kind, change.name) for change in changes if change.action != "unchanged"}
    told: set[str] = set()

    def tell(line: str) -> None:
        """Once: a Trigger may be ready, not so, and ready again, while its Broker's parts hear of each other."""
        if line not in told:
            told.add(line)
            log(line)

    def changed(which: tuple[Kind, str], verdict: Verdict) -> None:
        kind, name = which
        if verdict.reason in PASSING:
            return  # one that lasts is told at the end
        if verdict.state == "failed" or (verdict.state == "waiting" and verdict.reason not in ("", "OutOfDate")):
            message, _, _ = verdict.message.partition("\n")
            tell(f"{name}: {kind.kind} {verdict.reason} {message}".rstrip())
        elif verdict.state == "ready" and which in touched:
            tell(f"{name}: {kind.kind} ready" + (f", called at {verdict.message}" if verdict.message else ""))

    wanted = [
        (change.kind, change.name) for change in changes
        if change.action != "unchanged" or change.live is None or judge_ready(change.live).state != "ready"
    ]  # fmt: skip
    verdicts = await wait_settled(
        client, namespace, wanted, timeout_s=timeout_s, patience_s=patience_s, changed=changed
    )
    return [
        EventFailure(kind.kind, name, verdict.reason, verdict.message or _unsaid(verdict, timeout_s))
        for (kind, name), verdict in verdicts.items()
        if verdict.state != "ready"
    ]


def _unsaid(verdict: Verdict, timeout_s: float) -> str:
    return "" if verdict.state == "failed" else f"not within {timeout_s:g} s"
