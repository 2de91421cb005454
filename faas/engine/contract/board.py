"""Where the parts inside the engine's process leave facts for each other; the composition root makes one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from faas.engine.contract.dataplane import LoadSample, RevisionPolicy, Target
from faas.engine.contract.eventing import BrokerConfig, BrokerStatus, TriggerConfig, TriggerStatus
from faas.engine.contract.observed import Observed
from faas.engine.contract.revision import Endpoint, FleetStatus, RevisionKey, RevisionPlan, ScaleDecision
from faas.engine.contract.sources import SourceKey, SourcePlan, SourceStatus


@dataclass
class Signals:
    """Momentary facts of the data plane, called in line on the engine's loop; each list holds its listeners."""

    poke: list[Callable[[RevisionKey, int], None]] = field(default_factory=list)  # waiting requests without capacity
    load: list[Callable[[tuple[LoadSample, ...]], None]] = field(default_factory=list)  # each second
    idle: list[Callable[[RevisionKey, str], None]] = field(default_factory=list)  # a draining endpoint is empty
    unreachable: list[Callable[[RevisionKey, str], None]] = field(default_factory=list)


@dataclass
class Board:
    """Every mapping has one writer, named here."""

    plans: Observed[RevisionKey, RevisionPlan] = field(default_factory=Observed)  # controllers.revision
    decisions: Observed[RevisionKey, ScaleDecision] = field(default_factory=Observed)  # autoscaler
    fleets: Observed[RevisionKey, FleetStatus] = field(default_factory=Observed)  # instances
    endpoints: Observed[RevisionKey, tuple[Endpoint, ...]] = field(default_factory=Observed)  # instances
    policies: Observed[RevisionKey, RevisionPolicy] = field(default_factory=Observed)  # controllers.revision
    targets: Observed[str, Target] = field(default_factory=Observed)  # controllers.route; key "namespace/label"
    hosts: Observed[str, str] = field(default_factory=Observed)  # controllers.route; host -> key of targets
    domains: Observed[str, str] = field(default_factory=Observed)  # controllers.domainmapping; as hosts, which go first
    brokers: Observed[str, BrokerConfig] = field(default_factory=Observed)  # controllers.broker
    triggers: Observed[str, TriggerConfig | None] = field(
        default_factory=Observed
    )  # controllers.trigger; None: events wait
    # controllers: of every Broker and Trigger that exists, by kind and key; also of those that nothing is made of
    eventing_uids: Observed[tuple[str, str], str] = field(default_factory=Observed)
    broker_status: Observed[str, BrokerStatus] = field(default_factory=Observed)  # broker.link
    trigger_status: Observed[str, TriggerStatus] = field(default_factory=Observed)  # broker.link
    sources: Observed[SourceKey, SourcePlan] = field(default_factory=Observed)  # controllers of sources
    source_status: Observed[SourceKey, SourceStatus] = field(default_factory=Observed)  # sources
    signals: Signals = field(default_factory=Signals)
