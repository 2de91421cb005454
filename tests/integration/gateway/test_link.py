"""The engine's end of the control socket against a real gateway, and against one that comes and goes."""

from __future__ import annotations

import asyncio
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from faas.engine.contract.board import Board
from faas.engine.contract.dataplane import LoadSample, RevisionPolicy, Split, Target
from faas.engine.contract.revision import Endpoint, RevisionKey
from faas.engine.gateway.link import GatewayLink

KEY = RevisionKey("default", "hello-00001")


def route(board: Board) -> None:
    board.policies.put(KEY, RevisionPolicy(str(KEY), "default", "hello", "hello"))
    board.targets.put("default/hello", Target("default", "hello", "hello", "", (Split(str(KEY), 100),), public=True))
    board.hosts.put("hello.default.localhost", "default/hello")


def test_facts_flow_both_ways_and_a_poke_is_answered_with_endpoints(kit: Any) -> None:
    async def scenario(world: Any) -> None:
        board = Board()
        link = GatewayLink(board, world.runtime_dir / "control.sock")
        address = await world.instance(kit.answering())
        pokes: list[tuple[RevisionKey, int]] = []
        colds: list[RevisionKey] = []
        samples: list[LoadSample] = []
        idle: asyncio.Queue[tuple[RevisionKey, str]] = asyncio.Queue()

        def poked(key: RevisionKey, waiting: int) -> None:
            pokes.append((key, waiting))
            board.endpoints.put(key, (Endpoint("p1", address),))

        board.signals.poke.append(poked)
        board.signals.load.append(samples.extend)
        board.signals.idle.append(lambda key, endpoint: idle.put_nowait((key, endpoint)))
        link.cold_starts.append(lambda key, seconds: colds.append(key))
        running = asyncio.create_task(link.run())
        link.settle()
        route(board)
        await world.until(lambda: str(KEY) in world.gateway.revisions)
        assert (await world.get()).endswith(b"ok")
        assert pokes[0] == (KEY, 1)
        await world.until(lambda: colds == [KEY])
        await world.until(lambda: bool(samples))
        assert samples[0].revision == str(KEY)
        board.endpoints.put(KEY, (Endpoint("p1", address, draining=True),))
        assert await idle.get() == (KEY, "p1")
        text = await link.scrape()
        families = {family.name for family in text_string_to_metric_families(text)}
        assert {"faas_gateway_requests", "faas_gateway_request_seconds", "faas_gateway_queue_depth"} <= families
        running.cancel()
        await asyncio.wait([running])

    kit.run_controlled(scenario)


def test_a_new_engine_tells_everything_again(kit: Any) -> None:
    async def scenario(world: Any) -> None:
        for name in ("a", "b"):
            board = Board()
            route(board)
            board.endpoints.put(KEY, (Endpoint(name, await world.instance(kit.answering(name.encode()))),))
            link = GatewayLink(board, world.runtime_dir / "control.sock")
            running = asyncio.create_task(link.run())
            link.settle()
            await world.until(
                lambda name=name: (
                    str(KEY) in world.gateway.revisions and name in world.gateway.revisions[str(KEY)].backends
                )
            )
            assert (await world.get()).endswith(name.encode())
            running.cancel()
            await asyncio.wait([running])

    kit.run_controlled(scenario)
