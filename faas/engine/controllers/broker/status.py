"""What a Broker says of itself. Source: broker_lifecycle.go; TriggerChannelReady is the log, FilterReady delivery."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from faas.engine.contract.eventing import BrokerStatus as ProcessStatus
from faas.engine.controllers.addressing import Unresolved
from faas.engine.controllers.marks import Marks
from faas.resources.conditions import BROKER_CONDITIONS, has_status
from faas.resources.duck import Addressable
from faas.resources.eventing import Broker, BrokerStatus
from faas.resources.meta import ConditionStatus

_LOG_FULL = "LogFull"
_STARTING = ProcessStatus("", ready=False, reason="Starting", message="The broker's process is being started.")
_WAITING = frozenset({"Starting", "BrokerNotRunning"})  # it comes by itself


def observed_status(
    broker: Broker,
    process: ProcessStatus | None,
    url: str,
    dead_letter_uri: str | Unresolved,
    *,
    invalid: str = "",
    now: datetime,
) -> BrokerStatus:
    """Args:
    process: what the broker's process says of it; None when it has said nothing: after a restart of the engine what
        it said before still holds.
    dead_letter_uri: "" when none is named.
    invalid: why an annotation was not taken over.
    """
    address = Addressable(name="http", url=url)
    status = replace(
        broker.status,
        observed_generation=broker.metadata.generation,
        address=address,
        dead_letter_sink_uri=dead_letter_uri if isinstance(dead_letter_uri, str) else "",
    )
    marks = Marks(BROKER_CONDITIONS, broker.status.conditions, now)
    marks.set("Addressable", "True")
    mode = 'Default authz mode is "Allow-Same-Namespace"'
    marks.set("EventPoliciesReady", "True", "DefaultAuthorizationMode", mode)
    if isinstance(dead_letter_uri, Unresolved):
        words = "Unable to get the dead letter sink's URI"
        marks.set("DeadLetterSinkResolved", dead_letter_uri.status, words, dead_letter_uri.message)
    elif dead_letter_uri:
        marks.set("DeadLetterSinkResolved", "True")
    else:
        marks.set("DeadLetterSinkResolved", "True", "DeadLetterSinkNotConfigured", "No dead letter sink is configured.")
    if process is not None or not has_status(broker.status.conditions, "IngressReady", "True"):
        _mark_process(marks, process or _STARTING)
    if invalid:
        marks.set("IngressReady", "False", "InvalidConfiguration", invalid)
    return replace(status, conditions=marks.conditions)


def foreign_status(broker: Broker, class_name: str, known: tuple[str, ...], now: datetime) -> BrokerStatus:
    """Another class's Broker gets no address from us, and is told so."""
    marks = Marks(BROKER_CONDITIONS, broker.status.conditions, now)
    choice = " or ".join(known)
    message = f"This engine has no Brokers of the class {class_name!r}; leave the annotation out, or use {choice}."
    marks.set("IngressReady", "False", "BrokerClassUnknown", message)
    return replace(
        broker.status, observed_generation=broker.metadata.generation, address=None, conditions=marks.conditions
    )


def _mark_process(marks: Marks, process: ProcessStatus) -> None:
    if process.ready:
        for type in ("TriggerChannelReady", "FilterReady", "IngressReady"):
            marks.set(type, "True")
    elif process.reason == _LOG_FULL:  # what is stored is delivered; that is how room is made
        marks.set("TriggerChannelReady", "True")
        marks.set("FilterReady", "True")
        marks.set("IngressReady", "False", _LOG_FULL, full_message(process))
    else:
        status: ConditionStatus = "Unknown" if process.reason in _WAITING else "False"
        for type in ("IngressReady", "FilterReady", "TriggerChannelReady"):  # the last marked is Ready's reason
            marks.set(type, status, process.reason, process.message)


def full_message(process: ProcessStatus) -> str:
    """What to do about a full log."""
    message = process.message or f"The log is full ({process.bytes} bytes in {process.events} events)"
    if process.held_by and process.held_by not in message:
        message += f"; the trigger {process.held_by} has not finished its oldest event"
    return message
