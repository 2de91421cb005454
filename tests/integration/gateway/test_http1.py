"""HTTP/1.1 through the gateway, byte by byte."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from random import Random
from typing import Any

import pytest

from faas.engine.gateway.exchanges.exchange import Exchange


def test_a_request_reaches_its_instance_with_forwarding_headers_and_without_hop_by_hop_ones(kit: Any) -> None:
    seen: list[bytes] = []

    async def handler(reader: Any, writer: Any) -> None:
        seen.append(await kit.read_head(reader))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nKeep-Alive: timeout=5\r\nx-a: 1\r\n\r\nok")

    async def scenario(world: Any) -> None:
        await world.serve(handler)
        answer = await world.get(
            b"/a?b=c",
            b"x-forwarded-for: 10.0.0.9\r\nx-gone: 1\r\nx-request-id: r1\r\nte: trailers\r\n"
            b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\nConnection: x-gone\r\n",
        )
        head, _, body = answer.partition(b"\r\n\r\n")
        assert body == b"ok"
        assert head.split(b"\r\n") == [
            b"HTTP/1.1 200 OK", b"x-a: 1", b"content-length: 2", b"x-request-id: r1", b"connection: close",
        ]  # fmt: skip
        assert seen[0].split(b"\r\n") == [
            b"GET /a?b=c HTTP/1.1",
            b"host: hello.default.localhost",
            b"x-forwarded-for: 10.0.0.9, 127.0.0.1",
            b"x-forwarded-proto: http",
            b"x-forwarded-host: hello.default.localhost",
            b'forwarded: for=127.0.0.1;host="hello.default.localhost";proto=http',
            b"x-request-id: r1",
            b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            b"", b"",
        ]  # fmt: skip

    kit.run(scenario)


def test_the_path_form_is_stripped_and_said_in_a_header(kit: Any) -> None:
    seen: list[bytes] = []

    async def handler(reader: Any, writer: Any) -> None:
        seen.append(await kit.read_head(reader))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    async def scenario(world: Any) -> None:
        await world.serve(handler)
        await world.exchange(kit.get(b"/_/default/hello/x?y", b"connection: close\r\n", host=b"127.0.0.1:8080"))
        assert b"GET /x?y HTTP/1.1\r\n" in seen[0]
        assert b"x-forwarded-prefix: /_/default/hello\r\n" in seen[0]
        rebound = await world.exchange(kit.get(b"/_/default/hello/x", b"connection: close\r\n", host=b"evil.example"))
        assert rebound.startswith(b"HTTP/1.1 404 ")

    kit.run(scenario)


def test_cluster_local_services_answer_on_the_internal_listener_only(kit: Any) -> None:
    async def scenario(world: Any) -> None:
        await world.serve(kit.answering(), public=False)
        assert (await world.get()).startswith(b"HTTP/1.1 404 ")
        reader, writer = await asyncio.open_unix_connection(world.runtime_dir / "internal.sock")
        writer.write(kit.get(host=b"hello.default.svc.cluster.local", extra=b"connection: close\r\n"))
        assert (await reader.read(-1)).endswith(b"\r\n\r\nok")
        writer.close()

    kit.run(scenario)


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(b"/_faas/events/on_order", id="plain"),
        pytest.param(b"/_faas/events/on_order?x=1", id="with a query"),
        pytest.param(b"/%5ffaas%2Fevents/on_order", id="escaped"),
        pytest.param(b"/_faas", id="the root"),
        pytest.param(b"/_/default/hello/_faas/metrics", id="path form"),
        pytest.param(b"/_/default/hello/%5Ffaas/metrics", id="path form, escaped"),
    ],
)
def test_paths_between_platform_and_runtime_answer_on_the_internal_listener_only(kit: Any, path: bytes) -> None:
    async def scenario(world: Any) -> None:
        await world.serve(kit.answering())
        host = b"127.0.0.1" if path.startswith(b"/_/") else kit.HOST
        request = kit.get(path, b"connection: close\r\n", host=host)
        assert (await world.exchange(request)).startswith(b"HTTP/1.1 404 ")
        reader, writer = await asyncio.open_unix_connection(world.runtime_dir / "internal.sock")
        writer.write(request)
        assert (await reader.read(-1)).endswith(b"\r\n\r\nok")
        writer.close()

    kit.run(scenario)


@pytest.mark.parametrize("path", [b"/_faas2", b"/x/_faas/metrics", b"/?p=/_faas/metrics", b"/a%20b"])
def test_paths_that_only_look_like_internal_ones_are_the_functions(kit: Any, path: bytes) -> None:
    async def scenario(world: Any) -> None:
        await world.serve(kit.answering())
        assert (await world.get(path)).startswith(b"HTTP/1.1 200 ")

    kit.run(scenario)


def test_pipelined_requests_are_answered_in_order_over_one_connection(kit: Any) -> None:
    async def handler(reader: Any, writer: Any) -> None:
        while True:
            path = (await kit.read_head(reader)).split(b" ")[1]
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(path), path))

    async def scenario(world: Any) -> None:
        await world.serve(handler)
        many = [kit.get(b"/%d" % number) for number in range(40)]
        answer = await world.exchange(*many, kit.get(b"/last", b"connection: close\r\n"))
        bodies = [part.partition(b"\r\n\r\n")[2] for part in answer.split(b"HTTP/1.1 200 OK")[1:]]
        assert bodies == [b"/%d" % number for number in range(40)] + [b"/last"]

    kit.run(scenario)


def test_a_client_that_pipelines_thousands_does_not_make_the_gateway_hold_them_parsed(kit: Any) -> None:
    go = asyncio.Event()

    async def handler(reader: Any, writer: Any) -> None:
        while True:
            head = await kit.read_head(reader)
            await go.wait()
            body = await reader.readexactly(2) if b"content-length" in head else b""
            path = head.split(b" ")[1] + body
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(path), path))

    def request(number: int) -> bytes:
        body = number % 7 == 3
        line = b"%b /%d HTTP/1.1\r\nhost:%b\r\n" % (b"POST" if body else b"GET", number, kit.HOST)
        return line + (b"content-length:2\r\n\r\n%02d" % (number % 100) if body else b"\r\n")

    async def scenario(world: Any) -> None:
        await world.serve(handler)
        reader, writer = await world.connect()
        writer.write(b"".join(map(request, range(3000))))
        await world.until(lambda: any(revision.load.count for revision in world.gateway.revisions.values()))
        held = sum(isinstance(each, Exchange) for each in gc.get_objects())
        assert held < 200
        go.set()
        for number in range(3000):
            assert b" 200 " in await kit.read_head(reader)
            wanted = b"/%d" % number + (b"%02d" % (number % 100) if number % 7 == 3 else b"")
            assert await reader.readexactly(len(wanted)) == wanted
        writer.close()

    kit.run(scenario)


def test_chunks_and_trailers_pass_both_ways_and_are_framed_anew(kit: Any) -> None:
    seen: list[bytes] = []

    async def handler(reader: Any, writer: Any) -> None:
        await kit.read_head(reader)
        seen.append(await reader.readuntil(b"x-sum: 7\r\n\r\n"))
        writer.write(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
            b"3;ext=1\r\nabc\r\n0\r\nx-end: yes\r\nhost: evil\r\n\r\n"
        )

    async def scenario(world: Any) -> None:
        await world.serve(handler)
        answer = await world.exchange(
            b"POST / HTTP/1.1\r\nhost: " + kit.HOST + b"\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
            b"2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nx-sum: 7\r\nhost: evil\r\n\r\n"
        )
        assert seen == [b"5\r\nhello\r\n0\r\nx-sum: 7\r\n\r\n"]
        assert answer.endswith(b"\r\n\r\n3\r\nabc\r\n0\r\nx-end: yes\r\n\r\n")

    kit.run(scenario)


def test_expect_100_continue_goes_to_the_instance_and_back(kit: Any) -> None:
    async def handler(reader: Any, writer: Any) -> None:
        assert b"expect: 100-continue\r\n" in await kit.read_head(reader)
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await reader.readexactly(5)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n" + body)

    async def scenario(world: Any) -> None:
        await world.serve(handler)
        reader, writer = await world.connect()
        writer.write(
            b"POST / HTTP/1.1\r\nhost: " + kit.HOST + b"\r\nexpect: 100-continue\r\ncontent-length: 5\r\n"
            b"connection: close\r\n\r\n"
        )
        assert await kit.read_head(reader) == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"hello")
        assert (await reader.read(-1)).endswith(b"\r\n\r\nhello")
        writer.close()

    kit.run(scenario)


@pytest.mark.parametrize(
    ("method", "answer", "head_has"),
    [
        pytest.param(b"HEAD", b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n", b"content-length: 100", id="HEAD"),
        pytest.param(b"GET", b"HTTP/1.1 204 No Content\r\n\r\n", b"204 No Content", id="204"),
        pytest.param(b"GET", b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", b"304 Not Modified", id="304"),
    ],
)
def test_answers_without_a_body_do_not_hang_and_leave_the_connection_usable(
    kit: Any, method: bytes, answer: bytes, head_has: bytes
) -> None:
    async def handler(reader: Any, writer: Any) -> None:
        while True:
            await kit.read_head(reader)
            writer.write(answer)

    async def scenario(world: Any) -> None:
        await world.serve(handler)
        reader, writer = await world.connect()
        for _ in range(3):
            writer.write(method + b" / HTTP/1.1\r\nhost: " + kit.HOST + b"\r\n\r\n")
            head = await kit.read_head(reader)
            assert head_has in head
            assert b"transfer-encoding" not in head
        writer.close()

    kit.run(scenario)


def test_an_answer_that_ends_with_the_connection_becomes_chunked(kit: Any) -> None:
    async def handler(reader: Any, writer: Any) -> None:
        await kit.read_head(reader)
        writer.write(b"HTTP/1.0 200 OK\r\n\r\nuntil the end")

    async def scenario(world: Any) -> None:
        await world.serve(handler)
        answer = await world.get()
        assert answer.endswith(b"\r\n\r\nd\r\nuntil the end\r\n0\r\n\r\n")
        old = await world.exchange(b"GET /_/default/hello/ HTTP/1.0\r\n\r\n")
        assert b"chunked" not in old
        assert old.endswith(b"connection: close\r\n\r\nuntil the end")

    kit.run(scenario)


def test_events_reach_the_client_as_they_are_written(kit: Any) -> None:
    proceed = asyncio.Event()

    async def handler(reader: Any, writer: Any) -> None:
        await kit.read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        writer.write(b"9\r\ndata: 1\n\n\r\n")
        await proceed.wait()
        writer.write(b"9\r\ndata: 2\n\n\r\n0\r\n\r\n")

    async def scenario(world: Any) -> None:
        await world.serve(handler)
        reader, writer = await world.connect()
        writer.write(kit.get())
        await kit.read_head(reader)
        assert await reader.readuntil(b"\n\n\r\n") == b"9\r\ndata: 1\n\n\r\n"
        proceed.set()
        assert await reader.readuntil(b"0\r\n\r\n") == b"9\r\ndata: 2\n\n\r\n0\r\n\r\n"
        writer.close()

    kit.run(scenario)


def test_an_early_answer_spares_the_rest_of_the_body_and_keeps_the_connection(kit: Any) -> None:
    async def handler(reader: Any, writer: Any) -> None:
        await kit.read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    async def scenario(world: Any) -> None:
        await world.serve(handler)
        reader, writer = await world.connect()
        writer.write(b"POST / HTTP/1.1\r\nhost: " + kit.HOST + b"\r\ncontent-length: 1000\r\n\r\n" + b"x" * 10)
        head = await kit.read_head(reader)
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert await reader.readexactly(2) == b"ok"
        writer.write(b"y" * 990 + kit.get(extra=b"connection: close\r\n"))
        assert (await reader.read(-1)).endswith(b"\r\n\r\nok")
        writer.close()

    kit.run(scenario)


MALFORMED = [
    pytest.param(b"GET / HTTP/1.1\r\n\r\n", 400, id="no host"),
    pytest.param(b"GET / HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n", 400, id="two hosts"),
    pytest.param(b"GET / HTTP/1.1\r\nhost: a b\r\n\r\n", 400, id="space in host"),
    pytest.param(b"GET / HTTP/1.1\r\nhost: a@b\r\n\r\n", 400, id="userinfo in host"),
    pytest.param(b"GET / HTTP/1.1\r\nhost: a/b\r\n\r\n", 400, id="path in host"),
    pytest.param(b"GET / HTTP/1.1\nhost: a\n\n", 400, id="bare LF"),
    pytest.param(b"GET / HTTP/1.1\r\nhost: a\r\nx: 1\n\r\n", 400, id="bare LF after a field"),
    pytest.param(b"GET / HTTP/1.1\r\nhost: a\r\nx: 1\r\n folded\r\n\r\n", 400, id="obs-fold"),
    pytest.param(b"GET / HTTP/1.1\r\nhost: a\r\nx : 1\r\n\r\n", 400, id="space before colon"),
    pytest.param(b"GET / HTTP/1.1\r\nhost: a\r\nx: a\0b\r\n\r\n", 400, id="NUL"),
    pytest.param(b"GET / HTTP/1.1\r\nhost: a\r\nx: a\rb\r\n\r\n", 400, id="bare CR"),
    pytest.param(
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\nx", 400, id="two lengths"
    ),
    pytest.param(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1, 1\r\n\r\nx", 400, id="list of lengths"),
    pytest.param(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: +1\r\n\r\nx", 400, id="signed length"),
    pytest.param(
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
        id="length and coding",
    ),
    pytest.param(
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-length: 1\r\n\r\n0\r\n\r\n",
        400,
        id="coding and length",
    ),
    pytest.param(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501, id="gzip"),
    pytest.param(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n", 501, id="xchunked"),
    pytest.param(b"POST / HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400, id="1.0 chunked"),
    pytest.param(b"GET / HTTP/1.1\r\nhost: a\r\nexpect: tea\r\n\r\n", 417, id="expectation"),
    pytest.param(b"CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n", 405, id="CONNECT"),
    pytest.param(b"GET /a#b HTTP/1.1\r\nhost: a\r\n\r\n", 400, id="fragment"),
    pytest.param(b"GET /\xe4 HTTP/1.1\r\nhost: a\r\n\r\n", 400, id="raw bytes in target"),
    pytest.param(b"GET / HTTP/2.0\r\nhost: a\r\n\r\n", 505, id="version 2.0"),
    pytest.param(b"GET /\r\n\r\n", 505, id="version 0.9"),
    pytest.param(b"GET / HTTP/1.2\r\nhost: a\r\n\r\n", 400, id="version 1.2"),
    pytest.param(b"NOPE / HTTP/1.1\r\nhost: a\r\n\r\n", 501, id="method"),
    pytest.param(b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nhost: a\r\n\r\n", 414, id="long target"),
    pytest.param(b"GET / HTTP/1.1\r\nhost: a\r\n" + b"x: 1\r\n" * 200 + b"\r\n", 431, id="many fields"),
    pytest.param(b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"a" * 70_000 + b"\r\n\r\n", 431, id="large field"),
    pytest.param(b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"a" * 200_000, 431, id="a field without end"),
    pytest.param(
        b"POST / HTTP/1.1\r\nhost: hello.default.localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
        b"content-length: 30\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n",
        400,
        id="an upgrade with a body",
    ),
    pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 501, id="TLS hello"),
]


@pytest.mark.parametrize(("request_bytes", "status"), MALFORMED)
def test_what_could_be_read_in_two_ways_is_refused_and_never_reaches_an_instance(
    kit: Any, request_bytes: bytes, status: int
) -> None:
    reached: list[bytes] = []

    async def handler(reader: Any, writer: Any) -> None:
        reached.append(await reader.read(100))

    async def scenario(world: Any) -> None:
        await world.serve(handler)
        answer = await world.exchange(request_bytes)
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        assert b"content-type: application/problem+json\r\n" in answer
        assert answer.count(b"HTTP/1.1 ") == 1
        assert reached == []

    kit.run(scenario)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"x\r\nabc\r\n0\r\n\r\n", id="not hexadecimal"),
        pytest.param(b"-3\r\nabc\r\n0\r\n\r\n", id="negative"),
        pytest.param(b"3 \r\nabc\r\n0\r\n\r\n", id="space after the size"),
        pytest.param(b"3\nabc\n0\n\n", id="bare LF"),
        pytest.param(b"FFFFFFFFFFFFFFFFF\r\nabc\r\n0\r\n\r\n", id="overflow"),
        pytest.param(b"3\r\nabcd\r\n0\r\n\r\n", id="longer than said"),
        pytest.param(b"3;" + b"e" * 900_000, id="extension without end"),
        pytest.param(b"0\r\nx: " + b"e" * 900_000, id="trailer without end"),
    ],
)
def test_a_malformed_chunk_ends_the_request_and_breaks_off_at_the_instance(kit: Any, body: bytes) -> None:
    broken_off: list[bool] = []

    async def handler(reader: Any, writer: Any) -> None:
        rest = await reader.read(-1)
        broken_off.append(not rest.endswith(b"0\r\n\r\n"))

    async def scenario(world: Any) -> None:
        await world.serve(handler)
        answer = await world.exchange(
            b"POST / HTTP/1.1\r\nhost: " + kit.HOST + b"\r\ntransfer-encoding: chunked\r\n\r\n", body
        )
        assert answer.startswith(b"HTTP/1.1 400 ")
        await world.until(lambda: all(broken_off))
        assert world.gateway.revisions[kit.REVISION].load.count == 0

    kit.run(scenario)


def test_an_upgrade_we_do_not_offer_is_ignored_and_its_body_read_as_a_body(kit: Any) -> None:
    seen: list[bytes] = []

    async def handler(reader: Any, writer: Any) -> None:
        while True:
            head = await kit.read_head(reader)
            seen.append(head.split(b"\r\n")[0])
            body = await reader.readexactly(26) if b"content-length" in head else b""
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))

    async def scenario(world: Any) -> None:
        await world.serve(handler)
        answer = await world.exchange(
            b"POST /a HTTP/1.1\r\nhost: " + kit.HOST + b"\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\n"
            b"http2-settings: x\r\ncontent-length: 26\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n",
            kit.get(b"/b", b"connection: close\r\n"),
        )
        assert seen == [b"POST /a HTTP/1.1", b"GET /b HTTP/1.1"]
        assert answer.count(b"HTTP/1.1 200 OK") == 2

    kit.run(scenario)


def test_an_instance_that_answers_nonsense_is_a_502_that_tells_nothing(kit: Any) -> None:
    async def handler(reader: Any, writer: Any) -> None:
        await kit.read_head(reader)
        writer.write(b"SSH-2.0-secret\r\n")

    async def scenario(world: Any) -> None:
        await world.serve(handler)
        answer = await world.get()
        assert answer.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
        assert b"secret" not in answer
        assert str(world.runtime_dir).encode() not in answer

    kit.run(scenario)


def test_an_absolute_target_replaces_the_host(kit: Any) -> None:
    async def scenario(world: Any) -> None:
        await world.serve(kit.answering())
        answer = await world.exchange(
            b"GET http://" + kit.HOST + b"/x HTTP/1.1\r\nhost: other\r\nconnection: close\r\n\r\n"
        )
        assert answer.endswith(b"\r\n\r\nok")

    kit.run(scenario)


def test_mangled_requests_never_upset_the_gateway(kit: Any) -> None:
    good = (
        b"POST /a HTTP/1.1\r\nhost: "
        + kit.HOST
        + b"\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx: y\r\n\r\n"
        b"GET /b HTTP/1.1\r\nhost: " + kit.HOST + b"\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
    )
    random = Random(7)

    async def handler(reader: Any, writer: Any) -> None:
        while await reader.read(65536):
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    async def scenario(world: Any) -> None:
        await world.serve(handler)
        for _ in range(300):
            mangled = bytearray(good)
            for _ in range(random.randrange(1, 4)):
                at = random.randrange(len(mangled))
                mangled[at : at + random.randrange(3)] = random.randbytes(random.randrange(3))
            cut = random.randrange(len(mangled))
            reader, writer = await world.connect()
            writer.write(mangled[:cut])
            await asyncio.sleep(0)
            writer.write(mangled[cut:])
            writer.write_eof()
            with contextlib.suppress(ConnectionError):
                await reader.read(-1)
            writer.close()
        await world.until(lambda: world.gateway.revisions[kit.REVISION].load.count == 0)
        assert (await world.get()).endswith(b"ok")

    kit.run(scenario)
