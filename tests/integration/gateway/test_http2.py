"""HTTP/2 by prior knowledge, to HTTP/1.1 and to h2c instances."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RequestReceived,
    ResponseReceived,
    StreamEnded,
    TrailersReceived,
)


class H2Peer:
    """One end of an HTTP/2 connection over asyncio streams."""

    def __init__(self, reader: Any, writer: Any, *, client: bool) -> None:
        self.reader, self.writer = reader, writer
        self.h2 = H2Connection(H2Configuration(client_side=client, header_encoding=None))
        self.h2.initiate_connection()
        self.events: list[Event] = []
        self.acknowledge = True
        self.send()

    def send(self) -> None:
        self.writer.write(self.h2.data_to_send())

    async def read(self) -> list[Event]:
        """The events of one read; empty at the end."""
        data = await self.reader.read(65536)
        events = self.h2.receive_data(data) if data else []
        for event in events:
            if isinstance(event, DataReceived) and self.acknowledge:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        self.send()
        self.events += events
        return events if data else []

    async def until(self, wanted: Any) -> Event:
        """Read until an event is there that `wanted` accepts."""
        async with asyncio.timeout(20):
            while True:
                for event in self.events:
                    if wanted(event):
                        return event
                assert await self.read(), "the connection ended"

    def request(
        self, stream_id: int, *, method: bytes = b"GET", path: bytes = b"/", end: bool = True, host: bytes
    ) -> None:
        headers = [(b":method", method), (b":scheme", b"http"), (b":authority", host), (b":path", path)]
        self.h2.send_headers(stream_id, [*headers, (b"te", b"trailers")], end_stream=end)
        self.send()

    def body(self, stream_id: int) -> bytes:
        return b"".join(e.data for e in self.events if isinstance(e, DataReceived) and e.stream_id == stream_id)

    def status(self, stream_id: int) -> bytes:
        (head,) = [e for e in self.events if isinstance(e, ResponseReceived) and e.stream_id == stream_id]
        return dict(head.headers)[b":status"]


@asynccontextmanager
async def h2_client(world: Any) -> AsyncIterator[H2Peer]:
    reader, writer = await world.connect()
    peer = H2Peer(reader, writer, client=True)
    try:
        yield peer
    finally:
        writer.close()


def ended(stream_id: int) -> Any:
    return lambda event: isinstance(event, StreamEnded) and event.stream_id == stream_id


async def echo(reader: Any, writer: Any) -> None:
    """An HTTP/1.1 instance that answers with path and body, and a trailer."""
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        body = b""
        if b"transfer-encoding: chunked" in head:
            while size := int((await reader.readuntil(b"\r\n"))[:-2], 16):
                body += (await reader.readexactly(size + 2))[:-2]
            while await reader.readuntil(b"\r\n") != b"\r\n":
                pass
        path = head.split(b" ")[1]
        data = path + b"|" + body
        writer.write(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\ngrpc-status: 0\r\n\r\n"
            % (len(data), data)
        )


async def echo_h2(reader: Any, writer: Any) -> None:
    """An h2c instance that answers each stream with path and body, and trailers."""
    peer = H2Peer(reader, writer, client=False)
    paths: dict[int, bytes] = {}
    while events := await peer.read():
        for event in events:
            if isinstance(event, RequestReceived):
                paths[event.stream_id] = dict(event.headers)[b":path"]
            elif isinstance(event, StreamEnded):
                stream_id = event.stream_id
                peer.h2.send_headers(stream_id, [(b":status", b"200"), (b"content-type", b"application/grpc")])
                peer.h2.send_data(stream_id, paths[stream_id] + b"|" + peer.body(stream_id))
                peer.h2.send_headers(stream_id, [(b"grpc-status", b"0")], end_stream=True)
        peer.send()


@pytest.mark.parametrize("protocol", ["http1", "h2c"])
def test_streams_are_requests_of_their_own_with_bodies_and_trailers_both_ways(kit: Any, protocol: str) -> None:
    async def scenario(world: Any) -> None:
        await world.serve(echo if protocol == "http1" else echo_h2, protocol=protocol)
        async with h2_client(world) as client:
            for number in range(10):
                client.request(1 + 2 * number, method=b"POST", path=b"/%d" % number, end=False, host=kit.HOST)
            for number in reversed(range(10)):
                client.h2.send_data(1 + 2 * number, b"body%d" % number)
                client.h2.send_headers(1 + 2 * number, [(b"x-sum", b"1")], end_stream=True)
            client.send()
            for number in range(10):
                stream_id = 1 + 2 * number
                await client.until(ended(stream_id))
                assert client.status(stream_id) == b"200"
                assert client.body(stream_id) == b"/%d|body%d" % (number, number)
                (trailers,) = [e for e in client.events if isinstance(e, TrailersReceived) and e.stream_id == stream_id]
                assert (b"grpc-status", b"0") in list(trailers.headers)
        await world.until(lambda: world.gateway.revisions[kit.REVISION].load.count == 0)

    kit.run(scenario)


def test_an_answer_that_is_only_a_head_stays_one_frame(kit: Any) -> None:
    """gRPC's errors: a status among the first headers counts only when the stream ends there."""

    async def not_found(reader: Any, writer: Any) -> None:
        peer = H2Peer(reader, writer, client=False)
        while events := await peer.read():
            for event in events:
                if isinstance(event, StreamEnded):
                    head = [(b":status", b"200"), (b"content-type", b"application/grpc"), (b"grpc-status", b"5")]
                    peer.h2.send_headers(event.stream_id, head, end_stream=True)
            peer.send()

    async def scenario(world: Any) -> None:
        await world.serve(not_found, protocol="h2c")
        async with h2_client(world) as client:
            client.request(1, host=kit.HOST)
            client.send()
            await client.until(ended(1))
            (head,) = [event for event in client.events if isinstance(event, ResponseReceived)]
            assert (b"grpc-status", b"5") in list(head.headers)
            assert head.stream_ended is not None
        answer = await world.get()
        assert b"grpc-status: 5\r\n" in answer

    kit.run(scenario)


