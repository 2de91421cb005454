"""One instance, that is one Pod, over all its runs: start, become ready, crash and start again, drain, end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Protocol

from faas.engine.contract.clock import Clock, Timer
from faas.engine.contract.revision import Endpoint, InstanceFailure, RevisionPlan
from faas.engine.instances import probes
from faas.engine.instances.backoff import Backoff
from faas.engine.instances.driver import AdoptedRun, ExitStatus, Launch, Run, RunEvents, Stream
from faas.engine.instances.drivers import Drivers
from faas.engine.instances.logs import LogStore, RunLog
from faas.engine.instances.pods import PodView
from faas.engine.instances.provision import Provider, Provision

STOP_MARGIN_S = 5.0  # past a request's timeout, for the server to notice and to run the function's on_stop


class Phase(Enum):
    PREPARING = "Pending"  # its environment is being read
    STARTING = "Starting"
    READY = "Running"
    BACKOFF = "Backoff"
    DRAINING = "Terminating"
    ENDED = "Ended"


class Owner(Protocol):
    """What an instance needs of the fleet it is part of."""

    plan: RevisionPlan

    def launch(self, instance: Instance) -> None:
        """Find out with which image and environment it starts now, then call its `start`."""
        ...

    def changed(self, instance: Instance) -> None:
        """Its endpoint, its Pod or its failure is new."""
        ...

    def ended(self, instance: Instance) -> None: ...


@dataclass(frozen=True, slots=True)
class Means:
    """What every instance of an engine is run with."""

    driver: Drivers
    logs: LogStore
    clock: Clock
    spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]  # a task of the component's group
    provider: Provider


class Instance:
    """A state machine; every method runs on the engine's loop and returns at once."""

    def __init__(self, name: str, owner: Owner, means: Means, created: datetime) -> None:
        self.name = name
        self.created = created
        self.phase = Phase.PREPARING
        self.failure: InstanceFailure | None = None
        self.hidden = False  # its Pod was deleted by somebody: it is not written again
        self.env: dict[str, str] = {}
        self.restarts = 0
        self._owner, self._means = owner, means
        self._run: Run | None = None
        self._log: RunLog | None = None
        self._backoff = Backoff()
        self._delay_s = 0.0
        self._started_s = 0.0
        self._running_since: datetime | None = None
        self._last: ExitStatus | None = None
        self._last_message = ""
        self._last_finished: datetime | None = None
        self._timer: Timer | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._waiting = ("", "")

    @property
    def pid(self) -> int | None:
        return self._run.pid if self._run is not None else None

    @property
    def is_wanted(self) -> bool:
        return self.phase not in (Phase.DRAINING, Phase.ENDED)

    @property
    def was_ready(self) -> bool:
        return self._running_since is not None

    def endpoint(self) -> Endpoint | None:
        if self._run is None or self.phase not in (Phase.READY, Phase.DRAINING) or not self.was_ready:
            return None
        return Endpoint(self.name, self._run.address, draining=self.phase is Phase.DRAINING)

    @property
    def timeout_s(self) -> float:
        return self._owner.plan.timeout_s

    def adopt(self, adopted: AdoptedRun) -> None:
        """Go on with a run of an earlier engine; it had been ready."""
        self.restarts = adopted.run_number
        self._open_log()
        self._started_s = self._means.clock.now()
        self._running_since = self._means.clock.utc()
        self.phase = Phase.READY
        self._run = adopted.attach(self._events())
        self._watch()

    def provide(self, provisions: tuple[Provision, ...]) -> None:
        """For an adopted instance, whose environment nobody remembers: what its probes run with."""
        self.env = {**provisions[0].env, "HOSTNAME": self.name}

    def refuse(self, reason: str, message: str) -> None:
        """It cannot be created now; the fleet tries again."""
        self._waiting = (reason, message)
        self.failure = InstanceFailure(reason, message, self.restarts)
        self._owner.changed(self)

    def _events(self) -> RunEvents:
        return RunEvents(self._on_started, self._on_ready, self._on_exited, self._on_line)

    def _open_log(self) -> None:
        self._log = self._means.logs.open_run(self._owner.plan.key, self.name, self.restarts)

    def _launch(self) -> None:
        self._timer = None
        self.phase = Phase.PREPARING
        self._owner.launch(self)

    def start(self, provisions: tuple[Provision, ...]) -> None:
        """Begin a run; only while it is being prepared."""
        if self.phase is not Phase.PREPARING:
            return
        if self._waiting != ("", ""):
            self._waiting, self.failure = ("", ""), None
        serving = provisions[0]
        self.env = {**serving.env, "HOSTNAME": self.name}
        self.phase = Phase.STARTING
        self._started_s = self._means.clock.now()
        self._open_log()
        launch = Launch(
            self._owner.plan, serving.container, self.name, self.restarts, serving.image, self.env, serving.mounts
        )
        try:
            self._run = self._means.driver.start(launch, self._events())
        except OSError as error:
            for line in f"cannot start a process: {error.strerror or error}".splitlines():
                self._on_line("stderr", line.encode())
            self._on_exited(ExitStatus(None))
            return
        self._owner.changed(self)

    def _on_started(self, pid: int) -> None:
        self._owner.changed(self)

    def _on_line(self, stream: Stream, line: bytes) -> None:
        if self._log is not None:
            self._log.write(stream, line)

    def _on_ready(self) -> None:
        if self.phase is not Phase.STARTING:
            return
        plan = self._owner.plan
        if probes.says_more_than_ready(plan.container.readiness) or plan.container.startup is not None:
            self._watch()
        else:
            self._become_ready()
            self._watch()

    def _become_ready(self) -> None:
        if self.phase is not Phase.STARTING:
            return
        self.phase = Phase.READY
        self._running_since = self._means.clock.utc()
        self.failure = None
        self._owner.changed(self)

    def _watch(self) -> None:
        plan = self._owner.plan
        container = plan.container
        if (
            container.liveness is None
            and container.startup is None
            and not probes.says_more_than_ready(container.readiness)
        ):
            return
        self._watcher = self._means.spawn(self._probe())

    async def _probe(self) -> None:
        """Start-up probe, then readiness and liveness side by side; the first liveness failure kills the run."""
        run, plan = self._run, self._owner.plan
        if run is None:
            return
        if plan.container.startup is not None and self.phase is Phase.STARTING:
            failure = await probes.wait_succeeded(plan.container.startup, run.address, self.env)
            if failure:
                self._on_line("stderr", f"Startup probe failed: {failure}".encode())
                run.kill()
                return
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow_readiness(run, plan))
            if plan.container.liveness is not None:
                failure = await probes.wait_failed(plan.container.liveness, run.address, self.env)
                self._on_line("stderr", f"Liveness probe failed: {failure}; restarting".encode())
                run.kill()

    async def _follow_readiness(self, run: Run, plan: RevisionPlan) -> None:
        while True:
            if self.phase is Phase.STARTING:
                if probes.says_more_than_ready(plan.container.readiness):
                    await probes.wait_ready(plan.container.readiness, run.address, self.env)
                self._become_ready()
            if not probes.says_more_than_ready(plan.container.readiness) or not plan.container.readiness.period_s:
                return
            failure = await probes.wait_failed(plan.container.readiness, run.address, self.env)
            if self.phase is not Phase.READY:
                return
            self._on_line("stderr", f"Readiness probe failed: {failure}".encode())
            self.phase = Phase.STARTING
            self._owner.changed(self)

    def _on_exited(self, status: ExitStatus) -> None:
        self._stop_watching()
        last_lines = list(self._log.last) if self._log is not None else []
        if self._log is not None:
            self._log.close()
        self._log = self._run = None
        if not self.is_wanted:
            self._end()
            return
        self._last, self._last_finished = status, self._means.clock.utc()
        self._last_message = "Container failed with: " + "\n".join(last_lines)
        self._backoff, self._delay_s = self._backoff.after_crash(self._means.clock.now() - self._started_s)
        self.restarts += 1
        self.failure = InstanceFailure(status.reason, self._last_message, self.restarts)
        self._running_since = None
        self.phase = Phase.BACKOFF
        self._timer = self._means.clock.call_later(self._delay_s, self._launch)
        self._owner.changed(self)

    def kill(self, *, oom: bool = False) -> None:
        """Something is wrong with it: end this run the hard way; it starts again."""
        if self._run is not None:
            self._run.kill(oom=oom)

    def give_up(self, reason: str) -> None:
        """It serves nobody any more, but lives: say so in its log, and let it end as a drained one does."""
        self._on_line("stderr", f"Liveness: {reason}; another instance takes its place".encode())
        self.drain()

    def drain(self) -> None:
        """Give it no new requests, and end it when the last one is done (`idle`) or should be."""
        if not self.is_wanted:
            return
        had_endpoint = self.endpoint() is not None
        self._cancel_timer()
        self._stop_watching()
        self.phase = Phase.DRAINING
        if self._run is None:
            self._end()
            return
        self._owner.changed(self)
        if had_endpoint:
            self._timer = self._means.clock.call_later(self._owner.plan.timeout_s + STOP_MARGIN_S, self.idle)
        else:
            self.idle()

    def idle(self) -> None:
        """It has nothing to do any more: ask it to stop, and see that it does."""
        if self.phase is not Phase.DRAINING or self._run is None:
            return
        self._cancel_timer()
        self._run.stop()
        self._timer = self._means.clock.call_later(self._owner.plan.timeout_s + STOP_MARGIN_S, self.kill)

    def release(self) -> None:
        """The engine ends and leaves it running."""
        self._cancel_timer()
        self._stop_watching()
        if self._log is not None:
            self._log.close()
        self.phase = Phase.ENDED

    def _end(self) -> None:
        self._cancel_timer()
        self.phase = Phase.ENDED
        self._means.logs.pod_ended(self._owner.plan.key, self.name)
        self._owner.ended(self)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _stop_watching(self) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
            self._watcher = None

    def view(self, digest: str) -> PodView:
        return PodView(
            plan=self._owner.plan,
            name=self.name,
            state="Pending" if self.phase is Phase.ENDED else self.phase.value,
            ready=self.phase is Phase.READY,
            created=self.created,
            started=self._running_since,
            restarts=self.restarts,
            digest=digest,
            last=self._last,
            last_message=self._last_message,
            last_finished=self._last_finished,
            backoff_s=self._delay_s,
            waiting_reason=self._waiting[0],
            waiting_message=self._waiting[1],
        )
