"""Conditions: how single observations add up to Ready, and when a condition counts as changed.

Source: knative/pkg apis/condition_set.go (a living condition set); the *_lifecycle.go of each kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from faas.resources import kinds
from faas.resources.kinds import Kind
from faas.resources.meta import Condition, Conditions, ConditionStatus

READY = "Ready"


@dataclass(frozen=True, slots=True)
class ConditionSet:
    """The conditions of a kind. Ready is False if any dependent is, else Unknown if any is or is missing, else True.

    Conditions that are not dependents are informative: they have the severity Info and do not count for Ready.
    Every method returns new conditions, sorted by type; `now` becomes the lastTransitionTime of what has changed, in
    whole seconds, as the wire has it.
    """

    dependents: tuple[str, ...] = ()
    happy: str = READY

    def initialize(self, conditions: Iterable[Condition], now: datetime) -> Conditions:
        """Add what is missing: Unknown, or True where Ready is True already (a dependent that this release brings)."""
        result = tuple(conditions)
        ready = find(result, self.happy)
        if ready is None:
            ready = Condition(type=self.happy, status="Unknown")
            result = _put(result, ready, now)
        status: ConditionStatus = "True" if ready.status == "True" else "Unknown"
        for type in self.dependents:
            if find(result, type) is None:
                result = _put(result, Condition(type=type, status=status), now)
        return result

    def mark(
        self,
        conditions: Iterable[Condition],
        type: str,
        status: ConditionStatus,
        reason: str = "",
        message: str = "",
        *,
        now: datetime,
    ) -> Conditions:
        """Set one condition, and Ready with it."""
        counts = type == self.happy or type in self.dependents
        marked = Condition(type=type, status=status, severity="" if counts else "Info", reason=reason, message=message)
        result = _put(conditions, marked, now)
        if type not in self.dependents:
            return result
        return _put(result, self._ready(result, marked), now)

    def clear(self, conditions: Iterable[Condition], type: str, *, now: datetime) -> Conditions:
        """Remove an informative condition. One that counts for Ready cannot be removed: mark it."""
        if type == self.happy or type in self.dependents:
            raise ValueError(f"{type} counts for {self.happy} and cannot be removed")
        return tuple(condition for condition in conditions if condition.type != type)

    def _ready(self, conditions: Conditions, marked: Condition) -> Condition:
        dependents = [condition for condition in conditions if condition.type in self.dependents]
        for status in ("False", "Unknown"):
            unhappy = [condition for condition in dependents if condition.status == status]
            if not unhappy:
                continue
            cause = next((c for c in unhappy if c.type == marked.type), None) or max(unhappy, key=_changed_at)
            return Condition(type=self.happy, status=cause.status, reason=cause.reason, message=cause.message)
        if len(dependents) < len(self.dependents):
            return Condition(type=self.happy, status="Unknown")
        return Condition(type=self.happy, status="True")


SERVICE_CONDITIONS = ConditionSet(("ConfigurationsReady", "RoutesReady"))
CONFIGURATION_CONDITIONS = ConditionSet()
REVISION_CONDITIONS = ConditionSet(("ResourcesAvailable", "ContainerHealthy"))  # and Active, which is informative
ROUTE_CONDITIONS = ConditionSet(("AllTrafficAssigned", "CertificateProvisioned", "IngressReady"))
DOMAIN_MAPPING_CONDITIONS = ConditionSet(
    ("DomainClaimed", "ReferenceResolved", "IngressReady", "CertificateProvisioned")
)
BROKER_CONDITIONS = ConditionSet(
    (
        "IngressReady",
        "TriggerChannelReady",
        "FilterReady",
        "Addressable",
        "DeadLetterSinkResolved",
        "EventPoliciesReady",
    )
)
TRIGGER_CONDITIONS = ConditionSet(
    (
        "BrokerReady",
        "SubscriptionReady",
        "DependencyReady",
        "SubscriberResolved",
        "DeadLetterSinkResolved",
        "OIDCIdentityCreated",
    )
)
EVENT_TYPE_CONDITIONS = ConditionSet(("ReferenceExists",))
PING_SOURCE_CONDITIONS = ConditionSet(("SinkProvided", "Deployed", "OIDCIdentityCreated"))
API_SERVER_SOURCE_CONDITIONS = ConditionSet(
    ("SinkProvided", "Deployed", "SufficientPermissions", "OIDCIdentityCreated")
)
CONTAINER_SOURCE_CONDITIONS = ConditionSet(("SinkBindingReady", "ReceiveAdapterReady"))
SINK_BINDING_CONDITIONS = ConditionSet(
    ("SinkBindingAvailable", "SinkProvided", "OIDCIdentityCreated", "OIDCTokenSecretCreated", "TrustBundlePropagated")
)
KAFKA_SOURCE_CONDITIONS = ConditionSet(
    ("SinkProvided", "Deployed", "ConnectionEstablished", "InitialOffsetsCommitted", "OIDCIdentityCreated")
)
REDIS_STREAM_SOURCE_CONDITIONS = ConditionSet(("SinkProvided", "Deployed"))
RABBITMQ_SOURCE_CONDITIONS = ConditionSet(("SinkProvided", "Deployed", "ExchangeReady", "SecretReady"))
GITHUB_SOURCE_CONDITIONS = ConditionSet(("SecretsProvided", "SinkProvided", "WebhookConfigured"))

_OF_KIND: Mapping[str, ConditionSet] = {
    str(kinds.SERVICE): SERVICE_CONDITIONS,
    str(kinds.CONFIGURATION): CONFIGURATION_CONDITIONS,
    str(kinds.REVISION): REVISION_CONDITIONS,
    str(kinds.ROUTE): ROUTE_CONDITIONS,
    str(kinds.DOMAIN_MAPPING): DOMAIN_MAPPING_CONDITIONS,
    str(kinds.BROKER): BROKER_CONDITIONS,
    str(kinds.TRIGGER): TRIGGER_CONDITIONS,
    str(kinds.EVENT_TYPE): EVENT_TYPE_CONDITIONS,
    str(kinds.PING_SOURCE): PING_SOURCE_CONDITIONS,
    str(kinds.API_SERVER_SOURCE): API_SERVER_SOURCE_CONDITIONS,
    str(kinds.CONTAINER_SOURCE): CONTAINER_SOURCE_CONDITIONS,
    str(kinds.SINK_BINDING): SINK_BINDING_CONDITIONS,
    str(kinds.KAFKA_SOURCE): KAFKA_SOURCE_CONDITIONS,
    str(kinds.REDIS_STREAM_SOURCE): REDIS_STREAM_SOURCE_CONDITIONS,
    str(kinds.RABBITMQ_SOURCE): RABBITMQ_SOURCE_CONDITIONS,
    str(kinds.GITHUB_SOURCE): GITHUB_SOURCE_CONDITIONS,
}


def conditions_of(kind: Kind) -> ConditionSet:
    """The conditions of one of Knative's kinds. Raises KeyError for a kind without."""
    return _OF_KIND[str(kind)]


def find(conditions: Iterable[Condition], type: str) -> Condition | None:
    return next((condition for condition in conditions if condition.type == type), None)


def has_status(conditions: Iterable[Condition], type: str, status: ConditionStatus) -> bool:
    condition = find(conditions, type)
    return condition is not None and condition.status == status


def is_ready(conditions: Iterable[Condition]) -> bool:
    return has_status(conditions, READY, "True")


def _put(conditions: Iterable[Condition], new: Condition, now: datetime) -> Conditions:
    kept = []
    for condition in conditions:
        if condition.type != new.type:
            kept.append(condition)
        elif msgspec.structs.replace(condition, last_transition_time=None) == new:
            new = condition  # nothing but the time would change
    if new.last_transition_time is None:
        new = msgspec.structs.replace(new, last_transition_time=now.replace(microsecond=0))
    return tuple(sorted([*kept, new], key=lambda condition: condition.type))


def _changed_at(condition: Condition) -> float:
    return condition.last_transition_time.timestamp() if condition.last_transition_time else 0.0
