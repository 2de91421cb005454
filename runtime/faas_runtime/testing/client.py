"""The test client: one event loop in a thread, one application a service, no sockets."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any
from urllib.parse import urlencode

from faas_runtime.app import Application
from faas_runtime.calls.mounted import Mounted
from faas_runtime.declaring.registry import REGISTRY, Declared
from faas_runtime.errors import LoadError
from faas_runtime.events import wire
from faas_runtime.events.event import Event
from faas_runtime.jsonic import to_json
from faas_runtime.loading.targets import find_functions
from faas_runtime.settings import Settings
from faas_runtime.testing.clock import VirtualClock
from faas_runtime.testing.delivery import Broker, Delivery
from faas_runtime.testing.exchange import Pending, Response, exchange
from faas_runtime.testing.socket import WebSocketSession
from faas_runtime.testing.sources import SourceClient
from faas_runtime.testing.subscriptions import DEFAULT_BROKER, Subscription, only_one, subscriptions_of
from faas_runtime.testing.transport import InProcess

_NOWHERE = Path("/nonexistent")


class Client(SourceClient):
    """Runs functions for a test: `with Client(quote) as client`.

    Requests (`get`, `post` …), events (`send` to one decorator, `publish` to all that want it) and what sources bring
    (`schedule`, `mqtt`, `bucket` …). What functions publish or reply is in `events`, and goes to the client's other
    functions that want it, with their retries, before the call returns; what failed for good is in `dead_letters`.

    Args:
        functions: decorated functions, modules, or "module:name"; none means all that are declared.
        calls: stand-ins for other functions, by name: a value to answer with, or a function of the request.
        secrets, config: what `ctx.secrets` and `ctx.config` hold: `{"db": {"password": "x"}}`.
        settings: what the environment would say; the environment is not looked at.
    """

    def __init__(
        self,
        *functions: Callable[..., Any] | ModuleType | str,
        calls: Mapping[str, Any] | None = None,
        secrets: Mapping[str, Mapping[str, str]] | None = None,
        config: Mapping[str, Mapping[str, str]] | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.clock = VirtualClock()
        self.events: list[Event[Any]] = []  # what functions published and replied, in order
        self.dead_letters: list[Event[Any]] = []  # as a dead-letter sink gets them
        self._functions = _declared(functions)
        self._secrets, self._config = secrets or {}, config or {}
        self._apps: dict[str, Application] = {}
        transport = InProcess(self._apps, calls or {}, lambda event: self._broker.take(event))
        services: dict[str, list[Declared]] = {}
        for function in self._functions:
            services.setdefault(function.service, []).append(function)
        for name, members in services.items():
            self._apps[name] = Application(
                members, settings=settings or Settings(service=name), clock=self.clock, transport=lambda _: transport
            )
        self._subscriptions: list[Subscription] = subscriptions_of(services)
        self._broker = Broker(
            self._subscriptions, self._post, self.clock, events=self.events, dead_letters=self.dead_letters
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="faas-test", daemon=True)

    def __enter__(self) -> Client:
        """Run the lifecycle as a new instance does: before_snapshot, after_restore, on_start."""
        self._thread.start()
        started: list[Application] = []
        try:
            for app in self._apps.values():
                app.before_snapshot()
                app.after_restore()
                self._run(app.start())
                started.append(app)
                app.instance.secrets = _mounted("Secret", "secrets", "FAAS_SECRET_", self._secrets)
                app.instance.config = _mounted("ConfigMap", "config", "FAAS_CONFIG_", self._config)
        except BaseException:
            self._end(started)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(list(self._apps.values()))

    def get(self, path: str = "/", **options: Any) -> Response:
        return self.request("GET", path, **options)

    def post(self, path: str = "/", **options: Any) -> Response:
        return self.request("POST", path, **options)

    def put(self, path: str = "/", **options: Any) -> Response:
        return self.request("PUT", path, **options)

    def patch(self, path: str = "/", **options: Any) -> Response:
        return self.request("PATCH", path, **options)

    def delete(self, path: str = "/", **options: Any) -> Response:
        return self.request("DELETE", path, **options)

    def request(self, method: str, path: str = "/", **options: Any) -> Response:
        """Send a request and wait for its answer; arguments as `begin`."""
        response = self.begin(method, path, **options).result()
        self._broker.settle()
        return response

    def begin(
        self,
        method: str,
        path: str = "/",
        *,
        function: Callable[..., Any] | str | None = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        data: Mapping[str, str] | None = None,
        content: bytes | str = b"",
    ) -> Pending:
        """Send a request and do not wait; it has reached the function when this returns.

        Args:
            function: which one, when the client has several services.
            params: the query; `data`: a form; `content`: the body as it is.
        """
        app = self._app(function)
        path, _, query = path.partition("?")
        if params:
            query += ("&" if query else "") + urlencode(params, doseq=True)
        body, content_type = _body(json, data, content)
        pairs = {name.lower().encode("latin-1"): value.encode("latin-1") for name, value in (headers or {}).items()}
        if content_type:
            pairs.setdefault(b"content-type", content_type)
        if body:
            pairs.setdefault(b"content-length", b"%d" % len(body))
        return self._begin(app, method.upper(), path, query.encode(), list(pairs.items()), body)

    def send(self, event: Event[Any], *, function: Callable[..., Any] | str | None = None) -> Response:
        """Deliver an event once to the decorator whose filter it matches, and return the answer, whatever it is.

        Raises: LookupError: none matches, or several do and `function` does not say which.
        """
        complete = _complete(event)
        wanting = [each for each in self._subscriptions if each.is_of(function) and each.wants(complete)]
        return self._send_to(only_one(wanting, repr(complete)), complete)

    def publish(self, event: Event[Any], *, broker: str = DEFAULT_BROKER) -> list[Delivery]:
        """Do as a broker does: deliver to every decorator that wants it, again where that may help, and what follows.

        Waits between attempts move `clock`. Returns what became of each delivery, in order.
        """
        return self._broker.publish(_complete(event), broker)

    def settle(self) -> list[Delivery]:
        """Deliver what was published since, by requests of `begin` or `websocket`."""
        return self._broker.settle()

    def _send_to(self, found: Subscription, event: Event[Any]) -> Response:
        response = self._post(found.function.service, found.path, event)
        self._broker.take_replies(response, found.broker)
        self._broker.settle()
        return response

    def _post(self, service: str, path: str, event: Event[Any]) -> Response:
        headers, body = wire.binary(event)
        return self._begin(self._apps[service], "POST", path, b"", headers, body).result()

    def websocket(
        self, path: str = "/", *, function: Callable[..., Any] | str | None = None,
        headers: Mapping[str, str] | None = None, subprotocols: list[str] | None = None,
    ) -> WebSocketSession:  # fmt: skip
        pairs = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in (headers or {}).items()]
        return WebSocketSession(self._app(function), self._loop, path, pairs, subprotocols or [])

    def _begin(
        self, app: Application, method: str, path: str, query: bytes, headers: list[tuple[bytes, bytes]], body: bytes
    ) -> Pending:
        async def begin() -> asyncio.Task[Response]:
            task = asyncio.create_task(exchange(app, method, path, query, headers, body))
            await asyncio.sleep(0)  # the task runs until it first waits: the request has reached the function
            return task

        task = self._run(begin())
        return Pending(asyncio.run_coroutine_threadsafe(_result_of(task), self._loop), task, self._loop)

    def _app(self, function: Callable[..., Any] | str | None) -> Application:
        if function is None:
            if len(self._apps) == 1:
                return next(iter(self._apps.values()))
            raise LookupError(f"this client has several services; say function=..., one of: {', '.join(self._apps)}")
        for each in self._functions:
            if function in (each.handler, each.name, each.service):
                return self._apps[each.service]
        raise LookupError(f"this client has no function {function!r}; it has: {', '.join(self._apps)}")

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _end(self, apps: list[Application]) -> None:
        try:
            for app in reversed(apps):
                self._run(app.stop())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()


def _complete(event: Event[Any]) -> Event[Any]:
    return event.replace(id=event.id, source=event.source or "/faas/testing")


def _declared(functions: tuple[Any, ...]) -> list[Declared]:
    if not functions:
        return list(REGISTRY.functions.values())
    found: list[Declared] = []
    for function in functions:
        if isinstance(function, str):
            found += find_functions(function)
        elif isinstance(function, ModuleType):
            found += REGISTRY.in_modules([function.__name__])
        elif (declared := REGISTRY.declared(function)) is not None:
            found.append(declared)
        else:
            raise LoadError(f"{function!r} is not decorated\n  Decorate it: @function, from faas")
    if not found:
        raise LoadError("there is no decorated function here\n  Give the client one: Client(quote)")
    return found


def _mounted(kind: str, option: str, prefix: str, values: Mapping[str, Mapping[str, str]]) -> Mounted:
    variables = {
        f"{prefix}{''.join(c if c.isalnum() else '_' for c in name.upper())}_{key}": value
        for name, keys in values.items() for key, value in keys.items()
    }  # fmt: skip
    return Mounted(kind, option, _NOWHERE, prefix, variables)


def _body(json: Any, data: Mapping[str, str] | None, content: bytes | str) -> tuple[bytes, bytes]:
    if json is not None:
        return to_json(json), b"application/json"
    if data is not None:
        return urlencode(data).encode(), b"application/x-www-form-urlencoded"
    return (content.encode(), b"text/plain; charset=utf-8") if isinstance(content, str) else (content, b"")


async def _result_of(task: asyncio.Task[Response]) -> Response:
    return await task