def test_http1_clients_reach_h2c_instances(kit: Any) -> None:
    async def scenario(world: Any) -> None:
        await world.serve(echo_h2, protocol="h2c")
        answer = await world.exchange(
            b"POST /x HTTP/1.1\r\nhost: " + kit.HOST + b"\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc"
        )
        assert b"content-type: application/grpc\r\n" in answer
        assert answer.endswith(b"/x|abc\r\n0\r\ngrpc-status: 0\r\n\r\n")

    kit.run(scenario)


def test_httpx_speaks_http2_to_it(kit: Any) -> None:
    async def scenario(world: Any) -> None:
        await world.serve(kit.answering(b"hello"))
        url = f"http://127.0.0.1:{world.address[1]}/"
        async with httpx.AsyncClient(http1=False, http2=True, trust_env=False) as client:
            answers = await asyncio.gather(*(client.get(url, headers={"host": kit.HOST.decode()}) for _ in range(20)))
        assert [(answer.http_version, answer.text) for answer in answers] == [("HTTP/2", "hello")] * 20

    kit.run(scenario)


def test_a_large_answer_waits_for_the_window_of_its_stream_and_leaves_others_alone(kit: Any) -> None:
    big = b"x" * 3_000_000

    async def handler(reader: Any, writer: Any) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            body = big if b"GET /big " in head else b"small"
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body))
            writer.write(body)

    async def scenario(world: Any) -> None:
        await world.serve(handler)
        async with h2_client(world) as client:
            client.acknowledge = False
            client.h2.increment_flow_control_window(10_000_000)  # the connection's; each stream has 65 535
            client.request(1, path=b"/big", host=kit.HOST)
            client.request(3, path=b"/small", host=kit.HOST)
            await client.until(ended(3))
            assert client.body(3) == b"small"
            while len(client.body(1)) < 65_535:
                await client.read()
            client.h2.increment_flow_control_window(10_000_000, 1)
            client.send()
            await client.until(ended(1))
            assert client.body(1) == big

    kit.run(scenario)


def test_a_reset_stream_breaks_off_at_the_instance(kit: Any) -> None:
    arrived, left = asyncio.Event(), asyncio.Event()

    async def handler(reader: Any, writer: Any) -> None:
        await kit.read_head(reader)
        arrived.set()
        await reader.read()
        left.set()

    async def scenario(world: Any) -> None:
        await world.serve(handler)
        async with h2_client(world) as client:
            client.request(1, host=kit.HOST)
            await arrived.wait()
            client.h2.reset_stream(1, ErrorCodes.CANCEL)
            client.send()
            await left.wait()
            assert world.gateway.revisions[kit.REVISION].load.count == 0

    kit.run(scenario)


