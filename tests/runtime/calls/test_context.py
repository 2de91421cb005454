"""What a handler does besides answering: logs, calls, events, deadlines, secrets; and the instance's own life."""

import asyncio
import json
import logging
import threading
import time
from dataclasses import dataclass
from typing import Any

import pytest
from faas_runtime.outgoing.asking import Outgoing
from faas_runtime.outgoing.reply import Reply
from faas_runtime.settings import Settings

from faas import CallError, Context, Event, HTTPError, NotConfigured, function
from faas.testing import Client

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass
class Forecast:
    city: str
    degrees: int = 20


def test_one_function_calls_another_sync_and_async() -> None:
    @function.http("/{city}")
    def detail(city: str, unit: str = "c") -> Forecast:
        if city == "atlantis":
            raise HTTPError(404, "sunk")
        return Forecast(city)

    @function
    def sync(ctx: Context) -> Forecast:
        return ctx.call("detail", path="/rome", into=Forecast).result()

    @function
    async def parallel(ctx: Context) -> list[Any]:
        both = [ctx.call("detail", path="/rome", query={"unit": "f"}), ctx.call("detail.default", path="/oslo")]
        return [reply.json()["city"] for reply in await asyncio.gather(*both)]

    @function
    async def lost(ctx: Context) -> str:
        try:
            await ctx.call("detail", path="/atlantis", into=Forecast)
        except CallError as error:
            return f"{error.status} {error.reply.json()['detail'] if error.reply else ''}"
        return "found"

    with Client() as client:
        assert client.get(function=sync).json() == {"city": "rome", "degrees": 20}
        assert client.get(function=parallel).json() == ["rome", "oslo"]
        assert client.get(function=lost).text == "404 sunk"


def test_a_call_carries_trace_request_id_and_the_rest_of_the_deadline() -> None:
    sent: list[Outgoing] = []

    def stand_in(request: Outgoing) -> Any:
        sent.append(request)
        return Reply(200, {}, b"") if request.function == "empty" else {"ok": True}

    @function(timeout=30)
    def handler(ctx: Context) -> Any:
        ctx.call("empty", {"a": 1}, headers={"X-A": "1"}, timeout=5).result()
        return ctx.call("other", path="/a b", method="PUT").result().json()

    with Client(handler, calls={"empty": stand_in, "other": stand_in}) as client:
        answer = client.get("/", headers={"traceparent": TRACE, "x-request-id": "r-1", "tracestate": "a=b"})
    assert answer.json() == {"ok": True}
    first, second = (dict(request.headers) for request in sent)
    assert first[b"traceparent"][3:35] == b"0af7651916cd43dd8448eb211c80319c"
    assert first[b"traceparent"][36:52] != b"b7ad6b7169203331"
    assert (first[b"x-request-id"], first[b"tracestate"], first[b"x-a"]) == (b"r-1", b"a=b", b"1")
    assert (first[b"faas-timeout"], second[b"faas-timeout"]) == (b"5.000", b"30.000")
    assert [(request.method, request.target, request.body) for request in sent] == [
        ("POST", "/", b'{"a":1}'), ("PUT", "/a%20b", b""),
    ]  # fmt: skip


def test_published_events_are_complete_and_sent_before_the_answer() -> None:
    @function
    async def handler(ctx: Context) -> None:
        ctx.publish(Event("a", {"n": 1}))

    @function
    def sync(ctx: Context) -> None:
        ctx.publish(Event("b", source="/own"))

    with Client() as client:
        client.get(function=handler, headers={"traceparent": TRACE})
        client.get(function=sync)
    first, second = client.events
    assert (first.type, first.source) == ("a", "/apis/serving.knative.dev/v1/namespaces/default/services/handler")
    assert str(first.extensions["traceparent"]).startswith("00-0af7651916cd43dd8448eb211c80319c-")
    assert second.source == "/own"


def test_a_call_that_failed_unseen_fails_the_request() -> None:
    @function
    async def handler(ctx: Context) -> str:
        ctx.call("nobody")
        return "fine"

    with Client(handler) as client:
        assert client.get().status == 500


