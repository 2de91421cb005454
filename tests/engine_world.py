"""The engine's control part in one place for tests: API, controllers, autoscaler, and instances that obey at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faas.client.protocol import Object
from faas.engine.api.objects.backend import Backend
from faas.engine.api.objects.bootstrap import bootstrap
from faas.engine.api.objects.collector import Collector
from faas.engine.autoscaler import Autoscaler
from faas.engine.contract.board import Board
from faas.engine.contract.clock import Clock, SystemClock
from faas.engine.contract.dataplane import Split
from faas.engine.contract.revision import FleetStatus, InstanceFailure, RevisionKey, ScaleDecision
from faas.engine.contract.settings import EngineSettings, Listeners
from faas.engine.controllers import Controllers
from faas.engine.store import MemoryStore
from faas.resources.kinds import CONFIG_MAP, REVISION, ROUTE, SERVICE, Kind

DEADLINE_S = 20.0  # generous: a loaded machine must not fail a test
SETTINGS = EngineSettings(
    state_dir=Path("/nonexistent"), runtime_dir=Path("/nonexistent"), listeners=Listeners(-1, -1, -1, -1)
)


class Fleet:
    """Instances that are ready the moment they are wanted, unless their image is said to be broken."""

    def __init__(self, board: Board, ready: dict[RevisionKey, int] | None = None) -> None:
        self.board = board
        self.broken: dict[str, InstanceFailure] = {}  # by image
        self.held: set[str] = set()  # images whose instances stay in starting
        self.ready = {} if ready is None else ready
        board.decisions.listen(self._on_decision)

    def release(self, image: str) -> None:
        self.held.discard(image)
        self.broken.pop(image, None)
        for key, decision in self.board.decisions.items():
            self._on_decision(key, decision)

    def _on_decision(self, key: RevisionKey, decision: ScaleDecision | None) -> None:
        plan = self.board.plans.get(key)
        if decision is None or plan is None:
            self.ready.pop(key, None)
            self.board.fleets.delete(key)
            return
        count = self.ready.get(key, 0) if decision.desired < 0 else decision.desired
        if plan.container.image in self.broken:
            status = FleetStatus(failure=self.broken[plan.container.image])
        elif plan.container.image in self.held:
            status = FleetStatus(starting=count)
        else:
            self.ready[key] = count
            status = FleetStatus(ready=count, image_digests=(f"sha256:{plan.container.image}",))
        asyncio.get_running_loop().call_soon(self.board.fleets.put, key, status)


@dataclass
class World:
    client: Backend
    board: Board
    fleet: Fleet
    autoscaler: Autoscaler
    controllers: Controllers
    seen: dict[str, int] = field(default_factory=dict)

    async def apply(self, name: str, image: str = "v1", **changes: Any) -> Object:
        """Apply a Service; keywords: `template` (metadata of the Revision), `traffic`, `labels`, `annotations`."""
        service = make_service(name, image, **changes)
        return await self.client.patch(SERVICE, name, service, "default", type="apply", force=True)

    async def until(self, kind: Kind, name: str, wanted: Callable[[Object], bool]) -> Object:
        """The object, as soon as it is as wanted."""
        last: Object = {}
        try:
            async with asyncio.timeout(DEADLINE_S):
                async for event in self.client.watch(kind, "default", field_selector=f"metadata.name={name}"):
                    last = event.object
                    if event.type in ("ADDED", "MODIFIED") and wanted(last):
                        return last
        except TimeoutError:
            raise AssertionError(f"{kind.kind} {name} did not get there; last seen: {last}") from None
        raise AssertionError(f"the watch of {kind.kind} {name} ended")

    async def until_gone(self, kind: Kind, name: str) -> None:
        listed = await self.client.list(kind, "default", field_selector=f"metadata.name={name}")
        if not listed.items:
            return
        version = listed.resource_version
        async with asyncio.timeout(DEADLINE_S):
            async for event in self.client.watch(kind, "default", resource_version=version):
                if event.type == "DELETED" and event.object["metadata"]["name"] == name:
                    return

    async def service_ready(self, name: str, revision: str) -> Object:
        return await self.until(
            SERVICE,
            name,
            lambda service: (
                is_ready(service) and observed(service) and service["status"].get("latestReadyRevisionName") == revision
            ),
        )

    async def configure(self, name: str, **data: str) -> None:
        """Set keys of one of Knative's config maps; _ stands for -."""
        patch = {"data": {key.replace("_", "-"): value for key, value in data.items()}}
        await self.client.patch(CONFIG_MAP, name, patch, "knative-serving")

    async def routing_state(self, revision: str, state: str) -> Object:
        return await self.until(
            REVISION,
            revision,
            lambda raw: raw["metadata"]["labels"].get("serving.knative.dev/routingState") == state,
        )

    async def route_splits(self, name: str, **percents: int) -> None:
        """Wait until the gateway would split so; keywords are Revisions' names with _ for -."""
        wanted = {f"default/{revision.replace('_', '-')}": percent for revision, percent in percents.items()}
        async with asyncio.timeout(DEADLINE_S):
            async for _ in self.board.targets.changes():
                target = self.board.targets.get(f"default/{name}")
                if target is not None and splits_of(target.splits) == wanted:
                    return

    async def status_of(self, kind: Kind, name: str) -> Object:
        status: Object = (await self.client.get(kind, name, "default")).get("status", {})
        return status


def splits_of(splits: tuple[Split, ...]) -> dict[str, int]:
    return {split.revision: split.percent for split in splits}


def is_ready(raw: Object) -> bool:
    return condition(raw, "Ready").get("status") == "True"


def observed(raw: Object) -> bool:
    return bool(raw["status"].get("observedGeneration") == raw["metadata"]["generation"])


def condition(raw: Object, type: str) -> Object:
    conditions = (raw.get("status") or {}).get("conditions", ())
    return next((entry for entry in conditions if entry["type"] == type), {})


def make_service(
    name: str,
    image: str = "v1",
    *,
    template: dict[str, Any] | None = None,
    traffic: list[dict[str, Any]] | None = None,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    spec: dict[str, Any] | None = None,
) -> Object:
    container = {"image": image}
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default", "labels": labels or {}, "annotations": annotations or {}},
        "spec": {
            "template": {"metadata": template or {}, "spec": {"containers": [container], **(spec or {})}},
            **({"traffic": traffic} if traffic is not None else {}),
        },
    }


@asynccontextmanager
async def engine_world(
    client: Backend | None = None,
    *,
    clock: Clock | None = None,
    ready: dict[RevisionKey, int] | None = None,
    settings: EngineSettings = SETTINGS,
) -> AsyncIterator[World]:
    """Start over an API, a new one in memory unless one is given (then it is a restart)."""
    clock = clock or SystemClock()
    if client is None:
        client = Backend(MemoryStore(), clock=clock.utc)
    await bootstrap(client)
    board = Board()
    fleet = Fleet(board, ready)
    collecting = asyncio.create_task(Collector(client).run())
    async with Autoscaler(board, clock) as autoscaler, Controllers(client, board, settings, clock) as controllers:
        yield World(client, board, fleet, autoscaler, controllers)
    collecting.cancel()
    await asyncio.wait({collecting})


__all__ = ["REVISION", "ROUTE", "SERVICE", "World", "engine_world"]


def in_world(test: Callable[[World], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Run the test in a world of its own."""

    def run() -> None:
        async def body() -> None:
            async with engine_world() as world:
                await test(world)

        asyncio.run(body())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run
