"""Fills a handler's parameters; made once for each endpoint, so that a request only runs what it needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

import msgspec

from faas_runtime.calls.call import Call
from faas_runtime.calls.context import Context
from faas_runtime.calls.problem import Problem, missing, unfit
from faas_runtime.calls.request import Request
from faas_runtime.calls.websocket import WebSocket
from faas_runtime.endpoints.signature import Parameter, Signature
from faas_runtime.errors import EventError
from faas_runtime.events import wire
from faas_runtime.events.event import Event, is_json
from faas_runtime.events.shapes.views import view_of
from faas_runtime.jsonic import make_converter, make_decoder

Getter = Callable[[Call], Any]
_FORM = "application/x-www-form-urlencoded"


class Binder:
    """Turns a call into the handler's arguments. Raises: Problem: what did not fit."""

    __slots__ = ("_keywords", "_positional", "reads_body")

    def __init__(self, signature: Signature, *, kind: str, path_names: tuple[str, ...]) -> None:
        getters = [
            (parameter, _make_getter(parameter, path_names) if kind == "http"
             else _make_event_getter(parameter, path_names, kind))
            for parameter in signature.parameters
        ]  # fmt: skip
        self._positional = tuple(getter for parameter, getter in getters if not parameter.keyword_only)
        self._keywords = tuple((parameter.name, getter) for parameter, getter in getters if parameter.keyword_only)
        sources = {parameter.source for parameter in signature.parameters}
        self.reads_body = bool(sources & {"body", "event", "flask", "sdk_event", "shape"}) or kind != "http"

    def call(self, handler: Callable[..., Any], call: Call) -> Any:
        """The handler's result, or its coroutine or generator."""
        if self._keywords:
            keywords = {name: getter(call) for name, getter in self._keywords}
            return handler(*[getter(call) for getter in self._positional], **keywords)
        return handler(*[getter(call) for getter in self._positional])


def _make_getter(parameter: Parameter, path_names: tuple[str, ...]) -> Getter:
    match parameter.source:
        case "path":
            return _path_getter(parameter, path_names.index(parameter.name))
        case "query":
            return _query_getter(parameter)
        case "body":
            return _body_getter(parameter)
        case "event":
            return _http_event_getter(parameter)
        case "shape":
            return _shape_getter(parameter)
        case _:
            return _special_getter(parameter)


def _make_event_getter(parameter: Parameter, path_names: tuple[str, ...], kind: str) -> Getter:
    """Args: kind: of the decorator; each source's data is seen in its own way."""
    match parameter.source:
        case "path":
            return _path_getter(parameter, path_names.index(parameter.name))
        case "body":
            return _data_getter(parameter, kind)
        case "event":
            return _event_getter(parameter, kind)
        case "shape":
            return _shape_getter(parameter)
        case _:
            return _special_getter(parameter)


def _special_getter(parameter: Parameter) -> Getter:
    match parameter.source:
        case "context":
            return Context
        case "request":
            return Request
        case "websocket":
            return WebSocket.of
        case "flask":
            from faas_runtime.bridges.flask import make_flask_getter

            return make_flask_getter(parameter.annotation)
        case "sdk_event":
            from faas_runtime.bridges.cloudevents import make_sdk_converter

            convert = make_sdk_converter(parameter.annotation)
            return lambda call: convert(_event_of(call))
        case _:
            raise AssertionError(parameter)


def _event_of(call: Call) -> Event[Any]:
    """The call's event, or the one that a plain HTTP request carries."""
    if call.event is None:
        try:
            events = wire.parse(call.headers, call.body)
        except EventError as error:
            raise Problem(400, str(error)) from None
        if len(events) != 1:
            raise Problem(400, "a batch of events came where one event was expected")
        call.event = events[0]
    return call.event


def _http_event_getter(parameter: Parameter) -> Getter:
    fill = _event_getter(parameter)

    def get(call: Call) -> Any:
        if call.event is None and not parameter.is_required and not wire.mode(call.headers):
            return parameter.default
        _event_of(call)
        return fill(call)

    return get


def _shape_getter(parameter: Parameter) -> Getter:
    """A source's own class, as BucketObject: made from the event."""
    make = parameter.annotation.of_event

    def get(call: Call) -> Any:
        try:
            return make(_event_of(call))
        except EventError as error:
            raise Problem(422, str(error)) from None

    return get


