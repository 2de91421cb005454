"""How a fleet comes to its images: credentials, failures, another try."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from faas.client.errors import NotFound
from faas.engine.contract.board import Board
from faas.engine.contract.revision import ContainerPlan, RevisionKey, RevisionPlan
from faas.engine.contract.settings import EngineSettings, Listeners
from faas.engine.instances.container import Means
from faas.engine.instances.driver import Image, ImageUnavailable
from faas.engine.instances.fleet import Fleet
from faas.engine.instances.logs import LogStore
from faas.engine.instances.provisioning.mounts import MountedFiles
from faas.engine.instances.provisioning.provider import Provider
from tests.virtual_clock import VirtualClock

KEY = RevisionKey("default", "hello-00001")
PLAN = RevisionPlan(KEY, "", "hello", "hello", ContainerPlan("go/hello"), pull_secrets=("new", "old", "gone"))
IMAGE = Image("sha256:0", (), None, in_container=True)
SECRETS = {"new": {".dockerconfigjson": "eyJhdXRocyI6IHt9fQ=="}, "old": {".dockercfg": "e30="}}


class Registry:
    """In place of the drivers: refuses as often as a test says."""

    def __init__(self, *failures: ImageUnavailable) -> None:
        self.failures = list(failures)
        self.asked: list[tuple[str, ...]] = []
        self.was_asked, self.resume = asyncio.Event(), asyncio.Event()
        self.resume.set()

    async def resolve(self, plan: RevisionPlan, credentials: tuple[str, ...]) -> tuple[Image, ...]:
        self.asked.append(credentials)
        self.was_asked.set()
        await self.resume.wait()
        if self.failures:
            raise self.failures.pop(0)
        return (IMAGE,)

    def cool(self, key: RevisionKey) -> None: ...

    def forget(self, key: RevisionKey) -> None: ...

    def notes(self, key: RevisionKey) -> tuple[tuple[str, str], ...]:
        return ()


class Secrets:
    async def get(self, kind: Any, name: str, namespace: str) -> dict[str, Any]:
        if name not in SECRETS:
            raise NotFound(name)
        return {"kind": "Secret", "data": SECRETS[name]}


def play(tmp_path: Path, registry: Registry, scenario: Callable[[Fleet, Board], Awaitable[None]]) -> None:
    async def main() -> None:
        board, client, pods = Board(), Secrets(), object()
        settings = EngineSettings(tmp_path, tmp_path, Listeners(-1, -1, -1, -1))
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            provider = Provider(settings, client, MountedFiles(tmp_path))  # type: ignore[arg-type]
            means = Means(registry, LogStore(tmp_path), VirtualClock(), group.create_task, provider)  # type: ignore[arg-type]
            fleet = Fleet(PLAN, board, means, pods)  # type: ignore[arg-type]
            fleet.is_planned = True
            await scenario(fleet, board)
            fleet.close()

    asyncio.run(main())


async def known(board: Board, *, image: bool = False) -> None:
    """Until the fleet says which image it has, or (without `image`) that it has none."""
    heard = asyncio.Event()

    def look(*_: object) -> None:
        status = board.fleets.get(KEY)
        if status is not None and (status.image_digests or (status.failure and not image)):
            heard.set()

    stop = board.fleets.listen(look)
    look()
    await heard.wait()
    stop()


def test_its_pull_secrets_go_with_the_request_and_one_that_is_gone_does_not_matter(tmp_path: Path) -> None:
    async def scenario(fleet: Fleet, board: Board) -> None:
        fleet.resolve(anew=True)
        await known(board)
        assert board.fleets[KEY].image_digests == ("go/hello@sha256:0",)

    registry = Registry()
    play(tmp_path, registry, scenario)
    assert registry.asked == [('{"auths": {}}', '{"auths": {}}')]


def test_a_registry_that_was_down_is_asked_again(tmp_path: Path) -> None:
    async def scenario(fleet: Fleet, board: Board) -> None:
        fleet.resolve(anew=True)
        await known(board, image=True)
        assert board.fleets[KEY].failure is None

    registry = Registry(ImageUnavailable("the registry is down", retry_after_s=0.0))
    play(tmp_path, registry, scenario)
    assert len(registry.asked) == 2


def test_what_cannot_help_is_not_tried_again_until_there_is_another_plan(tmp_path: Path) -> None:
    async def scenario(fleet: Fleet, board: Board) -> None:
        fleet.resolve(anew=True)
        await known(board)
        failure = board.fleets[KEY].failure
        assert failure is not None
        assert (failure.reason, failure.message) == ("ContainerMissing", "no such image")
        fleet.resolve(anew=False)
        await known(board, image=True)

    registry = Registry(ImageUnavailable("no such image"))
    play(tmp_path, registry, scenario)
    assert len(registry.asked) == 2


def test_the_same_plan_again_leaves_a_pull_alone(tmp_path: Path) -> None:
    async def scenario(fleet: Fleet, board: Board) -> None:
        registry.resume.clear()
        fleet.resolve(anew=True)
        await registry.was_asked.wait()
        fleet.resolve(anew=False)
        registry.resume.set()
        await known(board)

    registry = Registry()
    play(tmp_path, registry, scenario)
    assert len(registry.asked) == 1
