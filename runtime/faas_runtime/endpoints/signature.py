"""Reads a handler's signature: which parameter is filled from where.

Event, Event[T], Context, Request, WebSocket     by type
BucketObject, FileChange                         by type: made from a source's event
flask.Request, CloudEvents SDK's event classes   by type, recognised without importing them
named in the path                                path
str, numbers, bool, dates, UUID, Enum, Literal,  query; several of a name for list, set and tuple of those
  and optional ones
everything else, or any type named body or data  the one body parameter (an event's data)
"""

from __future__ import annotations

import enum
import inspect
import types
import typing
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import msgspec

from faas_runtime.calls.context import Context
from faas_runtime.calls.request import Request
from faas_runtime.calls.websocket import WebSocket
from faas_runtime.declaring.registry import Declared, Place
from faas_runtime.errors import DeclarationError
from faas_runtime.events.event import Event

Source = Literal["path", "query", "body", "event", "context", "request", "websocket", "flask", "sdk_event", "shape"]
_SCALARS = (str, int, float, bool, UUID, datetime, date, time, timedelta, Decimal)
_SEVERAL = (list, set, frozenset, tuple, Sequence)
_BODY_NAMES = frozenset({"body", "data"})
_SDK_EVENTS = frozenset({
    ("cloudevents.http.event", "CloudEvent"), ("cloudevents.v1.http.event", "CloudEvent"),
    ("cloudevents.core.v1.event", "CloudEvent"), ("cloudevents.core.base", "BaseCloudEvent"),
    ("cloudevents.pydantic.v1.event", "CloudEvent"), ("cloudevents.pydantic.v2.event", "CloudEvent"),
    ("cloudevents.v1.pydantic.v1.event", "CloudEvent"), ("cloudevents.v1.pydantic.v2.event", "CloudEvent"),
})  # fmt: skip


class Parameter(msgspec.Struct, frozen=True):
    name: str
    source: Source
    annotation: Any  # for event: the data's type or None
    default: Any  # inspect.Parameter.empty: there is none
    keyword_only: bool = False
    several: bool = False  # query: all values of that name

    @property
    def is_required(self) -> bool:
        return self.default is inspect.Parameter.empty


class Signature(msgspec.Struct, frozen=True):
    parameters: tuple[Parameter, ...]
    is_async: bool  # async def, or an async generator function

    def of(self, source: Source) -> Parameter | None:
        return next((parameter for parameter in self.parameters if parameter.source == source), None)


def read_signature(function: Declared, *, kind: str, path_names: Sequence[str], place: Place) -> Signature:
    """Raises: DeclarationError: a parameter that nothing can fill."""
    handler = function.handler
    call = handler if inspect.isroutine(handler) else handler.__call__  # type: ignore[operator]
    hints = _hints(function, call)
    parameters = [
        _parameter(raw, hints, kind, path_names, function, place)
        for raw in inspect.signature(handler).parameters.values()
    ]
    _check(parameters, path_names, function, place)
    is_async = inspect.iscoroutinefunction(call) or inspect.isasyncgenfunction(call)
    return Signature(tuple(parameters), is_async)


