"""Endpoint: one decorator made ready to run, with everything a request would otherwise have to work out."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Literal

import msgspec

from faas_runtime.calls.call import Call, current
from faas_runtime.declaring.registry import Declaration, Declared
from faas_runtime.declaring.templates import parse_path
from faas_runtime.endpoints.binding import Binder
from faas_runtime.endpoints.metrics import Stats
from faas_runtime.endpoints.replies import answer_http, make_replies
from faas_runtime.endpoints.signature import read_signature
from faas_runtime.errors import DeclarationError
from faas_runtime.settings import ASYNC_CONCURRENCY, DEFAULT_MAX_BODY, DEFAULT_TIMEOUT_S, SYNC_CONCURRENCY, Settings

Kind = Literal["http", "event", "websocket", "asgi", "wsgi"]


class Endpoint(msgspec.Struct, eq=False):
    function: str  # the function's name
    service: str
    kind: Kind
    template: str  # the path as declared
    path_names: tuple[str, ...]
    handler: Callable[..., Any]
    timeout_s: float
    max_body: int
    stats: Stats
    binder: Binder | None = None  # None for mounted applications
    is_async: bool = True  # runs on the loop
    is_coroutine: bool = False  # what the handler returns is awaited
    reply_type: str = ""
    reads_body: bool = False
    finish: Callable[[Any, Call], Any] = answer_http

    def run(self, call: Call) -> Any:
        """Bind, call and make the answer of a sync handler; runs in a thread."""
        current.set(call)
        try:
            return self.finish(self.binder.call(self.handler, call), call)  # type: ignore[union-attr]
        finally:
            if call.cleanups:
                call.clean_up()

    async def run_async(self, call: Call) -> Any:
        """The same for an async handler, on the loop."""
        current.set(call)
        try:
            result = self.binder.call(self.handler, call)  # type: ignore[union-attr]
            if self.is_coroutine:
                result = await result
            if self.kind == "event" and hasattr(result, "__anext__"):
                result = [item async for item in result]
            return self.finish(result, call)
        finally:
            if call.cleanups:
                call.clean_up()

    def uri(self, settings: Settings) -> str:
        """Where this function's own events come from: the same on the engine and in a cluster."""
        service = f"/apis/serving.knative.dev/v1/namespaces/{settings.namespace}/services/{self.service}"
        return service if self.function == self.service else f"{service}#{self.function}"


def make_endpoint(
    function: Declared, declaration: Declaration, path: str, settings: Settings, stats: Stats
) -> Endpoint:
    """Raises: DeclarationError: the signature or the combination of options cannot work."""
    template = parse_path(path)
    options = function.options
    takes: Literal["http", "event"] = "event" if declaration.takes_events else "http"
    endpoint = Endpoint(
        function=function.name,
        service=function.service,
        kind=takes if function.kind == "function" else function.kind,
        template=path,
        path_names=template.parameters,
        handler=function.handler,
        timeout_s=settings.timeout_s or options.get("timeout", DEFAULT_TIMEOUT_S),
        max_body=settings.max_body if settings.max_body is not None else options.get("max_body", DEFAULT_MAX_BODY),
        stats=stats,
    )
    if function.kind != "function":
        endpoint.is_async = function.kind == "asgi"
        return endpoint
    signature = read_signature(function, kind=takes, path_names=template.parameters, place=declaration.place)
    if signature.of("websocket") is not None:
        if not signature.is_async:
            raise DeclarationError(f"{function.target} takes a WebSocket, so it has to be `async def`",
                                   file=function.place.file, line=function.place.line)  # fmt: skip
        endpoint.kind = "websocket"
    endpoint.binder = Binder(signature, kind=declaration.kind, path_names=template.parameters)
    endpoint.is_async = signature.is_async
    call = function.handler if inspect.isroutine(function.handler) else type(function.handler).__call__
    endpoint.is_coroutine = inspect.iscoroutinefunction(call)
    endpoint.reads_body = endpoint.binder.reads_body
    if declaration.takes_events:
        endpoint.reply_type = declaration.options.get("reply_type", "")
        endpoint.finish = make_replies
    return endpoint


def concurrency_of(function: Declared, settings: Settings) -> int:
    """How many requests an instance of it executes at once."""
    if settings.concurrency is not None:
        return settings.concurrency
    return int(function.options.get("concurrency", ASYNC_CONCURRENCY if is_async(function) else SYNC_CONCURRENCY))


def is_async(function: Declared) -> bool:
    if function.kind != "function":
        return function.kind == "asgi"
    call = function.handler if inspect.isroutine(function.handler) else type(function.handler).__call__
    return inspect.iscoroutinefunction(call) or inspect.isasyncgenfunction(call)
