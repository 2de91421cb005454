"""What a listing finds, against a store and a sink in memory: every change once, whatever happens in between."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import pytest
from faas_runtime.events.event import Event
from faas_runtime.events.shapes.bucket import BucketObject
from hypothesis import given, settings
from hypothesis import strategies as st

from faas.sources.adapters.bucket.listing import Listing
from faas.sources.adapters.bucket.memory import Memory
from faas.sources.adapters.bucket.store import Listed, Page, Store
from faas.sources.adapters.bucket.wanted import Wanted
from faas.sources.environment import Environment
from faas.sources.errors import Stopping, UpstreamError
from faas.sources.reports import Reports
from faas.sources.sink import Sink
from faas.sources.source import Source

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
BOTH = Wanted("b", on=("created", "removed"))


class Objects:
    """Plays the store: pages of two; an object's time is that of the second."""

    bucket, region = "b", "eu"

    def __init__(self) -> None:
        self.now = NOON
        self.objects: dict[str, tuple[str, datetime]] = {}
        self.is_away_after_a_page = False

    def put(self, key: str, etag: str) -> None:
        self.objects[key] = (etag, self.now)

    async def page(self, prefix: str, after: str) -> Page:
        keys = [key for key in sorted(self.objects) if key.startswith(prefix)]
        first = int(after or 0)
        if first and self.is_away_after_a_page:
            raise UpstreamError("UpstreamUnavailable", "the store is away")
        found = [Listed(key, *self.objects[key], 1) for key in keys[first : first + 2]]
        return Page(found, str(first + 2) if first + 2 < len(keys) else "", self.now)


class Taking:
    """Plays the sink, which the program's end cuts off after `breaks_after` events."""

    def __init__(self) -> None:
        self.events: list[Event[Any]] = []
        self.breaks_after: int | None = None

    async def deliver(self, events: list[Event[Any]], *, ordered: bool = True) -> list[Event[Any]]:
        for event in events:
            if self.breaks_after == 0:
                raise Stopping
            if self.breaks_after is not None:
                self.breaks_after -= 1
            self.events.append(event)
        return []

    @property
    def changes(self) -> list[tuple[str, str]]:
        return [(what.change, what.key) for what in map(BucketObject.of_event, self.events)]


class World:
    """A store, a sink and a folder that lasts; each `look` is a program of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.store, self.sink = folder, Objects(), Taking()

    def look(self, wanted: Wanted = BOTH, *, everything: bool = False) -> None:
        """One pass over the bucket, a second later."""
        self.store.now += timedelta(seconds=1)
        try:
            asyncio.run(self._look(wanted, everything))
        finally:
            self.store.now += timedelta(seconds=1)

    async def _look(self, wanted: Wanted, everything: bool) -> None:
        environment = Environment(options=b"{}", sink="http://sink", state=self.folder)
        source: Source[Any] = Source(cast(Any, None), environment, cast(Sink, self.sink), Reports(None))
        memory = Memory(self.folder)
        listing = Listing(
            source, cast(Store, self.store), memory, wanted, "here", everything=everything, interval_s=0.001
        )

        try:
            await listing.pass_over(lambda: None)
        finally:
            memory.close()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_what_is_there_at_the_beginning_is_no_news_unless_it_is_asked_for(world: World, tmp_path: Path) -> None:
    world.store.put("a", "1")
    world.look()
    assert world.sink.changes == []
    everything = World(tmp_path / "other")
    everything.store.put("a", "1")
    everything.look(everything=True)
    assert everything.sink.changes == [("created", "a")]


def test_writes_within_a_second_and_keys_that_turn_up_late_are_found(world: World) -> None:
    world.look()
    world.store.put("m", "1")
    world.look()
    world.store.objects["m"] = ("2", world.store.objects["m"][1])  # within the second of the first
    world.store.objects["a"] = ("1", NOON - timedelta(days=1))  # written long ago, and not seen until now
    world.look()
    world.look()
    assert world.sink.changes == [("created", "m"), ("created", "a"), ("created", "m")]


def test_what_was_put_while_the_first_look_was_cut_off_is_news(world: World) -> None:
    for key in "abcd":
        world.store.put(key, "1")
    world.store.is_away_after_a_page = True
    with pytest.raises(UpstreamError):
        world.look()
    world.store.is_away_after_a_page = False
    world.store.put("e", "1")
    world.look()
    assert world.sink.changes == [("created", "e")]


def test_a_wider_prefix_tells_what_came_since_the_last_look_and_a_narrower_one_no_removals(world: World) -> None:
    world.store.put("img/a", "1")
    world.store.put("old/a", "1")
    world.look(Wanted("b", prefix="img/", on=("created", "removed")))
    world.store.put("new/a", "1")
    world.look()
    world.look(Wanted("b", prefix="new/", on=("created", "removed")))
    assert world.sink.changes == [("created", "new/a")]


_KEYS = st.sampled_from("abcdef")
_TURNS = st.one_of(
    st.tuples(st.just("put"), _KEYS, st.sampled_from("12")),
    st.tuples(st.just("delete"), _KEYS, st.just("")),
    st.tuples(st.just("look"), st.just(""), st.just("")),
    st.tuples(st.just("break"), st.sampled_from("0123"), st.just("")),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(_TURNS, max_size=25))
def test_each_state_that_a_look_could_see_is_told_under_one_id_though_programs_end_midway(turns: Any) -> None:
    with TemporaryDirectory() as folder:
        world = World(Path(folder))
        world.look()
        expected: Counter[tuple[str, str]] = Counter()
        before: dict[str, Any] = {}
        for turn, key, etag in [*turns, ("look", "", "")]:
            if turn == "put":
                world.store.put(key, etag)
            elif turn == "delete":
                world.store.objects.pop(key, None)
            elif turn == "break":
                world.sink.breaks_after = int(key)
                with_luck = dict(world.store.objects)
                with suppress(Stopping):
                    world.look()
                world.sink.breaks_after = None
                world.look()  # the next program, with nothing changed in between
                _count(expected, before, with_luck)
                before = with_luck
            else:
                world.look()
                _count(expected, before, world.store.objects)
                before = dict(world.store.objects)
        distinct = {event.id: change for event, change in zip(world.sink.events, world.sink.changes, strict=True)}
        assert Counter(distinct.values()) == expected


def _count(expected: Counter[tuple[str, str]], before: dict[str, Any], now: dict[str, Any]) -> None:
    expected.update(("created", key) for key in now if before.get(key) != now[key])
    expected.update(("removed", key) for key in before if key not in now)
