"""One request followed through gateway, function, call and second function: its spans, its log lines, its metrics."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from faas.resources.kinds import POD
from tests.integration.engine.conftest import PATIENCE_S, eventually
from tests.integration.engine.whole import Whole, running

SHOP = """
import logging
from faas import Context, HTTPError, function

@function(env={"OTEL_BSP_SCHEDULE_DELAY": "50"})
async def front(ctx: Context, item: str = "tea") -> dict:
    ctx.log.info("asked", item=item)
    return {"price": await ctx.call("price", query={"item": item}, into=int)}

@function(visibility="cluster-local")
def price(item: str, ctx: Context) -> int:
    logging.getLogger("shop").warning("looked up")
    print("plainly", item, flush=True)
    if item == "nothing":
        raise HTTPError(404, "no such item")
    return len(item)
"""
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"


@dataclass(frozen=True)
class Span:
    trace: str
    id: str
    parent: str
    name: str
    kind: int  # 2: server, 3: client
    process: str
    status: int
    failed: bool


@dataclass
class Collector:
    """An OTLP receiver, as an OpenTelemetry collector is one."""

    spans: list[Span] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def of(self, trace: str, count: int) -> list[Span]:
        """All spans of a trace, once there are `count`."""

        def found() -> list[Span]:
            return [span for span in self.spans if span.trace == trace]

        with self.changed:
            assert self.changed.wait_for(lambda: len(found()) >= count, PATIENCE_S), found()
            return found()

    def take(self, body: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        with self.changed:
            for group in request.resource_spans:
                process = _attributes(group.resource.attributes).get("service.name", "")
                for span in (span for scope in group.scope_spans for span in scope.spans):
                    status = _attributes(span.attributes).get("http.response.status_code", 0)
                    ids = (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())
                    self.spans.append(Span(*ids, span.name, span.kind, process, status, span.status.code == 2))
            self.changed.notify_all()


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}


@pytest.fixture(scope="module")
def collector() -> Iterator[tuple[Collector, str]]:
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collector.take(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet: the spans are looked at, not the requests that bring them."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield collector, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, collector: tuple[Collector, str]) -> Iterator[Whole]:
    folder = tmp_path_factory.mktemp("whole")
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector[1], "OTEL_BSP_SCHEDULE_DELAY": "50"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        with running(folder) as whole:
            whole.serve(folder / "shop", SHOP, env=settings)
            yield whole


def test_one_trace_leads_from_the_client_through_both_functions(whole: Whole, collector: tuple[Collector, str]) -> None:
    with whole.http("front") as client:
        answer = client.get("/?item=coffee", headers={"traceparent": f"00-{TRACE}-{CALLER}-01", "X-Request-Id": "r-1"})

    assert answer.json() == {"price": 6}
    assert answer.headers["x-request-id"] == "r-1"
    assert _names(collector[0].of(TRACE, 5)) == [
        ("faas-gateway", 2, 200),
        ("front", 2, 200),
        ("front", 3, 0),
        ("faas-gateway", 2, 200),
        ("price", 2, 200),
    ]


def _names(spans: list[Span]) -> list[tuple[str, int, int]]:
    """From the one whose parent is the client, downwards."""
    by_parent = {span.parent: span for span in spans}
    found, at = [], CALLER
    while at in by_parent:
        span = by_parent[at]
        found.append((span.process, span.kind, span.status))
        at = span.id
    return found


def test_a_failed_call_is_seen_in_its_spans(whole: Whole, collector: tuple[Collector, str]) -> None:
    trace = TRACE[::-1]
    with whole.http("front") as client:
        answer = client.get("/?item=nothing", headers={"traceparent": f"00-{trace}-{CALLER}-01"})

    assert answer.status_code == 500
    spans = collector[0].of(trace, 5)
    assert _names(spans) == [
        ("faas-gateway", 2, 500),
        ("front", 2, 500),
        ("front", 3, 0),
        ("faas-gateway", 2, 404),
        ("price", 2, 404),
    ]
    assert {span.process for span in spans if span.failed} == {"faas-gateway", "front"}


def test_log_lines_have_the_request_and_the_trace(whole: Whole) -> None:
    trace = "a" * 32
    with whole.http("front") as client:
        client.get("/?item=milk", headers={"traceparent": f"00-{trace}-{CALLER}-01", "X-Request-Id": "r-milk"})

    for name, message in (("front", "asked"), ("price", "looked up")):
        (line,) = [line for line in _lines(whole, name) if line.get("request_id") == "r-milk"]
        assert (line["message"], line["trace_id"], line["function"]) == (message, trace, name)
        assert line["revision"] == f"{name}-00001"
        assert re.fullmatch("[0-9a-f]{16}", line["span_id"])


def _lines(whole: Whole, name: str) -> list[dict[str, Any]]:
    """What the function logged."""
    lines = [json.loads(line) for line in whole.faas("logs", name, "-o", "json").splitlines()]
    assert all(line["pod"].startswith(f"{name}-00001-deployment-") for line in lines)
    return [line["record"] for line in lines if "record" in line]


def test_what_a_function_prints_is_told_with_its_instance_and_time(whole: Whole) -> None:
    with whole.http("front") as client:
        client.get("/?item=plain")

    lines = [json.loads(line) for line in whole.faas("logs", "price", "-o", "json").splitlines()]
    (printed,) = [line for line in lines if line.get("line") == "plainly plain"]
    assert printed.keys() == {"time", "pod", "line"}
    assert datetime.fromisoformat(printed["time"]).tzinfo is not None


def test_without_ids_the_gateway_makes_some_that_lead_to_the_log(whole: Whole) -> None:
    with whole.http("front") as client:
        request_id = client.get("/").headers["x-request-id"]

    assert len([line for line in _lines(whole, "front") if line.get("request_id") == request_id]) == 1
    assert len([line for line in _lines(whole, "price") if line.get("request_id") == request_id]) == 1


def test_metrics_count_requests_cold_starts_and_instances_by_revision(whole: Whole) -> None:
    with whole.http("front") as client:
        client.get("/?item=nothing")

    samples = _samples(whole.metrics())
    front = 'namespace="default",service="front",revision="front-00001"'
    price = 'namespace="default",service="price",revision="price-00001"'
    assert samples[f'faas_gateway_requests_total{{{front},code_class="2xx"}}'] >= 1
    assert samples[f'faas_gateway_requests_total{{{front},code_class="5xx"}}'] >= 1
    assert samples[f'faas_gateway_requests_total{{{price},code_class="4xx"}}'] >= 1
    assert samples[f"faas_gateway_request_seconds_count{{{front}}}"] >= 2
    assert samples[f"faas_gateway_cold_start_seconds_count{{{front}}}"] == 0
    decided = 'configuration="front",namespace="default",revision="front-00001",service="front"'
    eventually(
        lambda: _samples(whole.metrics())[f"faas_autoscaler_desired_instances{{{decided}}}"] >= 1,
        "the autoscaler wants an instance",
    )
    assert samples[f"faas_autoscaler_ready_instances{{{decided}}}"] >= 1


def test_only_who_has_the_token_reads_the_metrics(whole: Whole) -> None:
    assert whole.kubectl("--token=wrong", "get", "--raw", "/metrics", code=1) == ""
    assert "Unauthorized" in whole.said


def test_a_function_tells_its_own_metrics_to_whoever_stands_before_its_socket_only(whole: Whole) -> None:
    with whole.http("front") as client:
        client.get("/")
        assert client.get("/_faas/metrics").status_code == 404
    with whole.local("front") as client:
        assert client.get("/_faas/metrics").status_code == 404

    (pod,) = whole.objects(POD, "serving.knative.dev/service=front")
    transport = httpx.HTTPTransport(uds=whole.socket(pod["metadata"]["name"]))
    with httpx.Client(base_url="http://instance", transport=transport) as client:
        samples = _samples(client.get("/_faas/metrics").text)
    assert sum(value for name, value in samples.items() if name.startswith("faas_requests_total{")) >= 1


def test_the_engine_tells_the_functions_own_metrics_and_whose_they_are(whole: Whole) -> None:
    with whole.http("front") as client:
        client.get("/")

    text = whole.metrics()
    for service in ("front", "price"):
        (pod,) = (pod["metadata"]["name"] for pod in whole.objects(POD, f"serving.knative.dev/service={service}"))
        labels = f'namespace="default",service="{service}",revision="{service}-00001",pod="{pod}"'
        assert _samples(text)[f'faas_requests_total{{{labels},function="{service}",code="200"}}'] >= 1
        assert _samples(text)[f"faas_threads_overdue{{{labels}}}"] == 0
    assert text.count("# TYPE faas_requests_total counter\n") == 1


def _samples(text: str) -> dict[str, float]:
    pairs = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in pairs}
