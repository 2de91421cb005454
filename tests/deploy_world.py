"""A cluster whose Revisions are ready the moment they are wanted: API server, controllers, rights, no instances.

`obedient_cluster(folder)` runs one; its `cluster` scripts rights and faults (tests/cluster_world.py),
its `fleet` says which images are broken.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faas.client.http.client import HttpClient
from faas.client.kubeconfigs.loading import load
from faas.client.protocol import Object
from faas.client.transport.retry import RetryPolicy
from faas.engine.api.objects.backend import Backend
from faas.engine.api.server import ApiServer
from faas.engine.contract.settings import EngineSettings, Listeners
from faas.engine.store import MemoryStore
from tests.cluster_world import ClusterWorld, dressed
from tests.engine_world import Fleet, World, engine_world
from tests.serving import on_a_loop


@dataclass
class Obedient:
    cluster: ClusterWorld
    world: World
    loop: asyncio.AbstractEventLoop

    @property
    def fleet(self) -> Fleet:
        return self.world.fleet

    def call(self, work: Callable[[World], Coroutine[Any, Any, Any]]) -> Any:
        """Run something beside the door: nothing of it is recorded."""
        return asyncio.run_coroutine_threadsafe(work(self.world), self.loop).result(30)

    def as_user(self, user: str, work: Callable[[HttpClient], Coroutine[Any, Any, Any]]) -> Any:
        """Run something through the door, with patience for what a test breaks but not for long."""

        async def session() -> Any:
            retry = RetryPolicy(attempts=6, first_s=0.01, most_s=0.05)
            async with HttpClient(load(self.cluster.kubeconfig(user), user), retry=retry) as client:
                return await work(client)

        return asyncio.run(session())


@contextmanager
def obedient_cluster(folder: Path) -> Iterator[Obedient]:
    @asynccontextmanager
    async def served() -> AsyncIterator[World]:
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        listeners = Listeners(-1, -1, -1, listener.detach())
        settings = EngineSettings(state_dir=folder, runtime_dir=folder, listeners=listeners, api_port=port)
        backend = Backend(MemoryStore())
        async with engine_world(backend) as world, ApiServer(settings, backend, status=lambda: {"functions": 0}):
            yield world

    with on_a_loop(served) as (world, loop):
        door = folder / "door"
        door.mkdir()
        with dressed(folder / "kubeconfig", door) as cluster:
            yield Obedient(cluster, world, loop)


def service(name: str, image: str, namespace: str = "team", *, project: str = "shop", **template: Any) -> Object:
    labels = {"faas.dev/project": project}
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"template": {"spec": {"containerConcurrency": 20, "containers": [{"image": image}], **template}}},
    }