def _hints(function: Declared, call: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(inspect.unwrap(call), include_extras=False)
    except Exception as error:
        raise DeclarationError(
            f"the annotations of {function.target} cannot be resolved: {error}",
            hint="import the names at run time, outside `if TYPE_CHECKING`",
            file=function.place.file, line=function.place.line,
        ) from error  # fmt: skip


def _parameter(
    raw: inspect.Parameter,
    hints: dict[str, Any],
    kind: str,
    path_names: Sequence[str],
    function: Declared,
    place: Place,
) -> Parameter:
    def refuse(message: str, hint: str = "") -> DeclarationError:
        return DeclarationError(message, hint=hint, file=function.place.file, line=function.place.line)

    if raw.kind in (raw.VAR_POSITIONAL, raw.VAR_KEYWORD):
        raise refuse(f"{function.target}: nothing can fill *{raw.name}", "name each parameter and annotate it")
    annotation = hints.get(raw.name, raw.annotation)
    in_path = raw.name in path_names
    if annotation is raw.empty:
        annotation = _inferred(raw, in_path)
    if annotation is raw.empty:
        raise refuse(
            f"{function.target}: the parameter {raw.name!r} has no annotation, so nothing says how to fill it",
            f"write {raw.name}: str, {raw.name}: dict, {raw.name}: faas.Event or {raw.name}: flask.Request",
        )
    source, annotation = _source(raw.name, annotation, kind, in_path)
    return Parameter(
        raw.name, source, annotation, raw.default, raw.kind is raw.KEYWORD_ONLY,
        several=source == "query" and _is_several(annotation),
    )  # fmt: skip


def _inferred(raw: inspect.Parameter, in_path: bool) -> Any:
    if in_path:
        return str
    if raw.default is not raw.empty and isinstance(raw.default, _SCALARS):
        return type(raw.default)
    return raw.empty


def _source(name: str, annotation: Any, kind: str, in_path: bool) -> tuple[Source, Any]:
    plain = _without_none(annotation)
    origin = typing.get_origin(plain) or plain
    if origin is Event:
        data = typing.get_args(plain)
        return "event", data[0] if data and data[0] is not Any else None
    if isinstance(origin, type):
        if issubclass(origin, Context):
            return "context", None
        if issubclass(origin, Request):
            return "request", None
        if issubclass(origin, WebSocket):
            return "websocket", None
        if origin.__module__.startswith("faas_runtime.events.shapes."):
            return "shape", origin
        if any((base.__module__, base.__name__) == ("flask.wrappers", "Request") for base in origin.__mro__):
            return "flask", origin
        if any((base.__module__, base.__name__) in _SDK_EVENTS for base in origin.__mro__):
            return "sdk_event", origin
    if in_path:
        return "path", annotation
    if kind == "event" or name in _BODY_NAMES:
        return "body", annotation
    if _is_scalar(annotation) or _is_several(annotation):
        return "query", annotation
    return "body", annotation


def _without_none(annotation: Any) -> Any:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        rest = [item for item in typing.get_args(annotation) if item is not type(None)]
        if len(rest) == 1:
            return rest[0]
    return annotation


def _is_scalar(annotation: Any) -> bool:
    origin = typing.get_origin(annotation)
    if origin is Literal:
        return True
    if origin in (typing.Union, types.UnionType):
        return all(item is type(None) or _is_scalar(item) for item in typing.get_args(annotation))
    annotation = getattr(annotation, "__supertype__", annotation)  # NewType
    return isinstance(annotation, type) and (annotation in _SCALARS or issubclass(annotation, enum.Enum))


def _is_several(annotation: Any) -> bool:
    plain = _without_none(annotation)
    if typing.get_origin(plain) not in _SEVERAL:
        return False
    items = [item for item in typing.get_args(plain) if item is not Ellipsis]
    return len(items) == 1 and _is_scalar(items[0])


def _check(parameters: list[Parameter], path_names: Sequence[str], function: Declared, place: Place) -> None:
    names = {parameter.name for parameter in parameters}
    for name in path_names:
        if name not in names:
            raise DeclarationError(
                f"the path has {{{name}}}, but {function.target} has no parameter {name!r}",
                hint=f"add {name}: str, or take it out of the path", file=place.file, line=place.line,
            )  # fmt: skip
    bodies = [parameter.name for parameter in parameters if parameter.source == "body"]
    if len(bodies) > 1:
        raise DeclarationError(
            f"{function.target} has {len(bodies)} body parameters ({', '.join(bodies)}); a request has one body",
            hint="put them into one dataclass", file=function.place.file, line=function.place.line,
        )  # fmt: skip
