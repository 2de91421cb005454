"""Random lives of a Broker's triggers against what is promised: nothing lost, nothing twice, order per key."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faas.engine.broker.delivery.answers import Answer
from faas.engine.broker.dispatch import reader
from faas.engine.broker.dispatch.window import Bounds
from faas.engine.broker.seams.dispatching import Hold
from faas.engine.contract.eventing import Delivery, TriggerConfig
from tests.dispatch_world import DONE, FAILED, REFUSED, Attempt, Dispatching, World, event, settle, trigger

REPLY = Answer(200, {b"ce-specversion": b"1.0", b"ce-id": b"r", b"ce-source": b"/f", b"ce-type": b"reply"}, b"")
ANSWERS = {"done": DONE, "reply": REPLY, "fails": FAILED, "refused": REFUSED}
BATCH = 3
BOUNDS = Bounds(ready=2, events=5)

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from("ab"), st.sampled_from(["", "k1", "k2"])),
        st.tuples(st.just("answer"), st.sampled_from(sorted(ANSWERS)), st.integers(0, 20)),
        st.tuples(st.just("advance"), st.sampled_from([1, 2, 10]), st.none()),
        st.tuples(st.just("capacity"), st.integers(0, 5), st.none()),
        st.tuples(st.sampled_from(["crash", "hold", "release", "edit", "trim"]), st.none(), st.none()),
    ),
    max_size=60,
)


@dataclass
class Trace:
    """What each trigger was seen to do, checked as it happens."""

    world: World
    stored: list[tuple[str, str, str]] = field(default_factory=list)  # id, type, key
    done: dict[str, set[str]] = field(default_factory=lambda: {"ordered": set(), "some": set()})
    done_in_this_life: set[tuple[str, str]] = field(default_factory=set)
    held: bool = False

    def wanted(self, name: str) -> list[str]:
        return [id for id, type, _ in self.stored if name == "ordered" or type == "a"]

    def began(self, attempt: Attempt) -> None:
        name = name_of(attempt)
        self.see_dead_letters()
        assert not self.held
        assert attempt.id in self.wanted(name)
        assert (name, attempt.id) not in self.done_in_this_life
        open_ids = [other.id for other in self.world.subscribers.open if name_of(other) == name]
        assert len(open_ids) == len(set(open_ids))
        if name == "ordered":
            key = attempt.header("ce-subject")
            same = [id for id, _, other in self.stored if key and other == key]
            assert sum(id in same for id in open_ids) <= 1
            if key:
                assert self.done[name] >= set(same[: same.index(attempt.id)])

    def answered(self, attempt: Attempt, kind: str) -> None:
        if kind in ("done", "reply"):
            self.finish(name_of(attempt), attempt.id)

    def see_dead_letters(self) -> None:
        for _, letter in self.world.dead.letters.values():
            self.finish(letter.trigger.removeprefix("default/"), letter.event.attributes["id"])

    def finish(self, name: str, id: str) -> None:
        if id not in self.done[name]:
            self.done[name].add(id)
            self.done_in_this_life.add((name, id))


def name_of(attempt: Attempt) -> str:
    return attempt.subscriber.uri.removeprefix("http://").partition(".")[0]


def configs(edits: int) -> tuple[TriggerConfig, TriggerConfig]:
    """Two triggers of one target; each edit changes how they read and not what they want."""
    both = ({"any": [{"exact": {"type": "a"}}, {"exact": {"type": "b"}}]},)
    one_by_one = ({"not": {"not": both[0]}},)
    common: dict[str, Any] = {"target": "default/f", "delivery": Delivery(retry=1, backoff_delay_s=1.0)}
    return (
        trigger("ordered", ordered_by="subject", filters=(both, one_by_one)[edits % 2], **common),
        trigger(
            "some", filters=({"exact": {"type": "a"}},), ordered_by=("", "subject", "data.x")[edits % 3],
            parallelism=(0, 2)[edits % 2], **common,
        ),
    )  # fmt: skip


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_BATCH", BATCH)


@settings(max_examples=500, deadline=None)
@given(STEPS)
def test_whatever_happens_each_event_is_handled_and_each_key_in_order(steps: list[tuple[str, Any, Any]]) -> None:
    asyncio.run(_lives(steps))


async def _lives(steps: list[tuple[str, Any, Any]]) -> None:
    world = World(bounds=BOUNDS)
    world.targets.capacity("default/f", 2)
    trace = Trace(world)
    world.subscribers.began.append(trace.began)
    edits = 0
    remaining = list(steps)
    while True:
        trace.done_in_this_life.clear()
        trace.held = False
        async with world.dispatching(*configs(edits)) as life:
            while remaining:
                step, what, which = remaining.pop(0)
                if step == "crash":
                    break
                if step == "edit":
                    edits += 1
                    trace.held = False
                    await life.apply(*configs(edits))
                else:
                    await _take(step, what, which, life, trace, edits)
                for run in life.broker.runs.values():
                    assert len(run.window.unfinished) < BOUNDS.events + BATCH
            else:
                trace.held = False
                await life.apply(*configs(edits))
                await _finish_all(life, trace)
                return


async def _take(step: str, what: Any, which: Any, life: Dispatching, trace: Trace, edits: int) -> None:
    world = trace.world
    if step == "put":
        id = f"e{len(trace.stored)}"
        trace.stored.append((id, what, which))
        world.log.put({**event(id), "type": what, **({"subject": which} if which else {})})
    elif step == "answer" and world.subscribers.open:
        attempt = world.subscribers.open[which % len(world.subscribers.open)]
        trace.answered(attempt, what)
        attempt.answer(ANSWERS[what])
    elif step == "advance":
        world.clock.advance(what)
    elif step == "capacity":
        world.targets.capacity("default/f", what)
    elif step == "hold":
        await life.apply(existing=("uid-ordered", "uid-some"))
        trace.held = True
    elif step == "release":
        trace.held = False
        await life.apply(*configs(edits))
    elif step == "trim":
        hold = life.broker.hold()
        await world.log.trim(hold.position if hold else 1)
    await settle()
    trace.see_dead_letters()


async def _finish_all(life: Dispatching, trace: Trace) -> None:
    """Answer everything; then everything is done, and nothing is held."""
    world = trace.world
    world.targets.capacity("default/f", 10)
    for _ in range(300):
        await life.broker.look_for_end()
        await settle()
        if not world.subscribers.open and not world.clock.pending:
            break
        for attempt in list(world.subscribers.open):
            trace.answered(attempt, "done")
            attempt.answer(DONE)
        world.clock.advance(2)
    await settle()
    trace.see_dead_letters()
    for name in ("ordered", "some"):
        assert trace.done[name] == set(trace.wanted(name))
    assert [(status.backlog, status.in_flight, status.behind) for status in life.broker.status()] == [(0, 0, 0)] * 2
    assert life.broker.hold() == Hold((await world.log.state()).last + 1, "default/ordered")
