"""Long and large: WebSocket, uploads, downloads, and memory that stays flat."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import psutil
import websockets
from websockets.asyncio.server import unix_serve


def test_a_websocket_is_one_request_in_flight_until_it_closes(kit: Any) -> None:
    async def scenario(world: Any) -> None:
        async def echo(connection: Any) -> None:
            async for message in connection:
                await connection.send(message)

        path = world.runtime_dir / "i7.sock"
        async with unix_serve(echo, str(path)):
            world.route(timeout_s=0.2)  # is for answers: a tunnel has begun
            world.endpoints(f"unix:{path}")
            revision = world.gateway.revisions[kit.REVISION]
            url = f"ws://127.0.0.1:{world.address[1]}/_/default/hello/ws"
            async with websockets.connect(url, proxy=None) as client:
                for size in (1, 1000, 300_000):
                    await client.send(b"x" * size)
                    assert await client.recv() == b"x" * size
                assert revision.load.count == 1
                await world.until(lambda: world.gateway.revisions[kit.REVISION].load.count == 1)
            await world.until(lambda: revision.load.count == 0)

    kit.run(scenario)


def test_a_declined_upgrade_is_an_ordinary_answer(kit: Any) -> None:
    async def scenario(world: Any) -> None:
        await world.serve(kit.answering())
        upgrade = b"connection: upgrade\r\nupgrade: websocket\r\n"
        answer = await world.exchange(kit.get(extra=upgrade), kit.get(extra=b"connection: close\r\n"))
        assert answer.count(b"HTTP/1.1 200 OK\r\n") == 2
        assert answer.endswith(b"ok")

    kit.run(scenario)


def test_large_bodies_pass_both_ways_with_flat_memory_even_when_one_side_is_slow(kit: Any) -> None:
    piece = bytes(range(256)) * 1024  # 256 KiB
    count = 800  # 200 MiB
    digest = hashlib.sha256()
    received: list[str] = []

    async def handler(reader: Any, writer: Any) -> None:
        await kit.read_head(reader)
        seen = hashlib.sha256()
        left = len(piece) * count
        while left:
            data = await reader.read(min(left, 65536))
            left -= len(data)
            seen.update(data)
        received.append(seen.hexdigest())
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (len(piece) * count))
        for _ in range(count):
            writer.write(piece)
            await writer.drain()

    async def scenario(world: Any) -> None:
        await world.serve(handler)
        process = psutil.Process()
        reader, writer = await world.connect()
        before = process.memory_info().rss
        most = 0
        writer.write(b"POST / HTTP/1.1\r\nhost: " + kit.HOST + b"\r\ncontent-length: %d\r\n\r\n" % (len(piece) * count))
        for _ in range(count):
            writer.write(piece)
            digest.update(piece)
            await writer.drain()
            most = max(most, process.memory_info().rss - before)
        await kit.read_head(reader)
        answered = hashlib.sha256()
        left = len(piece) * count
        while left:
            data = await reader.read(min(left, 65536))
            left -= len(data)
            answered.update(data)
            most = max(most, process.memory_info().rss - before)
        writer.close()
        assert received == [digest.hexdigest()]
        assert answered.hexdigest() == digest.hexdigest()
        assert most < 40 * 1024 * 1024

    kit.run(scenario)


def test_a_reader_that_stops_holds_back_its_instance_and_not_the_gateway(kit: Any) -> None:
    written = 0

    async def handler(reader: Any, writer: Any) -> None:
        nonlocal written
        await kit.read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        while True:
            writer.write(piece)
            await writer.drain()
            written += 65536

    async def scenario(world: Any) -> None:
        await world.serve(handler)
        _, writer = await world.connect()
        writer.transport.pause_reading()
        writer.write(kit.get())
        last = -1
        while last != written or not written:
            last = written
            await asyncio.sleep(0.2)  # nothing more is written for this long: it is held back
        assert written < 64 * 1024 * 1024
        writer.close()
        await world.until(lambda: world.gateway.revisions[kit.REVISION].load.count == 0)

    kit.run(scenario)


def test_an_upload_that_waits_for_an_instance_is_held_back_and_then_passed_on_whole(kit: Any) -> None:
    body = b"y" * 5_000_000

    async def handler(reader: Any, writer: Any) -> None:
        await kit.read_head(reader)
        received = await reader.readexactly(len(body))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n" + (b"ok" if received == body else b"no"))

    async def scenario(world: Any) -> None:
        world.route()
        request = asyncio.create_task(
            world.exchange(
                b"POST / HTTP/1.1\r\nhost: " + kit.HOST + b"\r\nconnection: close\r\n"
                b"content-length: %d\r\n\r\n" % len(body),
                body,
            )
        )
        await world.until(lambda: world.gateway.revisions[kit.REVISION].waiting == 1)
        world.endpoints(await world.instance(handler))
        assert (await request).endswith(b"\r\n\r\nok")

    kit.run(scenario)
