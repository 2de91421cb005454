"""Event: a CloudEvent 1.0 as handlers see it, whichever way it travelled.

Source: CloudEvents 1.0.2, "Context Attributes" and "Type System". Nothing here knows HTTP; `wire.py` does.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Generic, TypeVar

import msgspec

from faas_runtime.errors import EventError

T = TypeVar("T")
Extension = str | int | bool

SPEC_VERSION = "1.0"
JSON = "application/json"
_CORE = frozenset(
    {"id", "source", "specversion", "type", "datacontenttype", "dataschema", "subject", "time", "data", "data_base64"}
)
_TRACING = ("traceparent", "tracestate")  # the distributed tracing extension


class _Missing:
    __slots__ = ()


_MISSING: Final = _Missing()  # the data is only there as bytes so far
_encode = msgspec.json.Encoder(order=None).encode
_decode = msgspec.json.Decoder().decode


class Event(Generic[T]):
    """A CloudEvent. As a parameter, `Event[Order]` has its data as an `Order`.

    Args:
        type: what happened, `com.acme.order.created`.
        data: bytes stay as they are; everything else becomes JSON unless `datacontenttype` is text.
        source: where; the function's own URI when a handler publishes or returns the event without one.
        id: unique for this source; made when it is first asked for.
        time: with a time zone; now when the event is made here.
        extensions: lower-case names; str, int or bool.
    Raises: EventError: an attribute breaks the specification.
    """

    __slots__ = ("_data", "_id", "_payload", "_time", "datacontenttype", "dataschema", "extensions", "source",
                 "subject", "type")  # fmt: skip

    def __init__(
        self,
        type: str,
        data: T | None = None,
        *,
        source: str = "",
        id: str = "",
        subject: str | None = None,
        time: datetime | None = None,
        datacontenttype: str | None = None,
        dataschema: str | None = None,
        extensions: Mapping[str, Extension] | None = None,
    ) -> None:
        if not isinstance(type, str) or not type:
            raise EventError("an event needs a type, for example Event(type='com.acme.order.created')")
        if subject == "" or dataschema == "" or datacontenttype == "":
            raise EventError("subject, dataschema and datacontenttype are not empty: leave them out instead")
        if time is not None and time.tzinfo is None:
            raise EventError("time needs a time zone: datetime.now(timezone.utc)")
        self.type = type
        self.source = source
        self.subject = subject
        self.dataschema = dataschema
        self.extensions: dict[str, Extension] = dict(extensions or {})
        check_extensions(self.extensions)
        self._id = id
        self._time: str | None = format_time(time or datetime.now(UTC))
        self._payload: bytes | None = None
        self._data: T | _Missing | None = data
        if datacontenttype is None and data is not None:
            datacontenttype = "application/octet-stream" if isinstance(data, bytes | bytearray | memoryview) else JSON
        self.datacontenttype = datacontenttype

    @classmethod
    def received(
        cls, type: str, source: str, id: str, subject: str | None, time: str | None, datacontenttype: str | None,
        dataschema: str | None, extensions: dict[str, Extension], payload: bytes | None,
    ) -> Event[Any]:  # fmt: skip
        """An event off the wire, already checked; its data is decoded when somebody asks."""
        event: Event[Any] = cls.__new__(cls)
        event.type, event.source, event._id, event.subject = type, source, id, subject
        event._time, event.datacontenttype, event.dataschema = time, datacontenttype, dataschema
        event.extensions, event._payload = extensions, payload
        event._data = None if payload is None else _MISSING
        return event

    @property
    def id(self) -> str:
        if not self._id:
            self._id = str(uuid.uuid4())
        return self._id

    @property
    def has_id(self) -> bool:
        """Whether the id was given or asked for; a reply without one gets a stable one."""
        return bool(self._id)

    @property
    def specversion(self) -> str:
        return SPEC_VERSION

    @property
    def time(self) -> datetime | None:
        return None if self._time is None else parse_time(self._time)

    @property
    def time_text(self) -> str | None:
        """The time as it travels, with all its digits."""
        return self._time

    @property
    def attributes(self) -> dict[str, Extension]:
        """The context attributes and extensions that the event has, by name, as they travel; a new dict each time."""
        optional = (("subject", self.subject), ("datacontenttype", self.datacontenttype),
                    ("dataschema", self.dataschema), ("time", self._time))  # fmt: skip
        return {
            "specversion": SPEC_VERSION, "id": self.id, "source": self.source, "type": self.type,
            **{name: value for name, value in optional if value is not None}, **self.extensions,
        }  # fmt: skip

    @property
    def data(self) -> T:
        """The payload as JSON, text or bytes, by `datacontenttype`. Raises: EventError: it is not what that says."""
        if isinstance(self._data, _Missing):
            self._data = _decoded(self._payload or b"", self.datacontenttype)
        return self._data  # type: ignore[return-value]  # what T is, only the annotation of the handler knows

    def with_data(self, data: Any) -> None:
        """Set what `data` answers; the payload on the wire stays."""
        self._data = data

    @property
    def payload(self) -> bytes | None:
        """The data as bytes, as it travels in binary mode. Raises: TypeError: the data has no JSON form."""
        if self._payload is None and self._data is not None:
            self._payload = _encoded(self._data, self.datacontenttype)
        return self._payload

    @property
    def is_json(self) -> bool:
        return is_json(self.datacontenttype)

    def replace(self, **changes: Any) -> Event[T]:
        """A copy with other attributes: `event.replace(subject="eu/1")`. Same arguments as the constructor."""
        known: dict[str, Any] = {
            "type": self.type, "source": self.source, "id": self._id, "subject": self.subject, "time": self.time,
            "datacontenttype": self.datacontenttype, "dataschema": self.dataschema, "extensions": self.extensions,
        }  # fmt: skip
        copy: Event[T] = Event(**{**known, **changes})
        if "data" not in changes:
            copy._payload, copy._data = self._payload, self._data
        if "time" not in changes:
            copy._time = self._time
        return copy

    def _comparable(self) -> tuple[Any, ...]:
        return (self.type, self.source, self._id, self.subject, self.time, self.datacontenttype, self.dataschema,
                self.extensions, self._plain_data())  # fmt: skip

    def _plain_data(self) -> Any:
        if self.is_json and self.payload is not None:
            return _decoded(self.payload, self.datacontenttype)
        return self.payload

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Event) and self._comparable() == other._comparable()

    __hash__ = None  # type: ignore[assignment]  # data may be anything

    def __repr__(self) -> str:
        shown = f"Event(type={self.type!r}, source={self.source!r}, id={self._id!r}"
        if self.subject is not None:
            shown += f", subject={self.subject!r}"
        return shown + ")"


def is_json(content_type: str | None) -> bool:
    """No content type means JSON, as in the JSON format's own rule."""
    if content_type is None or content_type == JSON:
        return True
    media = content_type.partition(";")[0].strip().lower()
    return media == JSON or media.endswith("+json") or media == "text/json"


