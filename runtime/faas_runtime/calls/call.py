"""One request on its way through the runtime, and which one this code runs for."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    import asyncio

    from faas_runtime.calls.mounted import Mounted
    from faas_runtime.clock import Clock
    from faas_runtime.events.event import Event
    from faas_runtime.outgoing.outcome import Outcome
    from faas_runtime.outgoing.transport import Transport
    from faas_runtime.settings import Settings

_HEX: Final = frozenset(b"0123456789abcdef")


class CalledEndpoint(Protocol):
    """What a call, and what a handler holds of it, ask of where it goes."""

    @property
    def function(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def template(self) -> str:
        """The path as declared."""
        ...

    @property
    def path_names(self) -> tuple[str, ...]: ...
    @property
    def handler(self) -> Callable[..., Any]: ...
    @property
    def reply_type(self) -> str: ...

    def uri(self, settings: Settings) -> str:
        """Where this function's own events come from."""
        ...


class ClientTracer(Protocol):
    """What a call of another function asks of the tracer."""

    def begin_client(self, call: Call, name: str) -> tuple[str, Callable[[], None]]:
        """The traceparent to send, and what to call when the answer is there."""
        ...


class ServingProcess(Protocol):
    """What a call, and what a handler holds of it, ask of the process that they run in."""

    @property
    def settings(self) -> Settings: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def monotonic(self) -> Callable[[], float]: ...
    @property
    def loop(self) -> asyncio.AbstractEventLoop: ...
    @property
    def loop_thread(self) -> int: ...
    @property
    def secrets(self) -> Mounted: ...
    @property
    def config(self) -> Mounted: ...
    @property
    def transport(self) -> Transport: ...
    @property
    def tracer(self) -> ClientTracer: ...


class Call:
    """A request: what came in, where it goes, when it has to be done. The ids are made when somebody asks."""

    __slots__ = (
        "_request_id", "_trace", "body", "cleanups", "deadline", "endpoint", "event", "expired", "gone",
        "headers", "instance", "outcomes", "receive", "scope", "send", "span", "started", "task", "values",
    )  # fmt: skip

    def __init__(
        self, instance: ServingProcess, endpoint: CalledEndpoint, scope: dict[str, Any], headers: dict[bytes, bytes],
        values: tuple[str, ...], started: float,
    ) -> None:  # fmt: skip
        self.instance = instance
        self.endpoint = endpoint
        self.scope = scope
        self.headers = headers
        self.values = values  # of the path's parameters
        self.started = started  # monotonic seconds
        self.deadline = 0.0  # monotonic seconds
        self.body = b""
        self.event: Event[Any] | None = None
        self.receive: Callable[[], Any] | None = None  # ASGI's, for those who read or write themselves
        self.send: Callable[[Any], Any] | None = None
        self.task: Any = None  # of an async handler: what a deadline cancels
        self.expired = False  # the deadline passed before there was an answer
        self.gone = False  # nobody waits for the answer any more
        self.outcomes: list[Outcome[Any]] | None = None  # what has to be done before the request is answered
        self.cleanups: list[Callable[[], Any]] | None = None
        self.span: Any = None  # OpenTelemetry's, when traces are exported
        self._request_id = ""
        self._trace: tuple[str, str, str] | None = None

    @property
    def request_id(self) -> str:
        if not self._request_id:
            given = self.headers.get(b"x-request-id", b"").decode("latin-1")
            self._request_id = given if 0 < len(given) <= 128 and given.isprintable() else f"{_bits(128):032x}"
        return self._request_id

    @property
    def trace(self) -> tuple[str, str, str]:
        """Trace id, the id of this call's span, flags; continues `carrier`."""
        if self._trace is None:
            trace_id, flags = parse_traceparent(self.carrier) or (f"{_bits(128):032x}", "01")
            self._trace = (trace_id, f"{_bits(64):016x}", flags)
        return self._trace

    @trace.setter
    def trace(self, value: tuple[str, str, str]) -> None:
        self._trace = value

    @property
    def carrier(self) -> bytes | None:
        """The traceparent that this call continues (W3C Trace Context): an event's own, else the request's.

        A delivery belongs to what caused the event, maybe hours ago; the request that carries it is the broker's. Where
        both are of one trace, the request's span is the nearer parent. docs/decisions/0012.
        """
        header = self.headers.get(b"traceparent")
        if self.event is None:
            return header
        own = self.event_carrier
        if own is None or (header is not None and self.endpoint.kind != "event"):
            return header
        return header if header is not None and header[3:35] == own[3:35] else own

    @property
    def event_carrier(self) -> bytes | None:
        """The distributed tracing extension of the call's event, when it is valid."""
        extension = self.event.extensions.get("traceparent") if self.event is not None else None
        own = str(extension).encode("latin-1", "replace") if extension else None
        return own if parse_traceparent(own) is not None else None

    @property
    def tracestate(self) -> str:
        """What goes along with `carrier`."""
        if self.event is not None and self.carrier == self.event_carrier is not None:
            return str(self.event.extensions.get("tracestate", ""))
        return self.headers.get(b"tracestate", b"").decode("latin-1")

    @property
    def traceparent(self) -> str:
        return "00-{}-{}-{}".format(*self.trace)

    def on_cleanup(self, cleanup: Callable[[], Any]) -> None:
        """Run when the handler is through, also after an error, in its thread."""
        if self.cleanups is None:
            self.cleanups = []
        self.cleanups.append(cleanup)

    def clean_up(self) -> None:
        while self.cleanups:
            self.cleanups.pop()()


current: ContextVar[Call | None] = ContextVar("faas_call", default=None)


def parse_traceparent(value: bytes | None) -> tuple[str, str] | None:
    """Trace id and flags of `00-TRACE-PARENT-FLAGS`, or None when there is none that is valid."""
    if value is None or len(value) < 55:
        return None
    version, trace, parent, flags = value[:2], value[3:35], value[36:52], value[53:55]
    if (
        value[2:3] + value[35:36] + value[52:53] != b"---"
        or version == b"ff"
        or (version == b"00" and len(value) != 55)
    ):
        return None
    if not _HEX.issuperset(version + trace + parent + flags) or trace == b"0" * 32 or parent == b"0" * 16:
        return None
    return trace.decode(), flags.decode()


def parent_span(value: bytes | None) -> str:
    return value[36:52].decode() if value is not None and parse_traceparent(value) else ""


def _bits(count: int) -> int:
    return random.getrandbits(count) or 1  # never the all-zero id, which is invalid
