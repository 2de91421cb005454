"""Server spans, one a request, when an OTLP exporter is configured."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Protocol

_log = logging.getLogger("faas.gateway")


class Span(Protocol):
    """One request's server span."""

    traceparent: bytes  # what the instance gets

    def finish(self, status: int) -> None: ...


class Tracer(Protocol):
    def start(self, method: bytes, target: bytes, service: str, traceparent: bytes) -> Span: ...

    def close(self) -> None: ...


def make_tracer(env: Mapping[str, str]) -> Tracer | None:
    """A tracer when OTEL_EXPORTER_OTLP_ENDPOINT (or its TRACES form) is set; imports nothing otherwise."""
    if not (env.get("OTEL_EXPORTER_OTLP_ENDPOINT") or env.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")):
        return None
    try:
        return _OtlpTracer()
    except ImportError as error:
        _log.warning(
            "an OTLP endpoint is configured, but spans cannot be exported: %s; pip install 'faas[otlp]'", error
        )
        return None


class _OtlpTracer:
    def __init__(self) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._provider = TracerProvider(resource=Resource.create({"service.name": "faas-gateway"}))
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("faas.engine.gateway")
        self._propagator = TraceContextTextMapPropagator()

    def start(self, method: bytes, target: bytes, service: str, traceparent: bytes) -> Span:
        from opentelemetry.trace import SpanKind

        context = self._propagator.extract({"traceparent": traceparent.decode("latin-1")}) if traceparent else None
        verb = method.decode("latin-1")
        span = self._tracer.start_span(
            verb,
            context=context,
            kind=SpanKind.SERVER,
            attributes={
                "http.request.method": verb,
                "url.path": target.partition(b"?")[0].decode("latin-1"),
                "faas.name": service,
            },
        )
        return _OtlpSpan(span)

    def close(self) -> None:
        self._provider.shutdown()


class _OtlpSpan:
    def __init__(self, span: Any) -> None:  # the SDK's type is only known once it is imported
        self._span = span
        context = span.get_span_context()
        self.traceparent = b"00-%032x-%016x-%02x" % (context.trace_id, context.span_id, context.trace_flags)

    def finish(self, status: int) -> None:
        from opentelemetry.trace import Status, StatusCode

        if status:
            self._span.set_attribute("http.response.status_code", status)
        if not status or status >= 500:
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()
