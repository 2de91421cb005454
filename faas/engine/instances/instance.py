"""One instance, that is one Pod, over its life: start, serve while all its containers are ready, drain, end."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Protocol

from faas.engine.contract.clock import Timer
from faas.engine.contract.revision import Endpoint, InstanceFailure, RevisionPlan
from faas.engine.instances.container import Container, Means, State
from faas.engine.instances.driver import AdoptedRun, RunEvents
from faas.engine.instances.pods import PodView
from faas.engine.instances.provisioning.provider import Provision

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
        """Find out with which image and environment its containers start now, then call its `start`."""
        ...

    def changed(self, instance: Instance) -> None:
        """Its endpoint, its Pod or its failure is new."""
        ...

    def ended(self, instance: Instance) -> None: ...


class Instance:
    """A serving container, and sidecars beside it.

    A container that crashes starts again, with a backoff of its own. Sidecars use the network of the serving container:
    when that one ends so do they, and they start again once it has.
    """

    def __init__(self, name: str, owner: Owner, means: Means, created: datetime) -> None:
        self.name = name
        self.created = created
        self.phase = Phase.PREPARING
        self.hidden = False  # its Pod was deleted by somebody: it is not written again
        self._owner, self._means = owner, means
        self._serving = Container(self, 0, means)
        self._sidecars: list[Container] = []
        self._adopted: dict[str, AdoptedRun] = {}
        self._provisions: tuple[Provision, ...] = ()
        self._was_ready = False  # in the serving container's run that there is
        self._drained: RevisionPlan | None = None  # what it was when it began to end
        self._timer: Timer | None = None

    @property
    def plan(self) -> RevisionPlan:
        """What ends stays what it was: its Revision may be gone meanwhile, and another one have the name."""
        return self._drained or self._owner.plan

    @property
    def _containers(self) -> tuple[Container, ...]:
        return (self._serving, *self._sidecars)

    @property
    def pid(self) -> int | None:
        """Of a process of this machine, whose memory nobody else limits."""
        run = self._serving.run
        return run.pid if run is not None and run.announces_ready else None

    @property
    def has_our_runtime(self) -> bool:
        """Whether it can be asked if it lives. Of an adopted container that is known once its image is."""
        run, image = self._serving.run, self._serving.image
        return image.has_our_runtime if image is not None else run is not None and run.announces_ready

    @property
    def is_wanted(self) -> bool:
        return self.phase not in (Phase.DRAINING, Phase.ENDED)

    @property
    def is_due(self) -> bool:
        """Whether a container waits for what it is to start with."""
        return self.is_wanted and any(container.state is State.DUE for container in self._containers)

    @property
    def is_provided(self) -> bool:
        """False of an adopted instance of which only its run is known."""
        return self._serving.image is not None

    @property
    def restarts(self) -> int:
        return self._serving.restarts

    @property
    def failure(self) -> InstanceFailure | None:
        failures = [container.failure for container in self._containers if container.failure is not None]
        return max(failures, key=lambda failure: failure.restarts, default=None)

    @property
    def unready(self) -> str:
        return next((container.unready for container in self._containers if container.unready), "")

    def endpoint(self) -> Endpoint | None:
        run = self._serving.run
        if run is None or self.phase not in (Phase.READY, Phase.DRAINING) or not self._was_ready:
            return None
        return Endpoint(self.name, run.address, self.phase is Phase.DRAINING, self.has_our_runtime)

    @property
    def timeout_s(self) -> float:
        return self.plan.timeout_s

    # From its fleet.

    def adopt(self, serving: AdoptedRun, sidecars: dict[str, AdoptedRun]) -> None:
        """Go on with runs of an earlier engine; they had been ready. Args: sidecars: by name, which wait for `provide`:
        what they are comes with the plan."""
        self._was_ready = True
        self.phase = Phase.READY
        self._adopted = sidecars
        self._serving.adopt(serving)

    def provide(self, provisions: tuple[Provision, ...]) -> None:
        """For an adopted instance, whose environment nobody remembers: what its probes run with."""
        for provision in provisions[1:]:
            sidecar = Container(self, len(self._sidecars) + 1, self._means)
            self._sidecars.append(sidecar)
            if (adopted := self._adopted.pop(provision.container.name, None)) is not None:
                sidecar.adopt(adopted)
        for container, provision in zip(self._containers, provisions, strict=True):
            container.provide(provision)
        self.start(provisions)  # what did not outlive the engine

    def refuse(self, reason: str, message: str) -> None:
        """It cannot be created now; the fleet tries again."""
        for container in self._containers:
            if container.state is State.DUE:
                container.refuse(reason, message)
                return

    def start(self, provisions: tuple[Provision, ...]) -> None:
        """Start what is due: the serving container, and the others as soon as it runs."""
        if not self.is_wanted:
            return
        self._provisions = provisions
        while len(self._sidecars) < len(provisions) - 1:
            self._sidecars.append(Container(self, len(self._sidecars) + 1, self._means))
        self._serving.start(provisions[0])
        self._start_sidecars()

    def _start_sidecars(self) -> None:
        beside = self._serving.run
        if beside is None or not self._serving.has_started:
            return
        for sidecar, provision in zip(self._sidecars, self._provisions[1:], strict=True):
            sidecar.start(provision, beside)

    def kill(self, *, oom: bool = False) -> None:
        """Something is wrong with it: end this run the hard way. While it is wanted it starts again, and the sidecars
        with it."""
        for container in (self._serving,) if self.is_wanted else self._containers:
            container.kill(oom=oom)

    def unreachable(self) -> None:
        """It does not accept connections although it lives. What is not ours may do so again soon; ours never does."""
        if self.has_our_runtime:
            self.kill()
        else:
            self._serving.doubt()

    def give_up(self, reason: str) -> None:
        """It serves nobody any more, but lives: say so in its log, and let it end as a drained one does."""
        self._serving.say(f"Liveness: {reason}; another instance takes its place")
        self.drain()

    def drain(self) -> None:
        """Give it no new requests, and end it when the last one is done (`idle`) or should be."""
        if not self.is_wanted:
            return
        had_endpoint = self.endpoint() is not None
        for container in self._containers:
            container.cancel()
        self.phase = Phase.DRAINING
        self._drained = self.plan if self.plan.uid else None
        if all(container.run is None for container in self._containers):
            self._end()
            return
        self._owner.changed(self)
        if had_endpoint:
            self._timer = self._means.clock.call_later(self.timeout_s + STOP_MARGIN_S, self.idle)
        else:
            self.idle()

    def idle(self) -> None:
        """It has nothing to do any more: ask it to stop, and see that it does. Sidecars stop when it has: what it does
        last may need them."""
        if self.phase is not Phase.DRAINING:
            return
        self._cancel_timer()
        self._timer = self._means.clock.call_later(self.timeout_s + STOP_MARGIN_S, self.kill)
        if self._serving.run is None:
            self._stop_sidecars()
        elif self.has_our_runtime and not self._was_ready:
            self._serving.kill()  # it has no request to finish, and hears no SIGTERM before its start hooks return
        else:
            self._serving.stop()

    def _stop_sidecars(self) -> None:
        for sidecar in self._sidecars:
            sidecar.stop()

    def release(self) -> None:
        """The engine ends and leaves it running."""
        self._cancel_timer()
        for container in self._containers:
            container.release()
        self.phase = Phase.ENDED

    # From its containers.

    def container_changed(self, container: Container) -> None:
        if container is self._serving:
            self._start_sidecars()
        self._settle()

    def container_due(self, container: Container) -> None:
        self._settle()
        self._owner.launch(self)

    def container_exited(self, container: Container) -> None:
        if container is self._serving:
            self._was_ready = False
            self._end_unclaimed()
        if self.is_wanted:
            if container is self._serving:
                for sidecar in self._sidecars:
                    sidecar.replace()
            elif container.state is State.DUE:
                self._start_sidecars()
            self._settle()
            return
        if container is self._serving:
            self._stop_sidecars()
        if all(container.run is None for container in self._containers):
            self._end()

    def _end_unclaimed(self) -> None:
        """An earlier engine's sidecars, when their Pod ends before anybody knew what they are."""
        unclaimed, self._adopted = self._adopted, {}
        for adopted in unclaimed.values():
            nobody = RunEvents(lambda pid: None, lambda: None, lambda status: None, lambda stream, line: None)
            adopted.attach(nobody).kill()

    def _settle(self) -> None:
        """It serves when all of its containers are ready."""
        if self.is_wanted:
            states = [container.state for container in self._containers]
            if all(state is State.READY for state in states):
                self.phase = Phase.READY
                self._was_ready = True
            elif State.BACKOFF in states:
                self.phase = Phase.BACKOFF
            else:
                self.phase = Phase.PREPARING if self._serving.state is State.DUE else Phase.STARTING
        self._owner.changed(self)

    def _end(self) -> None:
        self._cancel_timer()
        self.phase = Phase.ENDED
        self._means.logs.pod_ended(self.plan.key, self.name)
        self._owner.ended(self)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def view(self) -> PodView:
        return PodView(
            plan=self.plan,
            name=self.name,
            terminating=self.phase is Phase.DRAINING,
            created=self.created,
            containers=tuple(container.view() for container in self._containers),
            address=run.address if (run := self._serving.run) is not None else "",
        )
