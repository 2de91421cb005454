"""Context: what a handler may ask about its request, and what it may do besides answering."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar, overload

from faas_runtime.calls.call import Call
from faas_runtime.calls.logs import Log
from faas_runtime.calls.mounted import Mounted
from faas_runtime.events.event import Event, tracing_of
from faas_runtime.outgoing.asking import Outgoing, make_outgoing
from faas_runtime.outgoing.outcome import Outcome
from faas_runtime.outgoing.reply import Reply, read_reply

T = TypeVar("T")


class Context:
    """The request's surroundings; ask for it by annotation: `def quote(order: Order, ctx: Context)`.

    `call` and `publish` begin at once and give an `Outcome`: `await` it in an async handler, `.result()` in a sync one.
    """

    __slots__ = ("_call", "_log")

    def __init__(self, call: Call) -> None:
        self._call = call
        self._log: Log | None = None

    @property
    def function(self) -> str:
        """The function's name, as its Service has it."""
        return self._call.endpoint.function

    @property
    def revision(self) -> str:
        """The Revision that serves this request; "" outside of a deployment."""
        return self._call.instance.settings.revision

    @property
    def request_id(self) -> str:
        return self._call.request_id

    @property
    def trace_id(self) -> str:
        return self._call.trace[0]

    @property
    def deadline(self) -> datetime:
        """When the request is given up (504, and an async handler is cancelled)."""
        return self._call.instance.clock.now() + timedelta(seconds=self.remaining_s)

    @property
    def remaining_s(self) -> float:
        """Seconds until the deadline; below 0 when it has passed."""
        return self._call.deadline - self._call.instance.clock.monotonic()

    @property
    def cancelled(self) -> bool:
        """Nobody waits for the answer any more: the client left, or the deadline passed. For long sync handlers."""
        return self._call.gone or self._call.expired

    @property
    def log(self) -> Log:
        if self._log is None:
            self._log = Log(self._call)
        return self._log

    @property
    def secrets(self) -> Mounted:
        """`ctx.secrets["db"]["password"]`, of the Secrets that `secrets=["db"]` names."""
        return self._call.instance.secrets

    @property
    def config(self) -> Mounted:
        """`ctx.config["limits"]["max"]`, of the ConfigMaps that `config=["limits"]` names."""
        return self._call.instance.config

    @overload
    def call(
        self, function: str, body: Any = None, *, into: type[T], method: str | None = None, path: str = "/",
        query: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None, timeout: float | None = None,
    ) -> Outcome[T]: ...  # fmt: skip
    @overload
    def call(
        self, function: str, body: Any = None, *, method: str | None = None, path: str = "/",
        query: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None, timeout: float | None = None,
    ) -> Outcome[Reply]: ...  # fmt: skip
    def call(
        self,
        function: str,
        body: Any = None,
        *,
        into: Any = None,
        method: str | None = None,
        path: str = "/",
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Outcome[Any]:
        """Call another function, NAME or NAME.NAMESPACE; GET without a body, POST with one, unless `method` says.

        Args:
            into: what the answer's body is read as; the whole `Reply` when not given.
            timeout: seconds, never longer than what is left of this request's own deadline.
        Raises (from the Outcome): CallError: no answer, or 4xx or 5xx. NotConfigured: there is no gateway.
        """
        left = max(self.remaining_s, 0.001)
        traceparent, end_span = self._call.instance.tracer.begin_client(self._call, f"call {function}")
        request = make_outgoing(
            function, body, method=method, path=path, query=query, headers=headers, traceparent=traceparent,
            tracestate=self._call.tracestate, request_id=self.request_id,
            timeout_s=left if timeout is None else min(timeout, left),
        )  # fmt: skip
        return self._begin(_call_other(self._call, request, into, end_span))

    def publish(self, event: Event[Any]) -> Outcome[None]:
        """Send an event to the sink (K_SINK); without a source it gets this function's URI.

        While the sink says that it has no room, or is not there, it is asked again until this request's deadline.
        Raises (from the Outcome): CallError: it was not taken. NotConfigured: there is no sink.
        """
        extensions = {"traceparent": self._call.traceparent}
        if self._call.event is not None:
            extensions = {**tracing_of(self._call.event), **extensions}  # type: ignore[dict-item]  # texts, by its spec
        complete = event.replace(
            id=event.id,
            source=event.source or self._call.endpoint.uri(self._call.instance.settings),
            extensions={**extensions, **event.extensions},
        )
        return self._begin(self._call.instance.transport.publish(complete, timeout_s=max(self.remaining_s, 0.001)))

    def _begin(self, work: Any) -> Outcome[Any]:
        outcome: Outcome[Any] = Outcome(work, self._call.instance.loop, self._call.instance.loop_thread)
        if self._call.outcomes is None:
            self._call.outcomes = []
        self._call.outcomes.append(outcome)
        return outcome


async def _call_other(call: Call, request: Outgoing, into: Any, end_span: Callable[[], None]) -> Any:
    try:
        reply = await call.instance.transport.call(request)
    finally:
        end_span()
    return read_reply(request, reply, into)
