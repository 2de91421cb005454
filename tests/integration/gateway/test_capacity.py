"""Queues, picks, drains, retries and timeouts, through the whole gateway."""

from __future__ import annotations

import asyncio
from typing import Any

from faas.engine.contract.dataplane import ColdStart, EndpointEntry, Endpoints, Idle, Load, Poke, Split, Unreachable


def holding(kit: Any, arrived: asyncio.Queue[bytes], go: asyncio.Event) -> Any:
    """An instance that answers when the test says so."""

    async def handler(reader: Any, writer: Any) -> None:
        while True:
            arrived.put_nowait(await kit.read_head(reader))
            await go.wait()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    return handler


def test_a_request_waits_for_the_first_instance_and_the_engine_hears_of_it_at_once(kit: Any) -> None:
    async def scenario(world: Any) -> None:
        world.route()
        request = asyncio.create_task(world.get())
        assert await world.heard(lambda m: isinstance(m, Poke)) == Poke(kit.REVISION, 1)
        world.told.clear()
        assert await world.heard(lambda m: isinstance(m, Poke)) == Poke(kit.REVISION, 1)  # again, while it waits
        world.endpoints(await world.instance(kit.answering()))
        assert (await request).endswith(b"\r\n\r\nok")
        cold = await world.heard(lambda m: isinstance(m, ColdStart))
        assert isinstance(cold, ColdStart)
        assert cold.revision == kit.REVISION
        assert (
            'faas_gateway_cold_start_seconds_count{namespace="default",service="hello",revision="hello-00001"} 1'
            in (world.gateway.metrics_text())
        )

    kit.run(scenario)


def test_two_hundred_clients_at_once_from_zero_are_all_answered_within_the_concurrency_limit(kit: Any) -> None:
    now = most = 0

    async def handler(reader: Any, writer: Any) -> None:
        nonlocal now, most
        while True:
            await kit.read_head(reader)
            now += 1
            most = max(most, now)
            await asyncio.sleep(0)
            now -= 1
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    async def scenario(world: Any) -> None:
        world.route(container_concurrency=5)
        clients = [asyncio.create_task(world.get()) for _ in range(200)]
        await world.until(lambda: world.gateway.revisions[kit.REVISION].waiting == 200)
        world.endpoints(await world.instance(handler), await world.instance(handler))
        answers = await asyncio.gather(*clients)
        assert all(answer.endswith(b"\r\n\r\nok") for answer in answers)
        assert most <= 10

    kit.run(scenario)


def test_requests_that_wait_are_handed_over_in_order_of_arrival(kit: Any) -> None:
    order: list[bytes] = []

    async def handler(reader: Any, writer: Any) -> None:
        while True:
            order.append((await kit.read_head(reader)).split(b" ")[1])
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    async def scenario(world: Any) -> None:
        world.route(container_concurrency=1)
        revision = world.gateway.revisions[kit.REVISION]
        clients = []
        for number in range(12):
            clients.append(asyncio.create_task(world.get(b"/%d" % number)))
            await world.until(lambda number=number: revision.waiting == number + 1)
        world.endpoints(await world.instance(handler))
        await asyncio.gather(*clients)
        assert order == [b"/%d" % number for number in range(12)]

    kit.run(scenario)


def test_a_full_queue_is_503_with_retry_after(kit: Any) -> None:
    async def scenario(world: Any) -> None:
        world.route(queue_depth=1)
        first = asyncio.create_task(world.get())
        await world.until(lambda: world.gateway.revisions[kit.REVISION].waiting == 1)
        refused = await world.get()
        assert refused.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        assert b"retry-after: 1\r\n" in refused
        world.endpoints(await world.instance(kit.answering()))
        assert (await first).endswith(b"ok")

    kit.run(scenario)


def test_a_client_that_leaves_is_dequeued_at_once(kit: Any) -> None:
    async def scenario(world: Any) -> None:
        world.route()
        revision = world.gateway.revisions[kit.REVISION]
        _, writer = await world.connect()
        writer.write(kit.get())
        await world.until(lambda: revision.waiting == 1)
        writer.close()
        await world.until(lambda: revision.waiting == 0 and revision.load.count == 0)

    kit.run(scenario)


def test_a_client_that_leaves_breaks_off_at_the_instance(kit: Any) -> None:
    left = asyncio.Event()
    arrived = asyncio.Event()

    async def handler(reader: Any, writer: Any) -> None:
        await kit.read_head(reader)
        arrived.set()
        assert await reader.read() == b""
        left.set()

    async def scenario(world: Any) -> None:
        await world.serve(handler)
        _, writer = await world.connect()
        writer.write(kit.get())
        await arrived.wait()
        writer.close()
        await left.wait()

    kit.run(scenario)