def is_text(content_type: str | None) -> bool:
    media = (content_type or "").partition(";")[0].strip().lower()
    return media.startswith("text/") or media.endswith("xml") or media == "application/yaml"


def check_extensions(extensions: Mapping[str, Extension]) -> None:
    """Raises: EventError: a name or a value the specification does not allow."""
    for name, value in extensions.items():
        if name in _CORE:
            raise EventError(f"{name!r} is an attribute of its own, not an extension")
        if not (name.isascii() and name.isalnum() and name == name.lower()):
            raise EventError(f"extension {name!r}: names are lower-case letters and digits")
        if not isinstance(value, str | int | bool):
            raise EventError(f"extension {name}={value!r} is neither str, int nor bool")


def tracing_of(event: Event[Any]) -> dict[str, Extension]:
    return {name: event.extensions[name] for name in _TRACING if name in event.extensions}


def parse_time(text: str) -> datetime:
    """Raises: EventError: not RFC 3339 with a time zone."""
    try:
        time = msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        raise EventError(f"time {text!r} is not an RFC 3339 timestamp, for example 2026-12-05T12:00:00Z") from None
    if time.tzinfo is None:
        raise EventError(f"time {text!r} has no time zone")
    return time


def format_time(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")


def _decoded(payload: bytes, content_type: str | None) -> Any:
    if is_json(content_type):
        try:
            return _decode(payload)
        except msgspec.DecodeError as error:
            raise EventError(f"the data is not the JSON that datacontenttype promises: {error}") from None
        except RecursionError:
            raise EventError("the data is nested too deeply") from None
    if is_text(content_type):
        try:
            return payload.decode()
        except UnicodeDecodeError:
            raise EventError(f"the data is not the UTF-8 text that datacontenttype {content_type!r} promises") from None
    return payload


def _encoded(data: Any, content_type: str | None) -> bytes:
    if isinstance(data, bytes | bytearray | memoryview):
        return bytes(data)
    if isinstance(data, str) and not is_json(content_type):
        return data.encode()
    from faas_runtime.jsonic import to_json  # here: it knows models, which only data of that kind needs

    return to_json(data)
