"""What a deploy reads of a cluster before it writes anything."""

from __future__ import annotations

import asyncio

from faas.deploy.preflight.surroundings import broker_addresses
from faas.engine.api.objects.backend import Backend
from faas.engine.api.objects.bootstrap import bootstrap
from faas.engine.store import MemoryStore
from faas.resources.kinds import BROKER


def test_brokers_that_are_there_say_where_they_take_events() -> None:
    async def told() -> dict[str, str]:
        api = Backend(MemoryStore())
        await bootstrap(api)
        for name, url in (("default", "https://ingress.example.org/default"), ("new", "")):
            metadata = {"name": name, "namespace": "default"}
            made = await api.create(BROKER, {"apiVersion": BROKER.api_version, "kind": "Broker", "metadata": metadata})
            if url:
                await api.update(BROKER, {**made, "status": {"address": {"url": url}}}, subresource="status")
        return await broker_addresses(api, "default")

    assert asyncio.run(told()) == {"default": "https://ingress.example.org/default"}
