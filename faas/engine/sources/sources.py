"""The component: one runner for each plan on the board, another one when the plan changes."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from faas_runtime.outgoing.httpclient import HTTPClient

from faas.client.errors import ApiError
from faas.client.protocol import Client, Object
from faas.engine.contract.board import Board
from faas.engine.contract.clock import Clock
from faas.engine.contract.revision import SecretRef
from faas.engine.contract.settings import EngineSettings
from faas.engine.contract.sources import SourceKey, SourcePlan
from faas.engine.sources.adapter import COMMAND, Adapter
from faas.engine.sources.environment import short, state_dir
from faas.engine.sources.errors import ConfigurationError
from faas.engine.sources.kubernetes import run_kubernetes
from faas.engine.sources.reporting import Reporter
from faas.engine.sources.restarts import Backoff
from faas.engine.sources.sender import Sender
from faas.engine.sources.sweep import is_gone, living_uids, remove_forgotten
from faas.engine.sources.waiting import pause
from faas.resources.kinds import CONFIG_MAP, SECRET, Kind

_log = logging.getLogger("faas.source")
TASKS = frozenset({"ping", "kubernetes"})  # run here; everything else is an adapter's process
_RETRY_S = 0.5
_SWEEP_AFTER_S = 5.0  # sources of a namespace or a project go together


@dataclass(slots=True, eq=False)
class _Running:
    plan: SourcePlan | None  # None: what was there is ending
    changed: tuple[asyncio.Event, ...]  # for each replica: a Secret or ConfigMap that it reads is another now
    before: _Running | None
    task: asyncio.Task[None] = field(init=False)

    def chain(self) -> list[_Running]:
        """What ran before it and may not have ended, the last first."""
        found, one = [], self.before
        while one is not None:
            found.append(one)
            one = one.before
        return found


class Sources:
    """Entered, it follows `board.sources`; left, every adapter has ended.

    Writes `board.source_status`, and `board.endpoints` of the sources that receive HTTP.
    """

    def __init__(
        self,
        settings: EngineSettings,
        board: Board,
        client: Client,
        clock: Clock,
        *,
        command: tuple[str, ...] = COMMAND,
    ) -> None:
        """Args: command: how adapters are started; the adapter's name and arguments follow."""
        self._settings, self._board, self._client, self._clock = settings, board, client, clock
        self._command = command
        self._running: dict[SourceKey, _Running] = {}
        self._stopped = asyncio.Event()
        self._exit = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for folder in (self._settings.state_dir / "sources", self._settings.sources_dir):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o711 if self._settings.run_as is not None else 0o700)  # its user has to pass, not to read
        self._http = HTTPClient()
        self._exit.push_async_callback(self._http.aclose)
        self._group = await self._exit.enter_async_context(asyncio.TaskGroup())
        self._forever = [
            self._group.create_task(self._follow_board(), name="sources"),
            self._group.create_task(self._sweep(), name="sources-sweep"),
            *(self._group.create_task(self._follow_values(kind)) for kind in (SECRET, CONFIG_MAP)),
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in (*self._forever, *(running.task for running in self._running.values())):
            task.cancel()
        await self._exit.aclose()

    async def _follow_board(self) -> None:
        async for changed in self._board.sources.changes():
            for key in changed:
                self._adopt(key)

    async def _sweep(self) -> None:
        """Remove what sources that are gone have remembered: now, and whenever one has stopped."""
        while True:
            self._stopped.clear()
            try:
                living = await living_uids(self._client)
                kept = living | self._busy()
                remove_forgotten(self._settings.state_dir / "sources", kept)
                remove_forgotten(self._settings.sources_dir, {short(uid) for uid in kept})
            except (ApiError, OSError) as error:
                _log.info("what former sources have left stays for now: %s", error)
            await self._stopped.wait()
            await pause(self._clock, _SWEEP_AFTER_S)

    def _busy(self) -> set[str]:
        """UIDs of the sources that run, or are ending."""
        everything = (one for last in self._running.values() for one in (last, *last.chain()))
        return {one.plan.uid for one in everything if one.plan is not None}

    def _adopt(self, key: SourceKey) -> None:
        plan, old = self._board.sources.get(key), self._running.get(key)
        if plan == (old.plan if old is not None else None):
            return
        if old is not None and old.plan is not None:
            old.task.cancel()
        changed = tuple(asyncio.Event() for _ in range(max(1, plan.replicas if plan is not None else 0)))
        running = _Running(plan, changed, old)
        running.task = self._group.create_task(self._run(key, running), name=str(key))
        self._running[key] = running

    async def _run(self, key: SourceKey, running: _Running) -> None:
        """The life of one plan, or of having none; what ran before it under this name has ended first."""
        plan = running.plan
        former = running.chain()
        if former:
            await asyncio.wait({one.task for one in former})
        gone = {one.plan.uid: one.plan for one in former if one.plan is not None}
        if plan is not None:
            gone.pop(plan.uid, None)
        for former_plan in gone.values():
            await self._retire(former_plan)
        running.before = None
        try:
            if plan is not None:
                await self._live(plan, running.changed)
            elif self._running.get(key) is running:
                del self._running[key]
        finally:
            self._stopped.set()

    async def _live(self, plan: SourcePlan, changed: tuple[asyncio.Event, ...]) -> None:
        report = Reporter(self._board, plan.key, self._clock)
        report.say("starting")
        try:
            if plan.adapter in TASKS:
                await self._run_task(plan, report)
            else:
                async with asyncio.TaskGroup() as group:
                    for replica, event in enumerate(changed):
                        group.create_task(self._adapter(plan, replica, event, report).run())
        finally:
            report.close()

    async def _retire(self, plan: SourcePlan) -> None:
        """A source that was deleted, not one that waits for its sink, leaves nothing behind upstream."""
        if plan.adapter in TASKS or not await is_gone(self._client, plan):
            return
        report = Reporter(Board(), plan.key, self._clock)  # nobody asks how a source is that there is not
        await self._adapter(plan, 0, asyncio.Event(), report).retire()

    def _adapter(self, plan: SourcePlan, replica: int, changed: asyncio.Event, report: Reporter) -> Adapter:
        means = (self._board, self._client, self._settings, self._clock, self._command)
        return Adapter(plan, replica, changed, report, *means)

    async def _run_task(self, plan: SourcePlan, report: Reporter) -> None:
        backoff, state = Backoff(), state_dir(self._settings, plan)
        while True:
            started_s = self._clock.now()
            try:
                sender = Sender(plan, self._settings, self._http, report, self._clock)
                if plan.adapter == "ping":
                    from faas.engine.sources.ping import run_ping  # croniter takes 50 ms, and most need no schedule

                    await run_ping(plan, state, sender, report, self._clock)
                else:
                    server = f"https://127.0.0.1:{self._settings.api_port}"
                    await run_kubernetes(plan, state, server, self._client, sender, report, self._clock)
            except* ConfigurationError as group:
                error = _first(group)
                report.say("failing", error.reason, error.message)
                await asyncio.get_running_loop().create_future()  # until there is another plan
            except* Exception as group:  # noqa: BLE001 - a defect of one source must not end the others
                backoff, delay_s = backoff.after_failure(self._clock.now() - started_s)
                _log.exception("%s failed; again in %.3g s", plan.key, delay_s)
                report.say("failing", "Failed", f"the source failed: {group.exceptions[0]!r}; see the engine's log")
                report.restarted()
                await pause(self._clock, delay_s)

    async def _follow_values(self, kind: Kind) -> None:
        """Let sources whose Secret or ConfigMap changes begin anew."""
        versions: dict[tuple[str, str], str] | None = None
        while True:
            try:
                listed = await self._client.list(kind)
                found = {_place(item): str(item["metadata"]["resourceVersion"]) for item in listed.items}
                if versions is not None:
                    for place in {place for place, _ in versions.items() ^ found.items()}:
                        self._value_changed(kind, *place)
                versions = found
                async for event in self._client.watch(kind, resource_version=listed.resource_version):
                    if event.type != "BOOKMARK":
                        place = _place(event.object)
                        versions[place] = str(event.object["metadata"]["resourceVersion"])
                        self._value_changed(kind, *place)
                        if event.type == "DELETED":
                            del versions[place]
            except ApiError as error:
                _log.info("watching %s again: %s", kind, error.message)
                await asyncio.sleep(_RETRY_S)

    def _value_changed(self, kind: Kind, namespace: str, name: str) -> None:
        for running in self._running.values():
            if (
                running.plan is not None
                and running.plan.key.namespace == namespace
                and _reads(running.plan, kind.kind, name)
            ):
                for changed in running.changed:
                    changed.set()


def _place(obj: Object) -> tuple[str, str]:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def _reads(plan: SourcePlan, kind: str, name: str) -> bool:
    return any(
        isinstance(variable.value, SecretRef) and (variable.value.kind, variable.value.name) == (kind, name)
        for variable in plan.env
    )


def _first(group: BaseExceptionGroup[ConfigurationError]) -> ConfigurationError:
    found = group.exceptions[0]
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found
