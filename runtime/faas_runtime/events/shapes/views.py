"""How the data of a source's event is seen before it is made what a handler asks for.

Messages of MQTT, Kafka, RabbitMQ and webhooks come as their senders chose: `str` takes any text, also one that happens
to be a number in JSON. A Redis entry is a flat array on the wire, and a mapping for whoever names its fields.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Sequence
from typing import Any

from faas_runtime.errors import EventError
from faas_runtime.events.event import Event

_AS_SENT = frozenset({"mqtt", "kafka", "rabbitmq", "webhook"})
_FORM = "application/x-www-form-urlencoded"

View = Callable[[Event[Any]], Any]


def view_of(kind: str, annotation: Any) -> View | None:
    """The data as a plain value for `annotation`; None: it is decoded as for any event."""
    if kind == "redis" and (typing.get_origin(annotation) or annotation) not in (list, tuple, Sequence):
        from faas_runtime.events.shapes.redis import fields_of

        return lambda event: fields_of(event.data)
    if kind in _AS_SENT and annotation is str:
        return _text
    if kind == "webhook":
        return _form_or_data
    return None


def _text(event: Event[Any]) -> str:
    if event.is_json and isinstance(event.data, str):
        return event.data
    try:
        return (event.payload or b"").decode()
    except UnicodeDecodeError:
        raise EventError("the data is no UTF-8 text; annotate the parameter with bytes") from None


def _form_or_data(event: Event[Any]) -> Any:
    """A form's fields: text, or a list where a field comes several times."""
    if (event.datacontenttype or "").partition(";")[0].strip().lower() != _FORM:
        return event.data
    from urllib.parse import parse_qs

    fields = parse_qs((event.payload or b"").decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[0] if len(values) == 1 else values for name, values in fields.items()}
