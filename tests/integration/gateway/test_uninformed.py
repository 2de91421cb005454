"""A gateway that nobody has told yet what is served: it answers when it knows, and nobody is turned away meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any


def test_who_asks_before_the_gateway_knows_anything_waits_for_the_answer(kit: Any) -> None:
    async def scenario(world: Any) -> None:
        asking = asyncio.create_task(world.get())
        for _ in range(200):  # a gateway that accepted by now would have answered
            await asyncio.sleep(0)
        assert not asking.done()

        await world.serve(kit.answering(b"hello"))

        assert (await asking).endswith(b"hello")

    kit.run(scenario)


def test_a_gateway_that_is_told_of_no_functions_says_so(kit: Any) -> None:
    async def scenario(world: Any) -> None:
        world.route(splits=())
        assert (await world.exchange(kit.get(b"/", b"connection: close\r\n", b"other"))).startswith(b"HTTP/1.1 404 ")

    kit.run(scenario)


def test_a_gateway_that_never_knew_anything_can_be_ended(kit: Any) -> None:
    async def scenario(world: Any) -> None:
        _, writer = await world.connect()
        writer.close()

    kit.run(scenario)