def test_timeouts_are_504_before_the_answer_and_a_cut_after_it_began(kit: Any) -> None:
    async def silent(reader: Any, writer: Any) -> None:
        await reader.read(-1)

    async def stalling(reader: Any, writer: Any) -> None:
        await kit.read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")
        await reader.read(-1)

    async def scenario(world: Any) -> None:
        await world.serve(silent, timeout_s=0.1)
        executing = await world.get()
        assert executing.startswith(b"HTTP/1.1 504 Gateway Timeout\r\n")
        assert b'"detail":"request timeout"' in executing
        await world.serve(silent, response_start_timeout_s=0.1)
        assert (await world.get()).startswith(b"HTTP/1.1 504 ")
        await world.serve(silent, idle_timeout_s=0.1)
        assert (await world.get()).startswith(b"HTTP/1.1 504 ")
        world.route(timeout_s=0.1)
        world.endpoints()
        waiting = await world.get()
        assert b'"detail":"activator request timeout"' in waiting
        await world.serve(stalling, idle_timeout_s=0.1)
        reader, writer = await world.connect()
        writer.write(kit.get())
        cut = b""
        try:
            while data := await reader.read(100):
                cut += data
        except ConnectionResetError:
            pass
        assert cut.endswith(b"\r\n\r\nhalf")
        writer.close()
        assert world.gateway.revisions[kit.REVISION].load.count == 0

    kit.run(scenario)


def test_a_draining_endpoint_gets_nothing_new_and_is_reported_idle_when_it_is_empty(kit: Any) -> None:
    arrived: asyncio.Queue[bytes] = asyncio.Queue()
    go = asyncio.Event()

    async def scenario(world: Any) -> None:
        old = await world.serve(holding(kit, arrived, go))
        running = asyncio.create_task(world.get())
        await arrived.get()
        new = await world.instance(kit.answering(b"new"))
        world.endpoints(old, new, draining=(old,))
        assert not [m for m in world.told if isinstance(m, Idle)]
        assert (await world.get()).endswith(b"new")
        go.set()
        assert (await running).endswith(b"ok")
        assert await world.heard(lambda m: isinstance(m, Idle)) == Idle(kit.REVISION, "i1")
        world.told.clear()
        world.endpoints(old, new, draining=(old,))
        assert await world.heard(lambda m: isinstance(m, Idle)) == Idle(kit.REVISION, "i1")

    kit.run(scenario)


def test_an_endpoint_nobody_listens_on_is_reported_and_the_request_goes_elsewhere(kit: Any) -> None:
    async def scenario(world: Any) -> None:
        world.route()
        gone = f"unix:{world.runtime_dir}/i9.sock"
        world.endpoints(gone)
        request = asyncio.create_task(world.get())
        report = await world.heard(lambda m: isinstance(m, Unreachable))
        assert isinstance(report, Unreachable)
        assert (report.revision, report.endpoint) == (kit.REVISION, "i9")
        world.endpoints(gone, await world.instance(kit.answering()))
        assert (await request).endswith(b"ok")

    kit.run(scenario)


