"""Spans: none by default; OpenTelemetry's, sent by OTLP, when OTEL_* asks for them and its SDK is installed.

The ids in logs, in calls and in events (traceparent) are there either way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from faas_runtime.calls.call import Call, parent_span, parse_traceparent


class Tracer(Protocol):
    enabled: bool

    def start(self) -> None:
        """After the fork: exporters have threads."""

    def begin(self, call: Call) -> None: ...

    def end(self, call: Call, status: int) -> None: ...

    def begin_client(self, call: Call, name: str) -> tuple[str, Callable[[], None]]:
        """The traceparent to send, and what to call when the answer is there."""
        ...

    def stop(self) -> None: ...


class NoTracer:
    enabled = False

    def start(self) -> None:
        """Nothing to start: without an exporter there are only ids."""

    def begin(self, call: Call) -> None: ...

    def end(self, call: Call, status: int) -> None: ...

    def begin_client(self, call: Call, name: str) -> tuple[str, Callable[[], None]]:
        return call.traceparent, _nothing

    def stop(self) -> None: ...


class OtelTracer:
    """Server and client spans with the SDK's own OTEL_* settings."""

    enabled = True

    def __init__(self, service: str) -> None:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http import trace_exporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider, export

        self._trace = trace
        self._exporter = trace_exporter.OTLPSpanExporter
        self._processor = export.BatchSpanProcessor
        self._provider = TracerProvider(resource=Resource.create({"service.name": service} if service else {}))
        self._tracer = self._provider.get_tracer("faas_runtime")

    def start(self) -> None:
        self._provider.add_span_processor(self._processor(self._exporter()))

    def begin(self, call: Call) -> None:
        trace = self._trace
        method = call.scope.get("method", "GET")
        template = call.endpoint.template
        carrier, header = call.carrier, call.headers.get(b"traceparent")
        parent = self._remote(carrier)
        context = trace.set_span_in_context(trace.NonRecordingSpan(parent)) if parent is not None else None
        request = self._remote(header) if header != carrier else None
        links = [trace.Link(request)] if request is not None else []  # of the broker, which is of another trace
        call.span = self._tracer.start_span(
            f"{method} {template}", context, trace.SpanKind.SERVER,
            {"http.request.method": method, "http.route": template, "faas.name": call.endpoint.function,
             "url.path": call.scope["path"]}, links,
        )  # fmt: skip
        call.trace = _ids(call.span)

    def _remote(self, carrier: bytes | None) -> Any:
        """The span that a traceparent names."""
        parsed = parse_traceparent(carrier)
        if parsed is None:
            return None
        flags = self._trace.TraceFlags(int(parsed[1], 16))
        return self._trace.SpanContext(int(parsed[0], 16), int(parent_span(carrier), 16), True, flags)

    def end(self, call: Call, status: int) -> None:
        call.span.set_attribute("http.response.status_code", status)
        if status >= 500:
            call.span.set_status(self._trace.StatusCode.ERROR)
        call.span.end()

    def begin_client(self, call: Call, name: str) -> tuple[str, Callable[[], None]]:
        parent = self._trace.set_span_in_context(call.span) if call.span is not None else None
        span = self._tracer.start_span(name, parent, self._trace.SpanKind.CLIENT)
        return "00-{}-{}-{}".format(*_ids(span)), span.end

    def stop(self) -> None:
        self._provider.shutdown()


def make_tracer(*, wanted: bool, service: str) -> Tracer:
    """OpenTelemetry's where it is asked for and installed."""
    if wanted:
        try:
            return OtelTracer(service)
        except ImportError as error:
            import logging

            logging.getLogger("faas_runtime").warning(
                "OTEL_* asks for traces, but %s is not installed: add faas-runtime[traces] to the project", error.name
            )
    return NoTracer()


def _ids(span: Any) -> tuple[str, str, str]:
    context = span.get_span_context()
    return f"{context.trace_id:032x}", f"{context.span_id:016x}", f"{int(context.trace_flags):02x}"


def _nothing() -> None:
    """No span was begun, so none ends."""
