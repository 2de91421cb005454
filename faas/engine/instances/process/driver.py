"""Runs instances as processes of this machine, forked from zygotes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import time
from collections.abc import Callable
from pathlib import Path

from faas_builders.bundle import Bundle
from faas_runtime.serving.wire import User

from faas.engine.contract.revision import RevisionKey, RevisionPlan
from faas.engine.contract.settings import EngineSettings
from faas.engine.instances.driver import AdoptedRun, Image, ImageUnavailable, Launch, Pull, RunEvents
from faas.engine.instances.process.capture import Capture
from faas.engine.instances.process.member import make_code
from faas.engine.instances.process.memory import proportional_size
from faas.engine.instances.process.records import Record, is_alive, read_record
from faas.engine.instances.process.run import ProcessRun
from faas.engine.instances.process.zygotes import Zygotes

RESTOCK_AFTER_S = 0.05  # the start that has just begun needs the processor more


class ProcessDriver:
    """Instances as forks of zygotes, or as processes of their own where a fork is not safe."""

    def __init__(self, settings: EngineSettings, resolve: Callable[[str], Bundle]) -> None:
        self._settings = settings
        self._resolve = resolve
        self._dir = settings.runtime_dir / "i"
        self._refusals: dict[RevisionKey, str] = {}
        self._limited: set[RevisionKey] = set()
        self._warm: set[RevisionKey] = set()
        self._lifeline: tuple[int, int] | None = None
        self._zygotes: Zygotes
        self._measure = asyncio.Event()
        self._sweeper: asyncio.Task[None] | None = None
        self._by_pid: dict[int, ProcessRun] = {}
        self._runs: set[ProcessRun] = set()
        self._next: tuple[Path, Capture] | None = None  # what the next instance will be called, and its pipes
        self._restocking: asyncio.TimerHandle | None = None
        self.changed: Callable[[RevisionKey], None] = lambda key: None  # its notes are new

    async def __aenter__(self) -> ProcessDriver:
        self._dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._settings.foreground:
            # The engine keeps the only writing end: when it is gone, the kernel kills who holds the reading one.
            self._lifeline = os.pipe2(os.O_CLOEXEC)
        self._zygotes = Zygotes(
            exited=self._exited,
            refused=self._refused,
            settled=self._measure.set,
            lost=self._lost,
            lifeline=self._lifeline[0] if self._lifeline else None,
            user=User(user.name, user.uid, user.gid) if (user := self._settings.run_as) else None,
        )
        self._group = asyncio.TaskGroup()
        await self._group.__aenter__()
        self._sweeper = self._group.create_task(self._keep_budget())
        self._restocking = asyncio.get_running_loop().call_later(RESTOCK_AFTER_S, self._restock)
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
        await self._group.__aexit__(None, None, None)
        if self._restocking is not None:
            self._restocking.cancel()
        if self._next is not None:
            self._next[1].close()
        for run in list(self._runs):
            run.detach()
        self._runs.clear()
        await self._zygotes.close()
        for fd in self._lifeline or ():
            os.close(fd)

    async def resolve(self, reference: str, pull: Pull) -> Image:
        try:
            bundle = await asyncio.to_thread(self._resolve, reference)
        except Exception as error:
            raise ImageUnavailable(str(error)) from error
        return Image(bundle.digest, bundle.env, bundle)

    def start(self, launch: Launch, events: RunEvents) -> ProcessRun:
        bundle = launch.image.handle
        assert isinstance(bundle, Bundle)
        record = Record(launch.key.namespace, launch.key.name, launch.pod, launch.run, 0, 0, time.time())
        base, capture = self._take_pipes()
        run = ProcessRun(base, capture, record, events, self)
        self._runs.add(run)
        pending = run.pending(launch.env, launch.plan.timeout_s)
        snapshot = launch.plan.snapshot and launch.key not in self._refusals
        if launch.plan.container.cpu_limit_millis:
            self._limited.add(launch.key)
        try:
            self._zygotes.start(make_code(launch.key, bundle, launch.env), pending, snapshot=snapshot)
        except OSError:
            pending.close()
            run.abandon()
            raise
        return run

    def _take_pipes(self) -> tuple[Path, Capture]:
        """Made before anybody wants an instance: two new files take half a millisecond. Raises: OSError."""
        pipes, self._next = self._next or self._make_pipes(), None
        if self._restocking is None:
            self._restocking = asyncio.get_running_loop().call_later(RESTOCK_AFTER_S, self._restock)
        return pipes

    def _make_pipes(self) -> tuple[Path, Capture]:
        base = self._dir / secrets.token_hex(6)
        return base, Capture(base)

    def _restock(self) -> None:
        self._restocking = None
        with contextlib.suppress(OSError):  # whoever wants to start an instance then learns why it cannot be
            self._next = self._make_pipes()

    def warm(self, plan: RevisionPlan, image: Image, env: dict[str, str]) -> None:
        bundle = image.handle
        assert isinstance(bundle, Bundle)
        self._warm.add(plan.key)
        if plan.snapshot and plan.key not in self._refusals:
            self._zygotes.warm(make_code(plan.key, bundle, env))

    def cool(self, key: RevisionKey) -> None:
        self._warm.discard(key)
        self._zygotes.drop(key)

    def forget(self, key: RevisionKey) -> None:
        self.cool(key)
        self._zygotes.forget(key)
        self._refusals.pop(key, None)
        self._limited.discard(key)

    def pod_ended(self, key: RevisionKey, pod: str) -> None:
        """A process leaves nothing behind that outlives its run."""

    def notes(self, key: RevisionKey) -> tuple[tuple[str, str], ...]:
        found = []
        if key in self._refusals:
            found.append(("PlainStart", f"each instance imports the function anew: {self._refusals[key]}"))
        if key in self._limited:
            found.append(("CPUNotLimited", "process instances share all processors; the CPU limit is not enforced"))
        return tuple(found)

    def adopt(self) -> list[AdoptedRun]:
        """Instances that still serve; what is left of others is ended and removed."""
        adopted = []
        for path in sorted(self._dir.glob("*.json")):
            record = read_record(path)
            base = path.with_suffix("")
            if record is not None and record.ready and is_alive(record):
                adopted.append(self._adoptable(base, record))
            else:
                if record is not None and is_alive(record):
                    os.kill(record.pid, signal.SIGKILL)
                _remove(base)
        known = {path.stem for path in self._dir.glob("*.json")}
        for path in self._dir.iterdir():
            if path.stem not in known:  # started and never ready: it has no record, and nobody to tell it to
                path.unlink(missing_ok=True)
        return adopted

    def _adoptable(self, base: Path, record: Record) -> AdoptedRun:
        def attach(events: RunEvents) -> ProcessRun:
            run = ProcessRun(base, Capture(base), record, events, self)
            self._runs.add(run)
            run.attach()
            return run

        return AdoptedRun(
            RevisionKey(record.namespace, record.revision), record.pod, record.run, record.created_s, attach
        )

    # From its runs.

    def forked(self, run: ProcessRun, pid: int) -> None:
        self._by_pid[pid] = run

    def ended(self, run: ProcessRun) -> None:
        self._runs.discard(run)
        if run.pid is not None:
            self._by_pid.pop(run.pid, None)

    def withdraw(self, run: ProcessRun) -> bool:
        return self._zygotes.withdraw(run.token)

    # From its zygotes.

    def _exited(self, pid: int, status: int) -> None:
        run = self._by_pid.get(pid)
        if run is not None:
            run.reaped(status)

    def _refused(self, key: RevisionKey, reason: str) -> None:
        self._refusals[key] = reason
        self.changed(key)

    def _lost(self, key: RevisionKey) -> None:
        if key in self._warm:
            self.changed(key)

    async def _keep_budget(self) -> None:
        """After each import: while the zygotes' memory is above the budget, end the least recently used one."""
        while True:
            await self._measure.wait()
            self._measure.clear()
            members = sorted(self._zygotes.members.values(), key=lambda member: member.used_s)
            pids = [member.pid or 0 for member in members]
            sizes = await asyncio.to_thread(_sizes, pids)
            total = sum(sizes)
            for member, size in zip(members[:-1], sizes[:-1], strict=True):  # the newest one may stay in any case
                if total <= self._settings.zygote_budget_bytes:
                    break
                self._zygotes.drop(member.key)
                total -= size


def _sizes(pids: list[int]) -> list[int]:
    return [proportional_size(pid) for pid in pids]


def _remove(base: Path) -> None:
    for suffix in (".json", ".sock", ".out", ".err"):
        base.with_suffix(suffix).unlink(missing_ok=True)
