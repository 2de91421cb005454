"""The deploy itself: apply Services, wait for their revisions, then let traffic move, for all of them or for none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

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
from faas.deploy.services.wait import Goal, Verdict, judge, wait_for
from faas.deploy.steps import Steps
from faas.resources import keys
from faas.resources.kinds import SERVICE

_RELEASED: dict[str, str | None] = {traffic.HELD: None, traffic.ROLLED_BACK: None}


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
    stays where it was. One with a rollout duration goes by itself: what was held moves at once, since only from one
    @latest to the next there are steps between. What is unchanged and ready is not asked about again.
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
        updated = [change for change in changes if change.live is not None and change.new_revision]
        together = len([change for change in changes if change.new_revision]) > 1
        hold = not options.traffic or bool(options.tag)
        together = together and not options.independent and options.wait
        self._pinned = {
            change.name for change in updated
            if (hold or (together and not _is_gradual(change))) and _serving(change) is not None
        }  # fmt: skip

    async def run(self) -> list[Object]:
        self._deadline_s = asyncio.get_running_loop().time() + self._options.wait_timeout_s
        with self._steps.step("apply") as log:
            await self._pin(log)
            await each(self._changes, self._apply)
            for change in self._changes:
                log(f"{change.name}: {_what(change)}")
        if not self._options.wait:
            return [self._seen[change.name] for change in self._changes]
        with self._steps.step("wait") as log:
            await self._wait("revision", log)
        with self._steps.step("traffic") as log:
            for change, said in zip(self._changes, await each(self._changes, self._move_traffic), strict=True):
                if said:
                    log(f"{change.name}: {said}")
            await self._wait("service", lambda line: None)
        objects = [self._seen[change.name] for change in self._changes]
        if overtaken := [change.name for change, obj in zip(self._changes, objects, strict=True)
                         if stamp_of(obj) != stamp_of(stamped(change.manifest))]:  # fmt: skip
            raise Overtaken(overtaken)
        return objects

    async def _apply(self, change: Change) -> None:
        if change.action != "unchanged":
            force = self._options.force_conflicts
            self._seen[change.name] = await apply_change(self._client, change, force=force)

    async def _pin(self, log: Callable[[str], None]) -> None:
        """Give what @latest gets to the revision it means now, and wait until the routes know.

        A revision that is made while a route still means @latest counts as routed; when the route then turns away from
        it, it is in reserve, and what is in reserve is not started: it would never become ready.
        """

        async def pin(change: Change) -> None:
            serving = _serving(change)
            if change.live is None or serving is None:
                return
            wanted = traffic.wanted(change.live, new_revision=change.new_revision)
            note = traffic.hold(wanted) if self._options.traffic else None
            await self._set_traffic(change.name, traffic.pin(_split(change.live), serving), {traffic.HELD: note})

        pinned = [change for change in self._changes if change.name in self._pinned]
        await each(pinned, pin)
        for change in pinned:
            log(f"{change.name}: stays at {_serving(change)} for now")
        await self._wait("routes", lambda line: None, sorted(self._pinned))

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
        if traffic.held(live) is None and traffic.same(wanted, _split(live)):
            return "" if traffic.has_latest(wanted) else f"stays at {traffic.describe(wanted)}"
        await self._set_traffic(change.name, wanted, _RELEASED if self._options.traffic else {traffic.HELD: None})
        over = f": {live['status']['latestReadyRevisionName']}, the rollback is over" if ends_rollback else ""
        return f"{traffic.describe(wanted)}{over}"

    async def _set_traffic(self, name: str, targets: list[traffic.Target], annotations: dict[str, str | None]) -> None:
        """Replace a Service's split. `annotations` are set with it, None takes one away."""
        patch: Object = {"spec": {"traffic": targets}, "metadata": {"annotations": annotations}}
        self._seen[name] = await unless_stale(
            lambda: self._client.patch(SERVICE, name, patch, self._namespace, field_manager=traffic.MANAGER)
        )

    async def _wait(self, goal: Goal, log: Callable[[str], None], names: Sequence[str] | None = None) -> None:
        """Until all are so; what is so already, as far as it was seen, is not asked about."""
        asked = [change.name for change in self._changes] if names is None else names
        unready = [name for name in asked if judge(self._seen[name], goal).state != "ready"]
        if not unready:
            return
        verdicts = await self._watch(unready, goal, log)
        failing = {name: verdict for name, verdict in verdicts.items() if verdict.state != "ready"}
        if failing:
            raise NotReady(await self._failures(failing), kept=await self._kept())

    async def _failures(self, verdicts: Mapping[str, Verdict]) -> tuple[Failure, ...]:
        ended = Ended(verdicts, self._newest(verdicts), self._given_up, self._options.wait_timeout_s)
        return await failures_of(self._client, self._namespace, ended)

    async def _kept(self) -> tuple[Kept, ...]:
        touched = [change for change in self._changes if change.new_revision or change.name in self._pinned]
        return await kept_of(self._client, self._namespace, [change for change in touched if _serving(change)])

    async def _watch(self, names: Sequence[str], goal: Goal, log: Callable[[str], None]) -> dict[str, Verdict]:
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


def _is_gradual(change: Change) -> bool:
    return bool((change.manifest["metadata"].get("annotations") or {}).get(keys.ROLLOUT_DURATION))


def _serving(change: Change) -> str | None:
    """The revision that @latest means now, None when there is none that could keep serving."""
    status = (change.live or {}).get("status") or {}
    name = status.get("latestReadyRevisionName")
    return str(name) if name else None


def _split(service: Object) -> list[traffic.Target]:
    return service["spec"].get("traffic") or traffic.EVERYTHING_TO_LATEST


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
