"""Which driver runs an image, and when the one for containers comes into being."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from faas.engine.contract.revision import ContainerPlan, RevisionKey, RevisionPlan
from faas.engine.instances.driver import AdoptedRun, Image, ImageUnavailable, Pull
from faas.engine.instances.drivers import Drivers

KEY = RevisionKey("default", "hello-00001")
PLAN = RevisionPlan(KEY, "uid", "hello", "hello", ContainerPlan("process/hello"))
FOREIGN = replace(PLAN, container=ContainerPlan("go/hello", pull_policy="Always"))


class Fake:
    """A driver that remembers what it was asked for."""

    changed: Callable[[RevisionKey], None]

    def __init__(self, *, in_container: bool = False) -> None:
        self.in_container = in_container
        self.calls: list[Any] = []
        self.missing: set[str] = set()

    async def __aenter__(self) -> Fake:
        self.calls.append("open")
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.calls.append("close")

    async def resolve(self, reference: str, pull: Pull) -> Image:
        self.calls.append((reference, pull))
        if reference in self.missing:
            raise ImageUnavailable(f"no {reference}")
        return Image("sha256:0", (), None, in_container=self.in_container)

    def start(self, launch: Any, events: Any) -> Any:
        self.calls.append("start")

    def adopt(self) -> list[AdoptedRun]:
        self.calls.append("adopt")
        return []

    def notes(self, key: RevisionKey) -> tuple[tuple[str, str], ...]:
        return (("Kind", "container" if self.in_container else "process"),)


class Both:
    def __init__(self, mark: Path) -> None:
        self.processes, self.made = Fake(), []  # type: ignore[var-annotated]
        self.mark = mark

    def make(self) -> Any:
        self.made.append(Fake(in_container=True))
        return self.made[-1]

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Drivers]:
        processes: Any = self.processes
        async with Drivers(processes, lambda image: image.startswith("process/"), self.make, self.mark) as drivers:
            yield drivers


@pytest.fixture
def both(tmp_path: Path) -> Both:
    return Both(tmp_path / "state" / "containers-in-use")


def test_an_engine_with_processes_only_never_makes_the_other_driver(both: Both) -> None:
    async def main() -> None:
        async with both.open() as drivers:
            (image,) = await drivers.resolve(PLAN, ())
            assert not image.in_container
            assert await drivers.adopt() == []
            assert drivers.notes(KEY) == (("Kind", "process"),)

    asyncio.run(main())
    assert (both.made, both.mark.exists()) == ([], False)


def test_the_first_container_opens_the_driver_once_and_the_end_closes_it(both: Both) -> None:
    sidecar = ContainerPlan("go/side")

    async def main() -> None:
        async with both.open() as drivers:
            await asyncio.gather(
                drivers.resolve(FOREIGN, ("{}",)), drivers.resolve(replace(FOREIGN, sidecars=(sidecar,)), ())
            )
            assert drivers.notes(KEY) == (("Kind", "container"),)

    asyncio.run(main())
    (containers,) = both.made
    assert (containers.calls[0], containers.calls[-1]) == ("open", "close")
    assert sorted(containers.calls[1:-1], key=str) == [
        ("go/hello", Pull("Always", ("{}",))),
        ("go/hello", Pull("Always")),
        ("go/side", Pull()),
    ]
    assert both.mark.exists()


def test_the_next_engine_asks_for_containers_only_where_some_may_be_left(both: Both) -> None:
    both.mark.parent.mkdir()
    both.mark.touch()

    async def main() -> None:
        async with both.open() as drivers:
            await drivers.adopt()

    asyncio.run(main())
    assert both.made[0].calls == ["open", "adopt", "close"]


def test_a_container_driver_that_cannot_be_says_so_and_can_be_tried_again(both: Both) -> None:
    make, failing = both.make, [ImageUnavailable("no Docker SDK")]

    def make_at_last() -> Any:
        if failing:
            raise failing.pop()
        return make()

    both.make = make_at_last  # type: ignore[method-assign]

    async def main() -> None:
        async with both.open() as drivers:
            with pytest.raises(ImageUnavailable, match="no Docker SDK"):
                await drivers.resolve(FOREIGN, ())
            (image,) = await drivers.resolve(FOREIGN, ())
            assert image.in_container

    asyncio.run(main())


def test_what_a_process_cannot_be_is_refused_with_the_way_out(both: Both) -> None:
    asked = replace(PLAN, container=replace(PLAN.container, command=("sh",), working_dir="/srv"))

    async def main() -> None:
        async with both.open() as drivers:
            with pytest.raises(ImageUnavailable, match=r"cannot have a command, a workingDir: .*container=True"):
                await drivers.resolve(asked, ())

    asyncio.run(main())


@pytest.mark.parametrize(
    ("resolved", "missing", "asked"),
    [
        pytest.param("", set(), ["process/a:v1"], id="new"),
        pytest.param("process/a@sha256:0", set(), ["process/a@sha256:0"], id="found before"),
        pytest.param("process/a@sha256:0", {"process/a@sha256:0"}, ["process/a@sha256:0", "process/a:v1"], id="tag"),
    ],
)
def test_a_revision_stays_the_image_that_it_was_found_to_be(
    both: Both, resolved: str, missing: set[str], asked: list[str]
) -> None:
    both.processes.missing = missing

    async def main() -> None:
        async with both.open() as drivers:
            await drivers.resolve(replace(PLAN, container=ContainerPlan("process/a:v1", resolved=resolved)), ())

    asyncio.run(main())
    assert [call[0] for call in both.processes.calls if isinstance(call, tuple)] == asked


def test_a_tag_that_means_something_else_by_now_is_not_what_a_revision_is(both: Both) -> None:
    both.processes.missing = {"process/a@sha256:1"}

    async def main() -> None:
        async with both.open() as drivers:
            with pytest.raises(ImageUnavailable, match="no process/a@sha256:1"):
                await drivers.resolve(
                    replace(PLAN, container=ContainerPlan("process/a:v1", resolved="process/a@sha256:1")), ()
                )

    asyncio.run(main())


def test_somebody_who_stops_waiting_does_not_make_a_second_driver(both: Both) -> None:
    entering, go_on = asyncio.Event(), asyncio.Event()

    class Slow(Fake):
        async def __aenter__(self) -> Fake:
            entering.set()
            await go_on.wait()
            return await super().__aenter__()

    def make_slow() -> Any:
        both.made.append(Slow(in_container=True))
        return both.made[-1]

    both.make = make_slow  # type: ignore[method-assign]

    async def main() -> None:
        async with both.open() as drivers:
            first = asyncio.ensure_future(drivers.resolve(FOREIGN, ()))
            await entering.wait()
            first.cancel()
            await asyncio.wait({first})
            go_on.set()
            (image,) = await drivers.resolve(FOREIGN, ())
            assert image.in_container

    asyncio.run(main())
    assert len(both.made) == 1