def test_a_request_in_the_backlog_of_an_instance_that_dies_is_given_to_another_one(kit: Any) -> None:
    import socket

    async def scenario(world: Any) -> None:
        world.route()
        dying = socket.socket(socket.AF_UNIX)
        path = world.runtime_dir / "i8.sock"
        dying.bind(str(path))
        dying.listen(5)
        world.endpoints(f"unix:{path}")
        reader, writer = await world.connect()
        writer.write(b"POST / HTTP/1.1\r\nhost: " + kit.HOST + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await world.until(lambda: world.gateway.revisions[kit.REVISION].load.count == 1)
        world.endpoints(f"unix:{path}", await world.instance(kit.answering()))
        dying.close()
        assert (await reader.read(-1)).endswith(b"ok")
        writer.close()

    kit.run(scenario)


def test_an_instance_that_dies_while_executing_fails_a_post_and_repeats_a_get(kit: Any) -> None:
    async def dying(reader: Any, writer: Any) -> None:
        await kit.read_head(reader)

    async def scenario(world: Any) -> None:
        await world.serve(dying)
        answer = await world.exchange(
            b"POST / HTTP/1.1\r\nhost: " + kit.HOST + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        )
        assert answer.startswith(b"HTTP/1.1 502 ")
        assert (await world.get()).startswith(b"HTTP/1.1 502 ")  # two attempts, none answered

        calls = 0

        async def once(reader: Any, writer: Any) -> None:
            nonlocal calls
            await kit.read_head(reader)
            calls += 1
            if calls > 1:
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

        await world.serve(once)
        assert (await world.get()).endswith(b"ok")
        assert calls == 2

    kit.run(scenario)


def test_an_idle_connection_that_the_instance_has_closed_is_not_used_again(kit: Any) -> None:
    async def handler(reader: Any, writer: Any) -> None:
        await kit.read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")  # promises keep-alive and closes

    async def scenario(world: Any) -> None:
        await world.serve(handler)
        reader, writer = await world.connect()
        for _ in range(20):
            writer.write(b"POST / HTTP/1.1\r\nhost: " + kit.HOST + b"\r\ncontent-length: 0\r\n\r\n")
            assert (await kit.read_head(reader)).startswith(b"HTTP/1.1 200 OK\r\n")
            assert await reader.readexactly(2) == b"ok"
            await asyncio.sleep(0)
        writer.close()

    kit.run(scenario)


def test_traffic_is_split_between_revisions(kit: Any) -> None:
    async def scenario(world: Any) -> None:
        world.route(splits=(Split("default/a", 50), Split("default/b", 50)))
        for name in ("a", "b"):
            address = await world.instance(kit.answering(name.encode()))
            world.endpoints(address, revision=f"default/{name}")
        answers = [(await world.get())[-1:] for _ in range(60)]
        assert set(answers) == {b"a", b"b"}

    kit.run(scenario)


def test_a_service_without_an_assigned_revision_is_503(kit: Any) -> None:
    async def scenario(world: Any) -> None:
        world.route(splits=())
        assert (await world.get()).startswith(b"HTTP/1.1 503 ")

    kit.run(scenario)


def test_load_is_reported_with_what_waits_and_what_executes(kit: Any) -> None:
    async def scenario(world: Any) -> None:
        world.route()
        request = asyncio.create_task(world.get())
        await world.until(lambda: world.gateway.revisions[kit.REVISION].waiting == 1)
        world.gateway.tick()
        load = next(m for m in world.told if isinstance(m, Load))
        (sample,) = load.samples
        assert (sample.revision, sample.in_flight, sample.waiting) == (kit.REVISION, 1, 1)
        assert 0 < sample.concurrency <= 1
        world.endpoints(await world.instance(kit.answering()))
        await request

    kit.run(scenario)


def test_endpoints_may_come_before_the_table_that_names_their_revision(kit: Any) -> None:
    async def scenario(world: Any) -> None:
        address = await world.instance(kit.answering())
        world.gateway.update_endpoints(Endpoints(kit.REVISION, (EndpointEntry("i1", address),)))
        world.route()
        assert (await world.get()).endswith(b"ok")

    kit.run(scenario)


def test_slow_heads_stalled_bodies_and_idle_connections_are_ended(kit: Any) -> None:
    async def scenario(world: Any) -> None:
        await world.serve(kit.answering())
        slow_head = await world.exchange(b"GET / HTTP/1.1\r\nhost: a\r\n")
        assert slow_head.startswith(b"HTTP/1.1 408 ")
        assert await world.exchange(b"") == b""
        idle = await world.exchange(kit.get())
        assert idle.endswith(b"ok")
        stalled = await world.exchange(b"POST / HTTP/1.1\r\nhost: " + kit.HOST + b"\r\ncontent-length: 5\r\n\r\nab")
        assert stalled.startswith((b"HTTP/1.1 408 ", b"HTTP/1.1 200 "))

    kit.run(scenario, head_timeout_s=0.1, keep_alive_s=0.1, body_timeout_s=0.1, linger_s=0.1)


def test_a_dribbled_head_does_not_extend_its_time(kit: Any) -> None:
    async def scenario(world: Any) -> None:
        world.route()
        reader, writer = await world.connect()
        answer = asyncio.create_task(reader.read(-1))
        writer.write(b"GET / HTTP/1.1\r\n")
        async with asyncio.timeout(10):
            while not answer.done():
                writer.write(b"x: 1\r\n")
                await asyncio.wait([answer], timeout=0.03)
        assert answer.result().startswith(b"HTTP/1.1 408 ")
        writer.close()

    kit.run(scenario, head_timeout_s=0.2)


def test_connections_beyond_the_limit_are_told_so(kit: Any) -> None:
    async def scenario(world: Any) -> None:
        world.route()
        _, first = await world.connect()
        first.write(b"G")
        await world.until(lambda: "faas_gateway_open_connections 1" in world.gateway.metrics_text())
        assert (await world.exchange(b"")).startswith(b"HTTP/1.1 503 ")
        first.close()

    kit.run(scenario, client_connections=1)
