"""One container of an instance, over all its runs: start, become ready, be probed, end, wait to be started again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Protocol

from faas.engine.contract.clock import Clock, Timer
from faas.engine.contract.revision import ContainerPlan, InstanceFailure, RevisionPlan
from faas.engine.instances import probes
from faas.engine.instances.backoff import Backoff
from faas.engine.instances.driver import AdoptedRun, ExitStatus, Image, Launch, Run, RunEvents, Stream
from faas.engine.instances.drivers import Drivers
from faas.engine.instances.logs import LogStore, RunLog
from faas.engine.instances.pods import ContainerView
from faas.engine.instances.provisioning.provider import Provider, Provision

PATIENCE_S = 10.0  # with what runs and is not ready; then its log says why
_IN_SILENCE = {
    "OOMKilled": "it used more memory than its limit",
    "ExitCode0": "it ended by itself, without a word; what serves has to stay",
}


class State(Enum):
    DUE = "Due"  # it should start; its environment is being read, or it waits for the serving container
    STARTED = "Started"
    READY = "Ready"
    BACKOFF = "Backoff"
    ENDED = "Ended"


@dataclass(frozen=True, slots=True)
class Means:
    """What every instance of an engine is run with."""

    driver: Drivers
    logs: LogStore
    clock: Clock
    spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]  # a task of the component's group
    provider: Provider


class Pod(Protocol):
    """What a container needs of the instance that it is part of."""

    name: str

    @property
    def plan(self) -> RevisionPlan: ...

    @property
    def is_wanted(self) -> bool:
        """Whether a container that ends starts again."""
        ...

    def container_changed(self, container: Container) -> None:
        """It runs, is ready, or is not ready any more."""
        ...

    def container_exited(self, container: Container) -> None: ...

    def container_due(self, container: Container) -> None:
        """It has waited long enough after a crash."""
        ...


class Container:
    """A state machine; every method runs on the engine's loop and returns at once."""

    def __init__(self, pod: Pod, index: int, means: Means) -> None:
        """Args: index: its place among the plan's containers; 0 takes the requests."""
        self.state = State.DUE
        self.failure: InstanceFailure | None = None
        self.env: dict[str, str] = {}
        self.restarts = 0
        self.run: Run | None = None
        self.image: Image | None = None
        self.has_started = False  # this run
        self.unready = ""  # why this run takes no requests, when it does not for a while
        self._pod, self._index, self._means = pod, index, means
        self._log: RunLog | None = None
        self._backoff = Backoff()
        self._delay_s = 0.0
        self._started_s = 0.0
        self._running_since: datetime | None = None
        self._last: ExitStatus | None = None
        self._last_message = ""
        self._last_started: datetime | None = None
        self._last_finished: datetime | None = None
        self._timer: Timer | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._waiting = ("", "")
        self._replaced = False  # this run is ended because another container's end took its network away

    @property
    def plan(self) -> ContainerPlan:
        return self._pod.plan.containers[self._index]

    @property
    def serves(self) -> bool:
        return self._index == 0

    # From the outside.

    def adopt(self, adopted: AdoptedRun) -> None:
        """Go on with a run of an earlier engine; it had been ready."""
        self.restarts = adopted.run_number
        self._open_log()
        self._started_s = self._means.clock.now()
        self._running_since = self._means.clock.utc()
        self.has_started = True
        self.state = State.READY
        self.run = adopted.attach(self._events())

    def provide(self, provision: Provision) -> None:
        """For an adopted one, whose environment nobody remembers: what its probes run with. Then they begin."""
        self.image = provision.image
        self.env = {**provision.env, "HOSTNAME": self._pod.name}
        if self._watcher is None and self.run is not None:
            self._watch(self.run)

    def refuse(self, reason: str, message: str) -> None:
        """It cannot be created now; whoever provides for it tries again."""
        self._waiting = (reason, message)
        self.failure = InstanceFailure(reason, message, self.restarts)
        self._pod.container_changed(self)

    def start(self, provision: Provision, beside: Run | None = None) -> None:
        """Begin a run, when it is due."""
        if self.state is not State.DUE:
            return
        if self._waiting != ("", ""):
            self._waiting, self.failure = ("", ""), None
        self.image = provision.image
        self.env = {**provision.env, "HOSTNAME": self._pod.name}
        self.state = State.STARTED
        self._replaced = self.has_started = False
        self.unready = ""
        self._started_s = self._means.clock.now()
        self._open_log()
        launch = Launch(
            plan=self._pod.plan,
            container=provision.container,
            pod=self._pod.name,
            run=self.restarts,
            image=provision.image,
            env=self.env,
            mounts=provision.mounts,
            beside=beside,
        )
        try:
            self.run = self._means.driver.start(launch, self._events())
        except OSError as error:
            for line in f"cannot start a process: {error.strerror or error}".splitlines():
                self.say(line)
            self._on_exited(ExitStatus(None))
            return
        self._pod.container_changed(self)

    def say(self, line: str) -> None:
        """Something about it, among what it says itself."""
        self._on_line("stderr", line.encode())

    def stop(self) -> None:
        """It is not needed any more: let it finish."""
        self.cancel()
        if self.run is not None:
            self.run.stop()
        else:
            self.state = State.ENDED

    def kill(self, *, oom: bool = False) -> None:
        """End this run the hard way; whether it starts again is up to the instance."""
        if self.run is not None:
            self.run.kill(oom=oom)

    def replace(self) -> None:
        """End this run and start another one, which is no failure of its own."""
        self._stop_watching()
        self._cancel_timer()
        if self.run is None:
            self.state = State.DUE
            return
        self._replaced = True
        self.run.kill()

    def doubt(self) -> None:
        """Somebody could not reach it: it is not ready until it has been asked again."""
        if self.run is not None and self.state is State.READY and self._has_to_be_probed(self.run):
            self._stop_watching()
            self.state = State.STARTED
            self._watch(self.run)
            self._pod.container_changed(self)

    def cancel(self) -> None:
        """Nothing more is started or probed."""
        self._cancel_timer()
        self._stop_watching()

    def release(self) -> None:
        """The engine ends and leaves it running."""
        self.cancel()
        if self._log is not None:
            self._log.close()
        self.state = State.ENDED

    # From its run.

    def _events(self) -> RunEvents:
        return RunEvents(self._on_started, self._on_ready, self._on_exited, self._on_line)

    def _open_log(self) -> None:
        container = "" if self.serves else self.plan.name
        self._log = self._means.logs.open_run(self._pod.plan.key, self._pod.name, self.restarts, container)

    def _on_started(self, pid: int) -> None:
        self.has_started = True
        self._pod.container_changed(self)

    def _on_line(self, stream: Stream, line: bytes) -> None:
        if self._log is not None:
            self._log.write(stream, line)

    def _on_ready(self) -> None:
        if self.state is not State.STARTED or self.run is None:
            return
        self._running_since = self._means.clock.utc()
        if not self._has_to_be_probed(self.run) and self.plan.startup is None:
            self._become_ready()
        else:
            self._pod.container_changed(self)
        self._watch(self.run)

    def _become_ready(self) -> None:
        if self.state is State.STARTED:
            self.state = State.READY
            self.failure, self.unready = None, ""
            self._pod.container_changed(self)

    def _on_exited(self, status: ExitStatus) -> None:
        self._stop_watching()
        last_lines = [*(self._log.last if self._log is not None else ())]
        if self._log is not None:
            self._log.close()
        self._log = self.run = None
        self.has_started, self.unready = False, ""
        if not self._pod.is_wanted:
            self.state = State.ENDED
            self._pod.container_exited(self)
            return
        self._last, self._last_finished, self._last_started = status, self._means.clock.utc(), self._running_since
        which = "Container" if self.serves else f"Container {self.plan.name}"
        words = status.start_error or "\n".join(last_lines) or _IN_SILENCE.get(status.reason, "it printed nothing")
        self._last_message = f"{which} failed with: {words}"
        self._running_since = None
        self.restarts += 1
        if self._replaced:
            self.state = State.DUE
        else:
            self._backoff, self._delay_s = self._backoff.after_crash(self._means.clock.now() - self._started_s)
            self.failure = InstanceFailure(status.reason, self._last_message, self.restarts)
            self.state = State.BACKOFF
            self._timer = self._means.clock.call_later(self._delay_s, self._due)
        self._pod.container_exited(self)

    def _due(self) -> None:
        self._timer = None
        self.state = State.DUE
        self._pod.container_due(self)

    # Probes.

    def _has_to_be_probed(self, run: Run) -> bool:
        return probes.has_to_be_made(self.plan.readiness, announced=run.announces_ready)

    def _watch(self, run: Run) -> None:
        plan = self.plan
        if plan.liveness is not None or plan.startup is not None or self._has_to_be_probed(run):
            self._watcher = self._means.spawn(self._probe(run))

    async def _probe(self, run: Run) -> None:
        """Start-up probe, then readiness and liveness side by side; the first liveness failure kills the run."""
        plan = self.plan
        target = probes.Target(run.reach, lambda command, timeout_s: run.execute(command, self.env, timeout_s))
        if plan.startup is not None and self.state is State.STARTED:
            failure = await probes.wait_succeeded(plan.startup, target)
            if failure:
                self.say(f"Startup probe failed: {failure}")
                run.kill()
                return
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow_readiness(run, target))
            if plan.liveness is not None:
                failure = await probes.wait_failed(plan.liveness, target)
                self.say(f"Liveness probe failed: {failure}; restarting")
                run.kill()

    async def _follow_readiness(self, run: Run, target: probes.Target) -> None:
        readiness = self.plan.readiness
        if not probes.has_to_be_made(readiness, announced=run.announces_ready):
            self._become_ready()
            return
        while True:
            if self.state is State.STARTED:
                await probes.wait_ready(readiness, target, failed=self._on_unready)
                self._become_ready()
            failure = await probes.wait_failed(readiness, target)
            if self.state is not State.READY:
                return
            self.say(f"Readiness probe failed: {failure}")
            self.state = State.STARTED
            self._pod.container_changed(self)

    def _on_unready(self, failure: str) -> None:
        """A server that is up in a moment is no news; of one that is not, nobody else would say why."""
        if self.unready or self._means.clock.now() - self._started_s < PATIENCE_S:
            return
        self.unready = f"Readiness probe failed: {failure}"
        if self.plan.readiness is not None and self.plan.readiness.kind == "tcp":
            port = self.plan.readiness.port or self.plan.port
            self.unready += f"; it has to listen on port {port} of every address, not of 127.0.0.1 only"
        self.say(self.unready)
        self._pod.container_changed(self)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _stop_watching(self) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
            self._watcher = None

    def view(self) -> ContainerView:
        return ContainerView(
            plan=self.plan,
            digest=self.image.digest if self.image is not None else "",
            ready=self.state is State.READY,
            running_since=self._running_since if self.run is not None else None,
            restarts=self.restarts,
            last=self._last,
            last_message=self._last_message,
            last_started=self._last_started,
            last_finished=self._last_finished,
            backoff_s=self._delay_s if self.state is State.BACKOFF else None,
            waiting=self._waiting,
        )
