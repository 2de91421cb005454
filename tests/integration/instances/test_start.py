from __future__ import annotations

import asyncio
from typing import Any

HELLO = """
    async def answer(path):
        return 200, b"hello"
"""


def test_a_decision_for_one_starts_an_instance_that_answers(world: Any) -> None:
    plan = world.function(HELLO)

    async def main() -> None:
        async with world.engine() as instances:
            world.board.plans.put(plan.key, plan)
            world.scale(plan, 1)
            (endpoint,) = await world.ready(plan)
            assert await world.ask(endpoint) == (200, b"hello")
            await instances.stop_all(10)

    asyncio.run(main())