def _event_getter(parameter: Parameter, kind: str = "event") -> Getter:
    if parameter.annotation is None:
        return _event_of
    decode = _data_decoder(parameter.annotation, kind)

    def get(call: Call) -> Event[Any]:
        event = _event_of(call)
        event.with_data(decode(event))
        return event

    return get


def _data_getter(parameter: Parameter, kind: str) -> Getter:
    decode = _data_decoder(parameter.annotation, kind)

    def get(call: Call) -> Any:
        event = _event_of(call)
        if event.payload is None and not parameter.is_required:
            return parameter.default
        return decode(event)

    return get


def _data_decoder(annotation: Any, kind: str) -> Callable[[Event[Any]], Any]:
    if annotation is bytes:
        return lambda event: event.payload or b""
    decode = make_decoder(annotation)
    convert = make_converter(annotation)
    view = view_of(kind, annotation)

    def get(event: Event[Any]) -> Any:
        payload = event.payload
        try:
            if payload is None:
                return convert(None)
            if view is not None:
                return convert(view(event))
            if is_json(event.datacontenttype):
                return decode(payload)
            return convert(event.data)
        except EventError as error:
            raise Problem(400, str(error)) from None
        except Exception as error:  # noqa: BLE001  # pydantic's cannot be named; `unfit` passes on what is none
            raise unfit(error, "data") from None

    return get


def _path_getter(parameter: Parameter, index: int) -> Getter:
    if parameter.annotation is str:
        return lambda call: call.values[index]
    convert, name = make_converter(parameter.annotation), parameter.name

    def get(call: Call) -> Any:
        try:
            return convert(call.values[index])
        except msgspec.ValidationError as error:
            raise unfit(error, "path", name) from None

    return get


def _query_getter(parameter: Parameter) -> Getter:
    convert, name, default = make_converter(parameter.annotation), parameter.name, parameter.default
    required, several, is_text = parameter.is_required, parameter.several, parameter.annotation is str
    key = name.encode()

    def get(call: Call) -> Any:
        query: bytes = call.scope["query_string"]
        values = query_values(query, name) if key in query or b"%" in query else []
        if not values:
            if required:
                raise missing("query", name)
            return default
        if is_text:
            return values[-1]
        try:
            return convert(values if several else values[-1])
        except msgspec.ValidationError as error:
            raise unfit(error, "query", name) from None

    return get


def query_values(query: bytes, name: str) -> list[str]:
    """All values of one name, decoded, in order."""
    found = []
    for part in query.decode("latin-1").split("&"):
        key, _, value = part.partition("=")
        if key == name or (("%" in key or "+" in key) and unquote_plus(key) == name):
            found.append(unquote_plus(value) if "%" in value or "+" in value else value)
    return found


def _body_getter(parameter: Parameter) -> Getter:
    kind = parameter.annotation
    if kind is bytes:
        return lambda call: call.body
    if kind is str:
        return _text_body
    decode, convert = make_decoder(kind), make_converter(kind)
    required, default = parameter.is_required, parameter.default

    def get(call: Call) -> Any:
        body = call.body
        if not body:
            if required:
                raise missing("body", "")
            return default
        content_type = call.headers.get(b"content-type", b"application/json")
        try:
            if content_type == b"application/json" or is_json(media := content_type.decode("latin-1")):
                return decode(body)
            if media.partition(";")[0].strip().lower() == _FORM:
                return convert(_form(body))
        except Exception as error:  # noqa: BLE001  # as above
            raise unfit(error, "body") from None
        raise Problem(415, f"the body is {media!r}; this function takes application/json or {_FORM}",
                      headers={"accept-post": f"application/json, {_FORM}"})  # fmt: skip

    return get


def _text_body(call: Call) -> str:
    try:
        return call.body.decode()
    except UnicodeDecodeError as error:
        raise Problem(400, f"the body is not UTF-8 text: {error}") from None


def _form(body: bytes) -> dict[str, Any]:
    if body.lstrip()[:1] in (b"{", b"["):
        raise Problem(415, f"the body looks like JSON, but its content type is {_FORM}; send it as application/json")
    fields: dict[str, Any] = {}
    for name, value in parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True):
        if name not in fields:
            fields[name] = value
        elif isinstance(fields[name], list):
            fields[name].append(value)
        else:
            fields[name] = [fields[name], value]
    return fields
