"""What an EventType says of itself. Source: eventtype_lifecycle.go."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from faas.engine.controllers.marks import Marks
from faas.resources.conditions import EVENT_TYPE_CONDITIONS
from faas.resources.eventtypes import EventType, EventTypeStatus


def observed_status(event_type: EventType, *, exists: bool, now: datetime) -> EventTypeStatus:
    """Args: exists: whether there is what it refers to."""
    marks = Marks(EVENT_TYPE_CONDITIONS, event_type.status.conditions, now)
    reference = event_type.spec.reference
    if reference is None:
        marks.set("ReferenceExists", "True", "ReferenceNotSet", "")
    elif exists:
        marks.set("ReferenceExists", "True")
    else:
        message = f'{reference.kind} "{reference.name}" does not exist'
        marks.set("ReferenceExists", "False", "ResourceDoesNotExist", message)
    generation = event_type.metadata.generation
    return replace(event_type.status, observed_generation=generation, conditions=marks.conditions)