def test_without_a_gateway_or_a_sink_the_error_says_what_is_missing() -> None:
    from faas_runtime.outgoing.transport import NetworkTransport

    transport = NetworkTransport(Settings())
    request = Outgoing("other", "GET", "/", (), b"", 1.0)
    with pytest.raises(NotConfigured, match="FAAS_GATEWAY"):
        asyncio.run(transport.call(request))
    with pytest.raises(NotConfigured, match="K_SINK"):
        asyncio.run(transport.publish(Event("a")))


def test_result_in_async_code_is_refused_instead_of_blocking() -> None:
    @function
    async def handler(ctx: Context) -> str:
        outcome = ctx.call("other")
        with pytest.raises(RuntimeError, match=r"await ctx\.call"):
            outcome.result()
        await outcome
        return "done"

    with Client(handler, calls={"other": 1}) as client:
        assert client.get().text == "done"


def test_an_async_handler_is_cancelled_at_its_deadline() -> None:
    cancelled = threading.Event()

    @function(timeout=10)
    async def slow(ctx: Context) -> None:
        assert ctx.remaining_s in (10, 2)
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    with Client(slow) as client:
        pending = client.begin("GET")
        client.clock.advance(9)
        assert not cancelled.is_set()
        client.clock.advance(1)
        assert pending.result().status == 504
        assert cancelled.is_set()
        hurried = client.begin("GET", headers={"faas-timeout": "2"})
        client.clock.advance(2)
        assert hurried.result().status == 504


def test_a_client_that_leaves_cancels_the_handler() -> None:
    cancelled, started = threading.Event(), threading.Event()

    @function
    async def slow() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    with Client(slow) as client:
        pending = client.begin("GET")
        assert started.wait(10)
        pending.disconnect()
        assert cancelled.wait(10)


def test_stuck_threads_keep_their_slots_and_end_liveness(capsys: pytest.CaptureFixture[str]) -> None:
    release, started = threading.Event(), threading.Semaphore(0)

    @function(timeout=5, concurrency=2)
    def stuck(ctx: Context) -> str:
        started.release()
        release.wait(30)
        return f"{ctx.cancelled}"

    with Client(stuck) as client:
        first = [client.begin("GET"), client.begin("GET")]
        for _ in first:
            assert started.acquire(timeout=10)
        assert client.get("/_faas/live").status == 200
        client.clock.advance(5)
        assert [pending.result().status for pending in first] == [504, 504]
        assert client.get("/").status == 503
        assert [client.get("/_faas/live").status, client.get("/_faas/ready").status] == [503, 503]
        assert "faas_threads_overdue 2" in client.get("/_faas/metrics").text
        release.set()
        give_up_at = time.monotonic() + 10
        while client.get("/_faas/live").status != 200:
            assert time.monotonic() < give_up_at
        assert client.get("/").text == "False"  # a thread took it: it is through with the old request
    line = next(json.loads(each) for each in capsys.readouterr().err.splitlines() if "stuck" in each)
    assert "release.wait(30)" in line["stacks"]


def test_log_lines_carry_the_request(capsys: pytest.CaptureFixture[str]) -> None:
    @function
    def handler(ctx: Context) -> None:
        ctx.log.bind(shop="eu").info("stored", order=7)
        ctx.log.debug("not shown")

    with Client(handler, settings=Settings(revision="handler-00001")) as client:
        client.get("/", headers={"x-request-id": "r-1", "traceparent": TRACE})
    (line,) = (json.loads(each) for each in capsys.readouterr().err.splitlines())
    assert line["time"].endswith("Z")
    assert {key: line[key] for key in line if key not in ("time", "span_id")} == {
        "level": "info", "message": "stored", "function": "handler", "revision": "handler-00001", "request_id": "r-1",
        "trace_id": "0af7651916cd43dd8448eb211c80319c", "shop": "eu", "order": 7,
    }  # fmt: skip


