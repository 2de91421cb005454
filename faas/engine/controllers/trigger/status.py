"""What a Trigger says of itself. Source: trigger_lifecycle.go."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from faas.engine.controllers.addressing import OIDC_OFF, Unresolved
from faas.engine.controllers.marks import Marks
from faas.engine.controllers.trigger.plan import Surroundings
from faas.resources.conditions import READY, TRIGGER_CONDITIONS, find, has_status
from faas.resources.eventing import Trigger, TriggerStatus

_SUBSCRIBER = "Unable to get the Subscriber's URI"
_DEAD_LETTER = "Unable to get the dead letter sink's URI"


def observed_status(
    trigger: Trigger, broker_name: str, around: Surroundings, *, subscribed: bool | None, now: datetime
) -> TriggerStatus:
    """Args:
    subscribed: whether the broker's process has begun with it, so that events sent from now on will come; None
        when it has not said: after a restart of the engine what it said before still holds.
    """
    status = replace(
        trigger.status,
        observed_generation=trigger.metadata.generation,
        subscriber_uri=around.subscriber if isinstance(around.subscriber, str) else "",
        dead_letter_sink_uri=around.dead_letter if isinstance(around.dead_letter, str) else "",
    )
    marks = Marks(TRIGGER_CONDITIONS, trigger.status.conditions, now)
    marks.set("OIDCIdentityCreated", "True", OIDC_OFF)
    if subscribed:
        marks.set("SubscriptionReady", "True")
    elif subscribed is False or not has_status(trigger.status.conditions, "SubscriptionReady", "True"):
        message = "The broker's process has not taken over this trigger yet."
        marks.set("SubscriptionReady", "Unknown", "SubscriptionNotConfigured", message)
    if isinstance(around.dead_letter, Unresolved) or around.dead_letter:
        marks.unless("DeadLetterSinkResolved", around.dead_letter, _DEAD_LETTER)
    else:
        marks.set("DeadLetterSinkResolved", "True", "DeadLetterSinkNotConfigured", "No dead letter sink is configured.")
    if around.dependency is None:
        marks.set("DependencyReady", "True")
    else:
        marks.set("DependencyReady", around.dependency.status, around.dependency.reason, around.dependency.message)
    marks.unless("SubscriberResolved", around.subscriber, _SUBSCRIBER)
    _mark_broker(marks, broker_name, around)
    return replace(status, conditions=marks.conditions)


def _mark_broker(marks: Marks, name: str, around: Surroundings) -> None:
    if around.broker is None:
        message = f'Broker "{name}" does not exist or there is no matching BrokerClass for it'
        marks.set("BrokerReady", "False", "BrokerDoesNotExist", message)
        return
    ready = find(around.broker.status.conditions, READY)
    if ready is None:
        marks.set("BrokerReady", "Unknown", "BrokerNotConfigured", "Broker has not yet been reconciled.")
    else:
        marks.set("BrokerReady", ready.status, ready.reason, ready.message)
