"""`function`: the one decorator. It records what it is given and hands back the very callable it got."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack, overload

from faas_runtime.declaring.filters import make_filters
from faas_runtime.declaring.recording import checked_options, merge_options, recorder, split_options
from faas_runtime.declaring.registry import REGISTRY, Declaration, Declared, HookKind, Place, caller, caller_module
from faas_runtime.declaring.source_decorators import SourceDecorators
from faas_runtime.declaring.templates import PathError, check_own_path
from faas_runtime.errors import DeclarationError
from faas_runtime.events.conditions import FilterError
from faas_runtime.events.event import Extension
from faas_runtime.options.known import DELIVERY
from faas_runtime.options.option import did_you_mean

if TYPE_CHECKING:
    from faas_runtime.options.typed import EventOptions, Options

F = TypeVar("F", bound=Callable[..., Any])
Hook = TypeVar("Hook", bound=Callable[[], Any])
App = TypeVar("App", bound=Callable[..., Any])
Match = str | Mapping[Literal["exact", "prefix", "suffix"], str]

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_HTTP_WORDS = ("path", "methods")
_EVENT_WORDS = ("type", "source", "subject", "extensions", "sql", "filters", "reply_type", "path")


class Function(SourceDecorators):
    """Declares functions: `@function`, `@function.http(...)`, `@function.event(...)`, `@function.schedule(...)` …

    Every form returns the original callable, so it stays importable, typed and callable in a unit test. Forms stack:
    one function, several triggers. Options are checked at once. Raises: DeclarationError with file and line.
    """

    @overload
    def __call__(self, handler: F, /) -> F: ...
    @overload
    def __call__(
        self, path: str = "/", /, *, methods: Sequence[str] | None = None, **options: Unpack[Options]
    ) -> Callable[[F], F]: ...
    def __call__(
        self, handler: Any = "/", /, *, methods: Sequence[str] | None = None, **options: Unpack[Options]
    ) -> Any:
        if isinstance(handler, str):
            return self.http(handler, methods=methods, **options)
        return self.http("/", methods=methods, **options)(handler)

    def http(
        self, path: str = "/", *, methods: Sequence[str] | None = None, **options: Unpack[Options]
    ) -> Callable[[F], F]:
        """Answer HTTP requests at `path`: `/orders/{id}`, `/files/{rest:path}`. No `methods` means any."""
        place = caller()
        if callable(path):
            raise DeclarationError("@function.http stands without parentheses", file=place.file, line=place.line,
                                   hint='write @function.http("/") or @function')  # fmt: skip
        checked = checked_options(dict(options), place, _HTTP_WORDS)
        try:
            check_own_path(path)
        except PathError as error:
            raise DeclarationError(str(error), file=place.file, line=place.line) from None
        verbs = _methods(methods, place)
        return recorder(Declaration("http", path, verbs, {}, place), checked)

    def event(
        self,
        handler: None = None,
        /,
        *,
        type: Match | Sequence[str] | None = None,
        source: Match | None = None,
        subject: Match | None = None,
        extensions: Mapping[str, Extension | Mapping[Literal["exact", "prefix", "suffix"], str]] | None = None,
        sql: str | None = None,
        filters: Sequence[Mapping[str, Any]] | None = None,
        reply_type: str | None = None,
        path: str | None = None,
        **options: Unpack[EventOptions],
    ) -> Callable[[F], F]:
        """Handle CloudEvents that match all that is given; nothing given matches every event.

        A value the handler returns is published as a reply event of type `reply_type`, or of its class's dotted name.
        `filters` are Knative's own, for what the other words cannot say; `sql` is a CESQL expression.
        """
        place = caller()
        if handler is not None:
            raise DeclarationError("@function.event stands without parentheses", file=place.file, line=place.line,
                                   hint='write @function.event(), or say which: @function.event(type="…")')  # fmt: skip
        function_options, delivery = split_options(options)
        checked = checked_options(function_options, place, (*_EVENT_WORDS, *DELIVERY))
        recorded = checked_options(delivery, place, _EVENT_WORDS, DELIVERY)
        try:
            recorded["filters"] = make_filters(type, source, subject, extensions, sql) + _raw_filters(filters)
            if path is not None:
                check_own_path(path)
        except (FilterError, PathError) as error:
            raise DeclarationError(str(error), file=place.file, line=place.line) from None
        if reply_type is not None:
            recorded["reply_type"] = reply_type
        return recorder(Declaration("event", path or "", ("POST",), recorded, place), checked)

    def app(self, app: App, /, *, interface: Literal["asgi", "wsgi"] | None = None, **options: Unpack[Options]) -> App:
        """Serve a WSGI or ASGI application (Flask, Starlette, FastAPI, Django ...) as a function; `name` is "app"."""
        place = caller()
        checked = checked_options({"name": "app", **options}, place, ("interface",))
        function = Declared(app, f"{caller_module()}:{checked['name']}", interface or _interface(app, place), place)
        function.declarations.append(Declaration("http", "/{rest:path}", (), {}, place))
        merge_options(function, checked, place)
        REGISTRY.add(function)
        return app

    def on_start(self, hook: Hook) -> Hook:
        """Run when an instance starts, before it is ready; sync or async, without arguments."""
        return _hook("on_start", hook)

    def on_stop(self, hook: Hook) -> Hook:
        """Run when an instance has finished its last request."""
        return _hook("on_stop", hook)

    def before_snapshot(self, hook: Hook) -> Hook:
        """Run once in the warm process from which instances are forked: load models, fill caches. Not async."""
        if inspect.iscoroutinefunction(hook):
            place = caller()
            raise DeclarationError("before_snapshot runs where there is no event loop, so it cannot be async",
                                   hint="make it a plain function, or use on_start", file=place.file,
                                   line=place.line)  # fmt: skip
        return _hook("before_snapshot", hook)

    def after_restore(self, hook: Hook) -> Hook:
        """Run in each instance right after its fork, before on_start: open connections, draw random numbers."""
        return _hook("after_restore", hook)

    def ready(self, hook: Hook) -> Hook:
        """A readiness check of yours: False, or an exception, keeps requests away."""
        return _hook("ready", hook)

    def live(self, hook: Hook) -> Hook:
        """A liveness check of yours: False, or an exception, gets the instance replaced."""
        return _hook("live", hook)

    def __getattr__(self, name: str) -> Any:
        from difflib import get_close_matches  # here: nothing that is right needs it

        known = [word for word in dir(type(self)) if not word.startswith("_")]
        close = get_close_matches(name, known, n=1, cutoff=0.6)
        hint = f"did you mean @function.{close[0]}?" if close else f"known are: {', '.join(known)}"
        raise AttributeError(f"there is no @function.{name}; {hint}", name=name, obj=self)

    def __repr__(self) -> str:
        return "<faas.function>"


function = Function()


def _raw_filters(filters: Sequence[Mapping[str, Any]] | None) -> list[dict[str, Any]]:
    """Filters that were written out. Raises: FilterError: one that can never match, or is none, and where it stands."""
    if not filters:
        return []
    from faas_runtime.events.matching import check_filters  # here: a parser, which only those who write filters need

    if isinstance(filters, str | Mapping):
        raise FilterError('filters is not a list; write filters=[{"exact": {"type": "…"}}]')
    found = [dict(each) for each in filters]
    for where, problem in check_filters(found):
        raise FilterError(f"filters{where}: {problem}")
    return found


def _methods(methods: Sequence[str] | None, place: Place) -> tuple[str, ...]:
    if methods is None:
        return ()
    if isinstance(methods, str) or not methods:
        raise DeclarationError(f"methods={methods!r} is not a list of methods", hint="write methods=['GET']",
                               file=place.file, line=place.line)  # fmt: skip
    verbs = tuple(method.upper() for method in methods)
    for verb in verbs:
        if verb not in METHODS:
            raise DeclarationError(f"{verb!r} is not a method that can be served", file=place.file, line=place.line,
                                   hint=did_you_mean(verb, METHODS))  # fmt: skip
    return verbs


def _interface(app: Any, place: Place) -> Literal["asgi", "wsgi"]:
    """ASGI applications are coroutine functions or take (scope, receive, send); WSGI ones (environ, start_response)."""
    if not callable(app):
        raise DeclarationError(f"{app!r} is no application: it cannot be called", file=place.file, line=place.line)
    call = app if inspect.isroutine(app) else type(app).__call__
    if inspect.iscoroutinefunction(call):
        return "asgi"
    try:
        parameters = list(inspect.signature(app).parameters.values())
    except (TypeError, ValueError):
        return "wsgi"
    required = [
        p for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    return "asgi" if len(required) >= 3 else "wsgi"


def _hook(kind: HookKind, hook: Hook) -> Hook:
    place = caller()
    if not callable(hook):
        raise DeclarationError(f"@function.{kind} decorates a function without arguments, not {hook!r}",
                               file=place.file, line=place.line)  # fmt: skip
    required = [
        p.name for p in inspect.signature(hook).parameters.values()
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]  # fmt: skip
    if required:
        raise DeclarationError(f"@function.{kind} hooks get no arguments, but this one asks for {', '.join(required)}",
                               file=place.file, line=place.line)  # fmt: skip
    REGISTRY.hooks.append((kind, hook))
    return hook
