"""Brokers and triggers between the engine and the broker's process.

One JSON object a line over the broker's control socket (Unix, `EngineSettings.broker_control_socket`). The broker's
process listens and outlives the engine; the engine connects, sends a full `EventingTable` and each service's
`Capacity`, then whatever changed (always whole values, so a lost connection needs no replay). The process goes on with
the last table it has while no engine is there, also across its own restart.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

DEFAULT_BROKER = "default"
BROKER_NAMESPACE = "knative-eventing"  # whose service `broker-ingress` every Broker's address names, as in a cluster
BROKER_SERVICE = "broker-ingress"
DAY_S = 86_400.0


class Delivery(msgspec.Struct, frozen=True):
    """A DeliverySpec, resolved: the Trigger's, else the Broker's, else Knative's broker default."""

    retry: int = 10  # attempts = retry + 1
    backoff_policy: Literal["linear", "exponential"] = "exponential"
    backoff_delay_s: float = 0.2
    timeout_s: float | None = None  # one attempt; None: the function's own
    retry_after_max_s: float | None = None  # None: Retry-After is not looked at; 0: ignored
    dead_letter_uri: str = ""  # an addressable sink; wins over the stream
    dead_letter_stream: str = ""  # a named built-in stream; "": the Broker's own


class BrokerConfig(msgspec.Struct, frozen=True):
    key: str  # "namespace/name"
    uid: str
    retention_s: float = DAY_S  # how long finished events stay
    max_bytes: int = 1 << 30  # of the log on disk; when it is full, new events are refused
    max_event_bytes: int = 1 << 20


class TriggerConfig(msgspec.Struct, frozen=True):
    key: str  # "namespace/name"
    uid: str  # a Trigger made anew begins at now, also when its name is old
    broker: str  # key of the Broker
    subscriber_uri: str  # resolved
    filters: tuple[dict[str, Any], ...] = ()  # Knative's list; all have to pass; the old `filter` is made one of these
    delivery: Delivery = Delivery()
    ordered_by: str = ""  # "": unordered; an attribute's name, or `data.PATH`: events of one value one after another
    parallelism: int = 0  # most attempts at once; 0: as the subscriber's capacity allows
    backlog_target: int = 0  # waiting events for each instance that is wanted; 0: as the target's revisions say
    target: str = ""  # key of `Board.targets` whose capacity counts; "": not a service of this engine


class EventingTable(msgspec.Struct, frozen=True, tag="eventing"):
    version: int
    brokers: tuple[BrokerConfig, ...] = ()
    triggers: tuple[TriggerConfig, ...] = ()  # those that can be delivered to; a paused or broken one is left out
    # Uids of all Brokers and Triggers that exist, also of those that are left out above because they cannot be
    # delivered to or read now: only what is not among them was deleted, and loses its streams or its cursor.
    existing: tuple[str, ...] = ()


class Capacity(msgspec.Struct, frozen=True, tag="capacity"):
    """How many requests the ready instances behind a target can execute at once; 0: it is scaled to zero."""

    target: str
    requests: int


class Replay(msgspec.Struct, frozen=True, tag="replay"):
    """Deliver stored events of a time span to one trigger once more, by a cursor of its own."""

    id: int
    trigger: str
    since_s: float  # seconds since the epoch, when the event was stored
    until_s: float


class ReplayDead(msgspec.Struct, frozen=True, tag="replay-dead"):
    """Deliver dead letters to the trigger that they failed for once more; those that succeed leave the stream."""

    id: int
    broker: str
    stream: str  # "" the broker's own
    sequences: tuple[int, ...]  # in the dead letters' stream


class ScrapeBroker(msgspec.Struct, frozen=True, tag="scrape"):
    id: int


class TriggerStatus(msgspec.Struct, frozen=True):
    trigger: str
    backlog: int  # matching events that are not finished, as far as they were read
    waiting: int  # of those, ready to be delivered now, for want of capacity
    in_flight: int
    retrying: int
    delivered: int  # since this process started
    failed: int  # attempts
    dead: int  # went to the dead letters
    behind: int = 0  # positions of the log between this trigger and its end
    last_error: str = ""
    uid: str = ""  # which of the triggers that have had this key; "": any


class BrokerStatus(msgspec.Struct, frozen=True):
    broker: str
    ready: bool
    reason: str = ""  # why not: NATSUnavailable, LogFull ...
    message: str = ""
    events: int = 0  # in the log
    bytes: int = 0
    dead: int = 0  # in all its dead-letter streams
    held_by: str = ""  # when full: the trigger whose cursor keeps the oldest event


class SeenType(msgspec.Struct, frozen=True):
    broker: str
    type: str
    source: str
    schema: str = ""
    count: int = 0


class EventingStatus(msgspec.Struct, frozen=True, tag="status"):
    """Each second where something changed; whole values."""

    brokers: tuple[BrokerStatus, ...] = ()
    triggers: tuple[TriggerStatus, ...] = ()
    types: tuple[SeenType, ...] = ()


class ReplayFailure(msgspec.Struct, frozen=True):
    """One that failed again, or could not be tried."""

    sequence: int
    id: str  # of the event; "" of one that could not be read
    trigger: str
    reason: str
    code: int = 0  # that the subscriber answered; 0: none
    stream: str = ""  # of a dead letter; "" the broker's own


class ReplayDone(msgspec.Struct, frozen=True, tag="replay-done"):
    id: int
    delivered: int = 0
    failed: int = 0
    error: str = ""
    failures: tuple[ReplayFailure, ...] = ()  # the first of them


class BrokerMetrics(msgspec.Struct, frozen=True, tag="metrics"):
    id: int
    text: str


ToBroker = EventingTable | Capacity | Replay | ReplayDead | ScrapeBroker
FromBroker = EventingStatus | ReplayDone | BrokerMetrics
