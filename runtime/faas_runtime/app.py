"""`load("main:hello")`: the ASGI application of a function, ready to be forked.

What can be worked out before the fork is: modules, signatures, decoders, routes. What belongs to one process (loop,
threads, connections, random numbers) is made by `start`, which the lifespan calls.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from faas_runtime.answering.directly import refuse, refuse_method, say
from faas_runtime.answering.http import serve_http
from faas_runtime.answering.websocket import serve_websocket
from faas_runtime.bridges.lifespan import MountedLifespan
from faas_runtime.calls import logs
from faas_runtime.calls.call import Call
from faas_runtime.calls.problem import Problem
from faas_runtime.clock import Clock
from faas_runtime.declaring import decorators as decorators  # warm in a zygote: the first thing a handler imports
from faas_runtime.declaring.paths import answers_root, assign_paths
from faas_runtime.declaring.registry import REGISTRY, Declared, Registry
from faas_runtime.declaring.templates import PathError, parse_path
from faas_runtime.endpoints.endpoint import Endpoint, concurrency_of, is_async, make_endpoint
from faas_runtime.endpoints.metrics import Stats, exposition
from faas_runtime.endpoints.routing import Route, RouteTable
from faas_runtime.errors import DeclarationError, LoadError
from faas_runtime.loading.targets import find_functions
from faas_runtime.outgoing.asking import TIMEOUT_HEADER
from faas_runtime.outgoing.transport import NetworkTransport, Transport
from faas_runtime.process.instance import Instance, failing_probe, run_hooks
from faas_runtime.process.tracing import make_tracer
from faas_runtime.settings import Settings

_THREADS_FOR_STREAMS = 4  # an async function may return a plain generator, which is driven in a thread
_BAKED_IN = ("timeout_s", "concurrency", "max_body", "otel", "service")  # settings that endpoints were made from
_FORWARDED = (b"forwarded", b"x-forwarded-for")


class Application:
    """One service as an ASGI application.

    `before_snapshot` and `after_restore` are called around a fork, outside of any loop; `start` and `stop` on the loop,
    by the ASGI lifespan or by whoever embeds it.
    """

    def __init__(
        self, functions: Sequence[Declared], *, registry: Registry = REGISTRY, settings: Settings | None = None,
        clock: Clock | None = None, transport: Callable[[Settings], Transport] = NetworkTransport,
    ) -> None:  # fmt: skip
        """Raises: DeclarationError."""
        self._functions = list(functions)
        self._registry = registry
        self._given_settings = settings
        self._clock, self._transport = clock, transport
        self._stats: dict[str, Stats] = {}
        self._mounts: list[MountedLifespan] = []
        self._after_restore: list[Any] = []
        self._instance: Instance | None = None
        self._accepting = False
        self._configure()

    def _configure(self) -> None:
        """Everything that follows from declarations and settings."""
        self.settings = self._given_settings or Settings.read()
        logs.configure(self.settings.log_level)
        service = self.settings.service or self._functions[0].service
        self._tracer = make_tracer(wanted=self.settings.otel, service=service)
        self._routes: RouteTable[Endpoint] = RouteTable()
        root = answers_root(self._functions)
        for function, declaration, path in assign_paths(self._functions):
            stats = self._stats.setdefault(function.name, Stats())
            endpoint = make_endpoint(function, declaration, path, self.settings, stats)
            try:
                for method in declaration.methods or ("",):
                    self._routes.add(parse_path(path), method, endpoint)
                if path == "/{rest:path}":  # a mount answers "/" too
                    self._routes.static.setdefault("/", Route(parse_path("/"), {"": endpoint}))
            except PathError as error:
                place = declaration.place
                raise DeclarationError(str(error), file=place.file, line=place.line) from None
            if root is not None and declaration is root[1]:
                self._routes.add(parse_path("/"), "POST", endpoint)
        self._static = self._routes.static
        self.concurrency = max(concurrency_of(function, self.settings) for function in self._functions)
        in_threads = [concurrency_of(function, self.settings) for function in self._functions if not is_async(function)]
        self._threads = max(in_threads, default=_THREADS_FOR_STREAMS)

    def _adopt(self, settings: Settings) -> None:
        """Take over settings that a fork was given; the routes are made again only if they depend on what changed."""
        before, self.settings = self.settings, settings
        if any(getattr(before, name) != getattr(settings, name) for name in _BAKED_IN):
            self._configure()
        else:
            logs.configure(settings.log_level)

    def before_snapshot(self) -> None:
        """Run the user's hooks before instances are forked from this process."""
        for hook in self._registry.hooks_of("before_snapshot"):
            hook()

    def after_restore(self) -> None:
        """In a fresh fork: look at the environment again and run the user's hooks; async ones wait for the loop."""
        if self._given_settings is None and (settings := Settings.read()) != self.settings:
            self._adopt(settings)
        for hook in self._registry.hooks_of("after_restore"):
            result = hook()
            if inspect.isawaitable(result):
                self._after_restore.append(result)

    async def start(self) -> None:
        """Make what belongs to this process and run the user's on_start hooks. Raises: what a hook raises."""
        self._instance = Instance(
            self.settings, self._tracer, threads=self._threads, clock=self._clock, transport=self._transport
        )
        self._tracer.start()
        for pending in self._after_restore:
            await pending
        self._after_restore.clear()
        await run_hooks(self._registry.hooks_of("on_start"))
        self._mounts = [MountedLifespan(f.handler, {}) for f in self._functions if f.kind == "asgi"]
        for mount in self._mounts:
            await mount.start()
        self._accepting = True

    def after_ready(self) -> None:
        """What may wait until the platform knows that this process serves: the first thread takes milliseconds to start
        on a busy machine, but a request should not have to wait for it either."""
        if any(not is_async(function) for function in self._functions):
            self.instance.pool.start()

    async def stop(self) -> None:
        """The reverse of `start`; requests have to be done."""
        self._accepting = False
        for mount in reversed(self._mounts):
            await mount.stop()
        await run_hooks(list(reversed(self._registry.hooks_of("on_stop"))))
        if self._instance is not None:
            await self._instance.aclose()
            self._instance = None
        self._tracer.stop()

    @property
    def instance(self) -> Instance:
        if self._instance is None:
            raise LoadError("the application is not started: run its lifespan, or await app.start()")
        return self._instance

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        kind = scope["type"]
        if kind == "http":
            await self._http(scope, receive, send)
        elif kind == "websocket":
            await self._websocket(scope, receive, send)
        elif kind == "lifespan":
            await self._lifespan(receive, send)

    async def _http(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        instance = self._instance
        if instance is None:
            instance = self.instance
        headers = scope.get("faas.headers") or dict(scope["headers"])
        path, method = scope["path"], scope["method"]
        values: tuple[str, ...] = ()
        route = self._static.get(path)
        if route is None or b"k-network-probe" in headers:
            if (path.startswith("/_faas/") or b"k-network-probe" in headers) and (
                await self._own_path(path, headers, send)
            ):
                return
            found = self._routes.match(path)
            if found is None:
                await refuse(send, Problem(404, f"there is nothing at {path}"), method)
                return
            route, values = found
        endpoint = route.methods.get(method) or route.find(method)
        if endpoint is None or endpoint.kind == "websocket":
            await refuse_method(send, route, endpoint, method)
            return
        started = instance.monotonic()
        call = Call(instance, endpoint, scope, headers, values, started)
        call.deadline = started + endpoint.timeout_s
        if TIMEOUT_HEADER in headers:
            call.deadline = started + _shorter(headers[TIMEOUT_HEADER], endpoint.timeout_s)
        await serve_http(instance, endpoint, call, receive, send)

    async def _websocket(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        found = self._routes.match(scope["path"])
        endpoint = found[0].find("GET") if found is not None else None
        if found is None or endpoint is None or endpoint.kind not in ("websocket", "asgi"):
            await receive()
            await send({"type": "websocket.close", "code": 1000})  # before accepting: the server answers 403
            return
        call = Call(self.instance, endpoint, scope, dict(scope["headers"]), found[1], self.instance.monotonic())
        call.deadline = float("inf")  # a connection lives as long as both sides want; the gateway has the limits
        await serve_websocket(self.instance, endpoint, call, receive, send)

    async def _own_path(self, path: str, headers: dict[bytes, bytes], send: Any) -> bool:
        """Answer the platform's probes and scrapes. They never come through a proxy; what does is not told."""
        if headers.get(b"k-network-probe"):
            ready = not await self._not_ready()
            await say(send, 200 if ready else 503, headers[b"k-network-probe"] if ready else b"not ready")
            return True
        if any(name in headers for name in _FORWARDED):
            return False
        if path == "/_faas/ready":
            reason = await self._not_ready()
        elif path == "/_faas/live":
            reason = await self._not_live()
        elif path == "/_faas/metrics":
            text = exposition(
                self._stats.items(), threads_overdue=len(self.instance.pool.overdue()), revision=self.settings.revision
            )
            await say(send, 200, text.encode(), b"text/plain; version=0.0.4; charset=utf-8")
            return True
        else:
            return False
        await say(send, 503 if reason else 200, (reason or "ok").encode())
        return True

    async def _not_ready(self) -> str:
        if not self._accepting:
            return "not started"
        if self.instance.pool.is_stuck:
            return "every thread is stuck"
        return await failing_probe(self._registry.hooks_of("ready"))

    async def _not_live(self) -> str:
        if self.instance.pool.is_stuck:
            return "every thread is stuck in a request past its deadline"
        return await failing_probe(self._registry.hooks_of("live"))

    async def _lifespan(self, receive: Any, send: Any) -> None:
        await receive()
        try:
            await self.start()
        except Exception as error:  # noqa: BLE001  # a user's hook
            logs.write_exception("the function did not start", error)
            await send({"type": "lifespan.startup.failed", "message": f"{type(error).__name__}: {error}"})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        try:
            await self.stop()
        except Exception as error:  # noqa: BLE001
            logs.write_exception("the function did not stop cleanly", error)
            await send({"type": "lifespan.shutdown.failed", "message": f"{type(error).__name__}: {error}"})
            return
        await send({"type": "lifespan.shutdown.complete"})


def load(target: str) -> Application:
    """The application of what FAAS_FUNCTION names: `module:name`, several with commas, or a whole `module`.

    Raises: LoadError, DeclarationError, and whatever importing the module raises.
    """
    return Application(find_functions(target))


def _shorter(header: bytes, timeout_s: float) -> float:
    try:
        asked = float(header)
    except ValueError:
        return timeout_s
    return asked if 0 < asked < timeout_s else timeout_s