def test_rapid_resets_and_frames_for_nothing_end_the_connection(kit: Any) -> None:
    async def scenario(world: Any) -> None:
        world.route()
        async with h2_client(world) as client:
            for number in range(20):
                client.request(1 + 2 * number, host=kit.HOST)
                client.h2.reset_stream(1 + 2 * number, ErrorCodes.CANCEL)
                client.send()
            gone = await client.until(lambda event: isinstance(event, ConnectionTerminated))
            assert isinstance(gone, ConnectionTerminated)
            assert gone.error_code == ErrorCodes.ENHANCE_YOUR_CALM
        async with h2_client(world) as client:
            for number in range(60):
                client.h2.ping(b"%08d" % number)
                client.send()
            await client.until(lambda event: isinstance(event, ConnectionTerminated))
        async with h2_client(world) as client:
            for _ in range(60):
                client.h2.increment_flow_control_window(1)
                client.send()
            await client.until(lambda event: isinstance(event, ConnectionTerminated))
        assert world.gateway.revisions[kit.REVISION].load.count == 0

    kit.run(scenario, h2_resets=10, h2_idle_frames=50)


def test_a_client_may_open_its_window_for_each_byte_it_reads(kit: Any) -> None:
    async def scenario(world: Any) -> None:
        await world.serve(kit.answering(b"x" * 4000))
        async with h2_client(world) as client:
            client.acknowledge = False
            client.request(1, host=kit.HOST)
            await client.until(lambda event: isinstance(event, StreamEnded))
            for _ in range(400):
                client.h2.increment_flow_control_window(1)
                client.send()
            client.request(3, host=kit.HOST)
            await client.until(lambda event: isinstance(event, StreamEnded) and event.stream_id == 3)

    kit.run(scenario, h2_idle_frames=20)


def test_malformed_and_unknown_requests_are_answered_on_their_stream(kit: Any) -> None:
    async def scenario(world: Any) -> None:
        world.route()
        async with h2_client(world) as client:
            client.request(1, host=b"unknown.example")
            client.request(3, host=b"a@b")
            client.request(5, path=b"/" + b"a" * 9000, host=kit.HOST)
            for stream_id, status in ((1, b"404"), (3, b"400"), (5, b"414")):
                await client.until(ended(stream_id))
                assert client.status(stream_id) == status

    kit.run(scenario)


def test_shutdown_sends_goaway_and_lets_streams_finish(kit: Any) -> None:
    arrived, go = asyncio.Event(), asyncio.Event()

    async def handler(reader: Any, writer: Any) -> None:
        await kit.read_head(reader)
        arrived.set()
        await go.wait()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    async def scenario(world: Any) -> None:
        await world.serve(handler)
        reader, writer = await world.connect()
        client = H2Peer(reader, writer, client=True)
        client.request(1, host=kit.HOST)
        await arrived.wait()
        drained = asyncio.create_task(world.gateway.drain())
        raw = await reader.read(65536)
        while b"\x07\x00\x00\x00\x00\x00\x00\x00\x00\x01" not in raw:  # GOAWAY, last stream 1
            raw += await reader.read(65536)
        go.set()
        raw += await reader.read(-1)
        assert b"ok" in raw
        await drained
        writer.close()

    kit.run(scenario, drain_s=10.0)


def test_a_connection_that_has_gone_away_takes_no_new_stream_but_finishes_the_old(kit: Any) -> None:
    connections = 0

    async def handler(reader: Any, writer: Any) -> None:
        nonlocal connections
        connections += 1
        peer = H2Peer(reader, writer, client=False)
        while events := await peer.read():
            for event in events:
                if isinstance(event, RequestReceived):
                    from hyperframe.frame import GoAwayFrame

                    frame = GoAwayFrame(0)
                    frame.last_stream_id = event.stream_id
                    writer.write(frame.serialize())
                    peer.h2.send_headers(event.stream_id, [(b":status", b"200")])
                    peer.h2.send_data(event.stream_id, b"late", end_stream=True)
            peer.send()

    async def scenario(world: Any) -> None:
        await world.serve(handler, protocol="h2c")
        for _ in range(3):
            assert b"\r\nlate\r\n" in await world.get()
        assert connections == 3

    kit.run(scenario)


def test_a_reset_from_an_h2c_instance_is_502_or_a_retry_when_it_was_refused(kit: Any) -> None:
    codes = [ErrorCodes.REFUSED_STREAM, ErrorCodes.REFUSED_STREAM, ErrorCodes.INTERNAL_ERROR]

    async def handler(reader: Any, writer: Any) -> None:
        peer = H2Peer(reader, writer, client=False)
        while events := await peer.read():
            for event in events:
                if isinstance(event, RequestReceived):
                    peer.h2.reset_stream(event.stream_id, codes.pop(0))
            peer.send()

    async def scenario(world: Any) -> None:
        await world.serve(handler, protocol="h2c")
        answer = await world.exchange(
            b"POST / HTTP/1.1\r\nhost: " + kit.HOST + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        )
        assert answer.startswith(b"HTTP/1.1 502 ")
        assert codes == []

    kit.run(scenario)
