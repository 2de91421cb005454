"""Trace context (W3C traceparent): continued or started; server spans when an OTLP exporter is configured."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from random import getrandbits
from typing import Any, Protocol

_log = logging.getLogger("faas.gateway")
_TRACEPARENT = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")
_BOTH_HALVES = 1 << 64 | 1


def is_traceparent(value: bytes) -> bool:
    """Whether this is a usable traceparent; version 00 has exactly four parts."""
    return _TRACEPARENT.fullmatch(value) is not None and (len(value) == 55 or not value.startswith(b"00"))


def new_traceparent() -> bytes:
    """A new trace. Sampled: whoever has an exporter downstream decides with what it records."""
    return traceparent_of(new_request_id())


def new_request_id() -> bytes:
    """A random one that `traceparent_of` can use: neither half is zero."""
    return (getrandbits(128) | _BOTH_HALVES).to_bytes(16, "big").hex().encode()


def traceparent_of(request_id: bytes) -> bytes:
    """A new trace with one of our own request ids as its id, so that whoever has one of them finds the other."""
    return b"00-%b-%b-01" % (request_id, request_id[16:])


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
