"""The deploy itself: apply Services, wait for their revisions, then let traffic move, for all of them or for none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from faas.client.errors import ApiError
from faas.client.protocol import Client, Object
from faas.deploy.bounded import each
from faas.deploy.errors import NotReady, Overtaken
from faas.deploy.facts import Failure, Kept
from faas.deploy.objects.applied import stamp_of, stamped
from faas.deploy.objects.applying import apply_change, unless_stale
from faas.deploy.objects.plan import Change
from faas.deploy.reasons.conditions import without_frame
from faas.deploy.reasons.lasting import given_up_words
from faas.deploy.reasons.looking import Troubles
from faas.deploy.reasons.trouble import Trouble
from faas.deploy.services import traffic
from faas.deploy.services.failing import Ended, failures_of, kept_of
from faas.deploy.services.holding import hold, rollout_s, serving, split_of
from faas.deploy.services.wait import Goal, Verdict, judge, wait_for
from faas.deploy.steps import Steps
from faas.resources.kinds import SERVICE

Log = Callable[[str], None]

_RELEASED: dict[str, str | None] = {traffic.HELD: None, traffic.ROLLED_BACK: None}
_BACK_S = 30.0  # until routes know that a failed deploy's traffic goes back: a deploy has failed then, and tells of it


@dataclass(frozen=True, slots=True)
class DeployOptions:
    traffic: bool = True  # --no-traffic: the new revisions get none
    tag: str = ""  # a tag for each new revision
    wait: bool = True
    wait_timeout_s: float = 600.0
    independent: bool = False  # each Service moves its traffic as soon as it can
    force_conflicts: bool = False  # take over the fields that others have set
    claims: bool = True  # make ClusterDomainClaims; the engine does by itself
    patience_s: float = 0.0  # how long a failure may last before it is one


async def carry_out(client: Client, changes: Sequence[Change], options: DeployOptions, steps: Steps) -> list[Object]:
    """Make the changes and return the Services as they are then, in the order of `changes`.

    When several get a new revision, all of these become ready before any traffic moves; when one fails, all traffic
    stays where it was, or goes back there: what rolls out gradually begins as soon as it is ready itself, and is made
    after all others. What is unchanged and ready is not asked about again.
    Raises: NotReady; Overtaken; FieldConflicts: somebody was faster; ApiError.
    """
    rollout = _Rollout(client, changes, options, steps)
    return await rollout.run()


class _Rollout:
    def __init__(self, client: Client, changes: Sequence[Change], options: DeployOptions, steps: Steps) -> None:
        self._client, self._changes, self._options, self._steps = client, changes, options, steps
        self._namespace = changes[0].manifest["metadata"]["namespace"]
        self._seen: dict[str, Object] = {change.name: change.live for change in changes if change.live is not None}
        self._deadline_s = 0.0  # of the loop's clock
        self._given_up: Mapping[str, Trouble] = {}  # what keeps those that nobody waits for any longer
        self._holding = hold(
            changes, stays=not options.traffic or bool(options.tag), together=options.wait and not options.independent
        )
        self._pinned = {change.name for change in self._holding.pinned}

    async def run(self) -> list[Object]:
        self._deadline_s = asyncio.get_running_loop().time() + self._options.wait_timeout_s
        for changes in filter(None, (self._holding.first, self._holding.last)):
            await self._begin(changes)
        if not self._options.wait:
            return [self._seen[change.name] for change in self._changes]
        with self._steps.step("traffic") as log:
            for change, said in zip(self._changes, await each(self._changes, self._move_traffic), strict=True):
                if said:
                    log(f"{change.name}: {said}")
            self._deadline_s += self._tell_of_rollouts(log)
            await self._wait("service")
        objects = [self._seen[change.name] for change in self._changes]
        if overtaken := [change.name for change, obj in zip(self._changes, objects, strict=True)
                         if stamp_of(obj) != stamp_of(stamped(change.manifest))]:  # fmt: skip
            raise Overtaken(overtaken)
        return objects

    async def _begin(self, changes: Sequence[Change]) -> None:
        """Apply these and wait for their revisions. Raises: NotReady: no traffic has moved then, or it is back."""
        with self._steps.step("apply") as log:
            await self._prepare(changes, log)
            await each(changes, self._apply)
            for change in changes:
                log(f"{change.name}: {_what(change)}")
            if changes is not self._holding.last:
                for change in self._holding.last:
                    log(f"{change.name}: rolls out gradually, when all others are ready")
        if self._options.wait:
            with self._steps.step("wait") as log:
                await self._wait("revision", log, [change.name for change in changes])

    async def _apply(self, change: Change) -> None:
        if change.action != "unchanged":
            force = self._options.force_conflicts
            self._seen[change.name] = await apply_change(self._client, change, force=force)

    async def _prepare(self, changes: Sequence[Change], log: Log) -> None:
        """Hold what is to be held, let go what should not be any more, and wait until the routes know.

        A revision that is made while a route still means @latest counts as routed; when the route then turns away from
        it, it is in reserve, and what is in reserve is not started: it would never become ready.
        """
        pinned = [change for change in self._holding.pinned if change in changes]
        released = [change for change in self._holding.released if change in changes]
        await each(pinned, self._hold)
        await each(released, self._release)
        for change in pinned:
            log(f"{change.name}: stays at {serving(change)} for now")
        await self._wait("routes", names=sorted(change.name for change in (*pinned, *released)))

    async def _hold(self, change: Change) -> None:
        live, latest = self._seen[change.name], serving(change)
        if latest is None:
            return
        wanted = traffic.wanted(live, new_revision=change.new_revision)
        note = traffic.hold(wanted) if self._options.traffic else None
        await self._set_traffic(change.name, traffic.pin(split_of(live), latest), {traffic.HELD: note})

    async def _release(self, change: Change) -> None:
        wanted = traffic.wanted(self._seen[change.name], new_revision=True)
        await self._set_traffic(change.name, wanted, _RELEASED)

    async def _go_back(self) -> None:
        """Hold those that may have begun to move, or would when nobody looks any more."""
        names = [change.name for change in self._holding.last]
        try:
            await each(self._holding.last, self._hold)
            await wait_for(self._client, self._namespace, names, "routes", objects=self._seen, timeout_s=_BACK_S)
        except ApiError:
            pass  # the failure itself is what matters; what is told to be where it was is asked after this

    async def _move_traffic(self, change: Change) -> str:
        """Let traffic go where it should be; returns what to say about it."""
        live = self._seen[change.name]
        ends_rollback = change.new_revision and self._options.traffic and traffic.is_rolled_back(live)
        wanted = traffic.wanted(live, new_revision=ends_rollback)
        if not self._options.traffic and change.name in self._pinned:
            wanted = live["spec"]["traffic"]
        if self._options.tag:
            newest = live["status"]["latestReadyRevisionName"]
            wanted = traffic.change(wanted, tags={self._options.tag: newest})
        if traffic.held(live) is None and traffic.same(wanted, split_of(live)):
            return "" if traffic.has_latest(wanted) else f"stays at {traffic.describe(wanted)}"
        await self._set_traffic(change.name, wanted, _RELEASED if self._options.traffic else {traffic.HELD: None})
        over = f": {live['status']['latestReadyRevisionName']}, the rollback is over" if ends_rollback else ""
        return f"{traffic.describe(wanted)}{over}"

    def _tell_of_rollouts(self, log: Log) -> float:
        """How many seconds more than its start the longest of the rollouts that go on now takes."""
        longest_s = 0.0
        for change in self._changes:
            duration_s = rollout_s(change) if change.new_revision and change.name not in self._pinned else 0.0
            if duration_s and traffic.has_latest(split_of(self._seen[change.name])) and serving(change):
                log(f"{change.name}: rolls out over {duration_s:g} s")
                longest_s = max(longest_s, duration_s)
        return longest_s

    async def _set_traffic(self, name: str, targets: list[traffic.Target], annotations: dict[str, str | None]) -> None:
        """Replace a Service's split. `annotations` are set with it, None takes one away."""
        patch: Object = {"spec": {"traffic": targets}, "metadata": {"annotations": annotations}}
        self._seen[name] = await unless_stale(
            lambda: self._client.patch(SERVICE, name, patch, self._namespace, field_manager=traffic.MANAGER)
        )

    async def _wait(self, goal: Goal, log: Log = lambda line: None, names: Sequence[str] | None = None) -> None:
        """Until all are so; what is so already, as far as it was seen, is not asked about."""
        asked = [change.name for change in self._changes] if names is None else names
        unready = [name for name in asked if judge(self._seen[name], goal).state != "ready"]
        if not unready:
            return
        verdicts = await self._watch(unready, goal, log)
        failing = {name: verdict for name, verdict in verdicts.items() if verdict.state != "ready"}
        if failing:
            if goal == "revision" and failing.keys() <= {change.name for change in self._holding.last}:
                await self._go_back()
            raise NotReady(await self._failures(failing), kept=await self._kept())

    async def _failures(self, verdicts: Mapping[str, Verdict]) -> tuple[Failure, ...]:
        ended = Ended(verdicts, self._newest(verdicts), self._given_up, self._options.wait_timeout_s)
        return await failures_of(self._client, self._namespace, ended)

    async def _kept(self) -> tuple[Kept, ...]:
        touched = [change for change in self._changes if change.new_revision or change.name in self._pinned]
        return await kept_of(self._client, self._namespace, [change for change in touched if serving(change)])

    async def _watch(self, names: Sequence[str], goal: Goal, log: Log) -> dict[str, Verdict]:
        said: dict[str, str] = {}
        state: dict[str, Verdict] = {}

        def tell(name: str, words: str, lines: Sequence[str] = ()) -> None:
            if said.get(name) != words:
                said[name] = words
                for line in (f"{name}: {words}", *(f"  | {line}" for line in lines)):
                    log(line)

        def changed(name: str, verdict: Verdict) -> None:
            state[name] = verdict
            tell(name, _progress(verdict))

        def waiting() -> dict[str, str]:
            return self._newest(name for name in names if name not in state or state[name].state == "waiting")

        def troubled(name: str, trouble: Trouble) -> None:
            tell(name, f"{trouble.reason}: {trouble}", trouble.lines)

        troubles = Troubles(self._client, self._namespace)
        try:
            async with asyncio.TaskGroup() as group:
                looking = group.create_task(troubles.tell(waiting, troubled))
                watching = group.create_task(wait_for(
                    self._client, self._namespace, names, goal, objects=self._seen, changed=changed,
                    timeout_s=max(0.0, self._deadline_s - asyncio.get_running_loop().time()),
                    patience_s=self._options.patience_s,
                ))  # fmt: skip
                await asyncio.wait((looking, watching), return_when=asyncio.FIRST_COMPLETED)
                looking.cancel()
                watching.cancel()
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None
        if not watching.cancelled():
            return watching.result()[1]
        self._given_up = looking.result()
        ended = {
            name: Verdict("failed", trouble.reason, given_up_words(trouble)) for name, trouble in self._given_up.items()
        }
        return {name: Verdict("waiting") for name in names} | state | ended

    def _newest(self, names: Iterable[str]) -> dict[str, str]:
        """The revision that each Service waits for."""
        statuses = {name: (self._seen.get(name) or {}).get("status") or {} for name in names}
        found = {name: str(status.get("latestCreatedRevisionName") or "") for name, status in statuses.items()}
        return {name: revision for name, revision in found.items() if revision}


def _progress(verdict: Verdict) -> str:
    """In words for people: each rollout passes through OutOfDate, which sounds like trouble and is none."""
    if verdict.state == "waiting" and verdict.reason in ("", "OutOfDate"):
        return "starting"
    first_line = without_frame(verdict.message).partition("\n")[0]  # the rest, log lines, stands below the failure
    return f"{verdict.reason or verdict.state} {first_line}".strip()


def _what(change: Change) -> str:
    if change.action == "update":
        return "new revision" if change.new_revision else f"changed {', '.join(change.fields)}"
    return "created" if change.action == "create" else "unchanged"