def test_the_standard_logging_module_gets_the_ids_too(capsys: pytest.CaptureFixture[str]) -> None:
    from faas_runtime.calls.logs import _JsonHandler

    logger = logging.getLogger("shop")
    logger.addHandler(handler := _JsonHandler())
    logger.setLevel(logging.INFO)

    @function
    async def handle() -> None:
        logger.info("sold %d", 3, extra={"sku": "a"})

    try:
        with Client(handle) as client:
            client.get("/", headers={"x-request-id": "r-2"})
    finally:
        logger.removeHandler(handler)
    line = json.loads(capsys.readouterr().err.splitlines()[0])
    assert (line["message"], line["logger"], line["request_id"], line["sku"]) == ("sold 3", "shop", "r-2", "a")


def test_secrets_and_config() -> None:
    @function(secrets=["db-main"], config=["limits"])
    def handler(ctx: Context) -> list[Any]:
        with pytest.raises(NotConfigured, match=r"secrets=\['other'\]"):
            ctx.secrets["other"]
        with pytest.raises(KeyError, match="its keys are: password"):
            ctx.secrets["db-main"]["user"]
        assert "hunter2" not in repr(ctx.secrets["db-main"])
        return [ctx.secrets["db-main"]["password"], ctx.config["limits"]["max"], "nope" in ctx.config]

    secrets = {"db-main": {"password": "hunter2"}}
    with Client(handler, secrets=secrets, config={"limits": {"max": "9"}}) as client:
        assert client.get().json() == ["hunter2", "9", False]


def test_the_hooks_run_in_their_order() -> None:
    seen: list[str] = []

    @function
    def handler() -> None: ...

    function.before_snapshot(lambda: seen.append("snapshot"))
    function.after_restore(lambda: seen.append("restore"))

    @function.on_start
    async def start() -> None:
        seen.append("start")

    function.on_stop(lambda: seen.append("stop"))
    with Client(handler):
        assert seen == ["snapshot", "restore", "start"]
    assert seen == ["snapshot", "restore", "start", "stop"]


def test_probes_of_the_user_and_of_the_platform() -> None:
    well = {"ready": True, "live": True}

    @function.http("/{rest:path}")
    def handler(rest: str) -> str:
        return rest

    function.ready(lambda: well["ready"])

    @function.live
    async def alive() -> None:
        if not well["live"]:
            raise RuntimeError("model is gone")

    with Client(handler) as client:
        probe = {"k-network-probe": "queue"}
        assert [client.get(f"/_faas/{path}").status for path in ("ready", "live")] == [200, 200]
        assert client.get("/any", headers=probe).text == "queue"
        well.update(ready=False, live=False)
        assert client.get("/_faas/ready").status == 503
        assert client.get("/any", headers=probe).status == 503
        assert (client.get("/_faas/live").status, "model is gone" in client.get("/_faas/live").text) == (503, True)
        forwarded = {"x-forwarded-for": "1.2.3.4"}
        assert client.get("/_faas/metrics", headers=forwarded).text == "_faas/metrics"  # the function's: not told


def test_metrics_count_by_status() -> None:
    @function
    def handler(n: int) -> None: ...

    with Client(handler) as client:
        client.get("/?n=1")
        client.get("/?n=x")
        text = client.get("/_faas/metrics").text
    assert 'faas_requests_total{function="handler",revision="",code="204"} 1' in text
    assert 'faas_requests_total{function="handler",revision="",code="422"} 1' in text
    assert 'faas_request_duration_seconds_count{function="handler",revision=""} 2' in text


def test_a_fork_takes_over_the_environment_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    from faas_runtime.app import Application
    from faas_runtime.declaring.registry import REGISTRY

    @function(timeout=10)
    def handler() -> None: ...

    app = Application(list(REGISTRY.functions.values()))
    monkeypatch.setenv("K_REVISION", "handler-00002")
    app.after_restore()
    assert app.settings.revision == "handler-00002"
    monkeypatch.setenv("FAAS_TIMEOUT", "3")
    app.after_restore()
    route = app._static["/"]
    assert route.methods[""].timeout_s == 3


def test_an_on_start_hook_that_fails_fails_the_start() -> None:
    @function
    def handler() -> None: ...

    @function.on_start
    def start() -> None:
        raise RuntimeError("no database")

    with pytest.raises(RuntimeError, match="no database"), Client(handler):
        pass
