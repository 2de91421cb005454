"""One revision's scaling between two decisions: its windows, its state, and the facts of the moment."""

from __future__ import annotations

from faas.engine.autoscaler import lifecycle, scaler
from faas.engine.autoscaler.lifecycle import UNKNOWN, Situation
from faas.engine.autoscaler.scaler import TICK_S, LoadWindow
from faas.engine.autoscaler.window import Window
from faas.engine.contract.dataplane import LoadSample
from faas.engine.contract.revision import FleetStatus, RevisionPlan, ScaleDecision

# How long a restarted engine waits to hear which instances survived before it takes silence for none.
_FLEET_PATIENCE_S = 5.0
_REPORT_S = 1.0  # the gateway reports each second
_ROUNDING_S = 0.001  # a timer must not wake just before its moment


class Decider:
    """Turns samples and facts into decisions. Every method takes `now_s`; nothing here reads a clock or a board."""

    def __init__(self, plan: RevisionPlan, *, now_s: float) -> None:
        self.plan = plan
        self.decision = ScaleDecision(UNKNOWN)
        self.load = LoadWindow(0.0, 0.0)
        self.excess_burst_capacity = plan.scaling.initial_scale * plan.scaling.total - max(
            0.0, plan.scaling.target_burst_capacity
        )
        self.state = scaler.initial_state(0, now_s=now_s)
        self._stable = Window(plan.scaling.stable_window_s)
        self._panic = Window(plan.scaling.panic_window_s)
        self._life = lifecycle.new_lifecycle(initialized=plan.initialized, now_s=now_s)
        self._born_s = now_s
        self._restarted = plan.initialized
        self._ready: int | None = None  # None: the instances part has not said yet
        self._failing = False
        self._last_request_s = now_s
        self.backlog = 0  # instances that waiting events ask for

    @property
    def ready(self) -> int:
        return self._ready or 0

    @property
    def at_rest(self) -> bool:
        """Whether nothing can change without a request, another plan or another fleet."""
        return self.decision.desired == 0 and self.ready == 0 and self._life.phase == "Inactive"

    def set_plan(self, plan: RevisionPlan) -> None:
        old, new = self.plan.scaling, plan.scaling
        self.plan = plan
        if new.stable_window_s != old.stable_window_s:
            self._stable = self._stable.resized(new.stable_window_s)
        if new.panic_window_s != old.panic_window_s:
            self._panic = self._panic.resized(new.panic_window_s)

    def set_fleet(self, fleet: FleetStatus, *, now_s: float) -> None:
        ready, self._failing = fleet.ready, fleet.failure is not None
        if self._ready is None and self._restarted:
            self.state = scaler.initial_state(ready, now_s=now_s)
        if not self.ready and ready:
            self._last_request_s = now_s  # an instance that never had a request is idle from its start on
        self._ready = ready

    def set_backlog(self, instances: int, *, now_s: float) -> None:
        """What waits is asked for: it counts as a request until nothing waits any more."""
        if self.backlog or instances:
            self._last_request_s = now_s
        self.backlog = instances

    def record(self, sample: LoadSample, *, now_s: float) -> None:
        """Add a second's sample. The gateway sends none for a second in which there was no request."""
        if sample.in_flight or sample.requests or sample.concurrency:
            self._last_request_s = now_s
        self._record(sample.concurrency if self.plan.scaling.metric == "concurrency" else sample.requests, now_s)

    def decide(self, *, now_s: float, data_plane_known: bool, waiting: int = 0) -> ScaleDecision:
        """Decide now. `waiting` requests found no capacity; 0 at a regular tick."""
        if waiting or self.backlog:
            self._last_request_s = now_s
        if data_plane_known and self.ready:
            # Silence up to the second that may still be reported. At zero instances nothing is recorded, as in Knative,
            # where nothing can be scraped then: the window empties, and the next burst is averaged over itself alone.
            self._record(0.0, now_s - _REPORT_S)
        wanted = self._wanted(now_s, data_plane_known, waiting)
        if self.backlog:  # what is there stays while nobody knows of the other load
            wanted = max(wanted, self.backlog, self.ready if wanted == UNKNOWN else 0)
        situation = Situation(
            wanted=wanted,
            ready=self.ready,
            idle_s=now_s - self._last_request_s,
            excess_burst_capacity=self.excess_burst_capacity,
            reachability=self.plan.reachability,
            is_superseded=self.plan.superseded,
            is_failing=self._failing,
            now_s=now_s,
        )
        self.decision, self._life = lifecycle.apply(self._life, self.plan.scaling, situation)
        return self.decision

    def next_tick_s(self, *, now_s: float) -> float:
        """Seconds until the next regular decision; sooner when the idle time of `scale_to_zero_after_s` ends before."""
        after_s = self.plan.scaling.scale_to_zero_after_s
        if after_s is None or not self.ready:
            return TICK_S
        left_s = self._last_request_s + after_s - now_s
        return min(TICK_S, left_s + _ROUNDING_S) if left_s > 0 else TICK_S

    def _wanted(self, now_s: float, data_plane_known: bool, waiting: int) -> int:
        silent = self._ready is None and self._restarted and now_s - self._born_s < _FLEET_PATIENCE_S
        if not waiting and (not data_plane_known or silent):
            return UNKNOWN
        policy = self.plan.scaling
        stable, panic = self._average(self._stable, now_s), self._average(self._panic, now_s)
        if policy.metric == "concurrency":  # those who wait now are the newest fact; the window follows in a second
            panic = max(panic, float(waiting))
        self.load = LoadWindow(stable, panic)
        decision = scaler.desired_scale(
            self.load,
            self.state,
            policy,
            ready=self.ready,
            reachable=self.plan.reachability != "Unreachable",
            now_s=now_s,
        )
        self.state, self.excess_burst_capacity = decision.state, decision.excess_burst_capacity
        if waiting and not decision.desired:
            return max(1, policy.activation_scale)
        # The applied scale has instances under way that no average knows of yet.
        return max(decision.desired, self.decision.desired) if waiting else decision.desired

    def _record(self, value: float, at_s: float) -> None:
        self._stable.record(at_s, value)
        self._panic.record(at_s, value)

    def _average(self, window: Window, now_s: float) -> float:
        weighted = self.plan.scaling.weighted
        return (window.weighted_average(now_s) if weighted else window.average(now_s)) or 0.0
