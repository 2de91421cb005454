"""Which trace a delivery belongs to: that of its event, whatever request carries it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from faas_runtime.events import wire
from faas_runtime.outgoing.transport import NetworkTransport
from faas_runtime.settings import Settings

from faas import CallError, Context, Event, function
from faas.testing import Client

EVENTS, REQUESTS = "a" * 32, "b" * 32
OF_EVENT, OF_REQUEST = f"00-{EVENTS}-{'1' * 16}-01", f"00-{REQUESTS}-{'2' * 16}-01"


@pytest.mark.parametrize("structured", [False, True], ids=["binary", "structured"])
@pytest.mark.parametrize(
    ("extension", "header", "continues"),
    [
        pytest.param(OF_EVENT, OF_REQUEST, EVENTS, id="both"),
        pytest.param(OF_EVENT, None, EVENTS, id="event"),
        pytest.param("", OF_REQUEST, REQUESTS, id="request"),
        pytest.param("nonsense", OF_REQUEST, REQUESTS, id="no valid extension"),
    ],
)
def test_a_delivery_continues_the_trace_of_its_event(
    extension: str, header: str | None, continues: str, structured: bool
) -> None:
    @function.event(type="a")
    def handler(event: Event, ctx: Context) -> None:
        seen.append(ctx.trace_id)
        ctx.publish(Event("b"))

    seen: list[str] = []
    event = Event("a", {}, source="/s", extensions={"traceparent": extension} if extension else {})
    headers, body = wire.structured(event) if structured else wire.binary(event)
    sent = {name.decode(): value.decode() for name, value in headers} | ({"traceparent": header} if header else {})
    with Client(handler) as client:
        assert client.post("/", content=body, headers=sent).status == 204
    assert seen == [continues]
    assert str(client.events[0].extensions["traceparent"])[3:35] == continues


def test_each_event_of_a_batch_has_its_own_trace() -> None:
    @function.event(type="a")
    def handler(event: Event, ctx: Context) -> None:
        seen.append(ctx.trace_id)

    seen: list[str] = []
    events = [Event("a", source="/s", extensions={"traceparent": OF_EVENT}), Event("a", source="/s")]
    headers, body = wire.batch(events)
    with Client(handler) as client:
        sent = {name.decode(): value.decode() for name, value in headers} | {"traceparent": OF_REQUEST}
        assert client.post("/", content=body, headers=sent).status == 204
    assert seen == [EVENTS, REQUESTS]


@asynccontextmanager
async def sink(*answers: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A sink that gives these answers, one a request."""
    heads: list[bytes] = []
    left = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 " + left.pop(0) + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/default/default", heads


def test_a_sink_without_room_is_asked_again_with_the_same_id() -> None:
    async def publish() -> list[bytes]:
        async with sink(b"503 Busy\r\nretry-after: 0", b"429 Later", b"202 Accepted") as (url, heads):
            transport = NetworkTransport(Settings(sink=url, ce_overrides='{"extensions": {"tenant": "a"}}'))
            await transport.publish(Event("a", source="/s", id="7"), timeout_s=20)
            await transport.aclose()
            return heads

    heads = asyncio.run(publish())
    assert len(heads) == 3
    assert all(b"ce-id: 7\r\n" in head and b"ce-tenant: a\r\n" in head for head in heads)


def test_a_refusal_that_lasts_and_a_deadline_end_it() -> None:
    async def publish(answer: bytes, timeout_s: float) -> CallError:
        async with sink(answer) as (url, _):
            transport = NetworkTransport(Settings(sink=url))
            with pytest.raises(CallError) as caught:
                await transport.publish(Event("a", source="/s"), timeout_s=timeout_s)
            await transport.aclose()
            return caught.value

    refused = asyncio.run(publish(b"400 Bad Request", 20))
    assert refused.status == 400
    late = asyncio.run(publish(b"503 Busy\r\nretry-after: 60", 20))
    assert late.status == 503
    assert "was not published" in str(late)


def test_a_sink_that_only_a_cluster_could_find_is_reached_through_the_gateway() -> None:
    async def publish() -> list[bytes]:
        async with sink(b"202 Accepted") as (url, heads):
            gateway = url.removesuffix("/default/default")
            inside = "http://broker-ingress.knative-eventing.svc.cluster.local/default/orders"
            transport = NetworkTransport(Settings(sink=inside, gateway=gateway))
            await transport.publish(Event("a", source="/s"), timeout_s=20)
            await transport.aclose()
            return heads

    (head,) = asyncio.run(publish())
    assert head.startswith(b"POST /default/orders HTTP/1.1\r\n")
    assert b"host: broker-ingress.knative-eventing.svc.cluster.local\r\n" in head
