"""Windows, lanes, slots and keys by themselves."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faas.engine.broker.dispatch.keys import make_key_of
from faas.engine.broker.dispatch.lanes import Lanes
from faas.engine.broker.dispatch.slots import Slots, Targets, limit_of
from faas.engine.broker.dispatch.window import Cursor, Window

# Windows


@dataclass(frozen=True)
class Sized:
    size: int = 10


def test_a_window_is_where_its_lowest_unfinished_event_is() -> None:
    window: Window[Sized] = Window(5)
    for position in (5, 7, 8):
        window.take(position, Sized())
    assert (window.lowest(), window.position, window.size) == (5, 9, 30)
    window.finish(7)
    window.finish(5)
    assert (window.lowest(), window.size) == (8, 10)
    window.finish(8)
    assert window.lowest() == 9
    assert window.lowest(20) == 20


def test_what_was_open_is_read_again_after_a_restart_and_nothing_else() -> None:
    window: Window[Sized] = Window(1)
    for position in (1, 2, 3, 5):
        window.take(position, Sized())
    window.finish(2)
    window.finish(3)
    window.pass_over(9)
    again: Window[Sized] = window.cursor("default/t").make_window(100)
    assert (again.position, again.backlog) == (1, 2)
    assert [position for position in range(1, 12) if again.wants(position)] == [1, 5, 9, 10, 11]


def test_an_open_event_that_was_trimmed_is_not_waited_for() -> None:
    window: Window[Sized] = Window(10, [3, 4])
    assert not window.wants(6)
    assert window.position == 10


def test_a_cursor_beyond_the_end_of_a_log_is_brought_back() -> None:
    window: Window[Sized] = Cursor("default/t", 50, (10, 30)).make_window(20)
    assert (window.position, window.backlog) == (10, 1)
    window.pass_over(11)
    assert window.position == 20


def test_a_cursor_is_small() -> None:
    window: Window[Sized] = Window(1_000_000)
    for position in range(1_000_000, 1_001_000):
        window.take(position, Sized())
    assert len(msgspec.msgpack.encode(window.cursor("default/t"))) < 1100


@given(
    st.lists(st.tuples(st.sampled_from(["take", "finish", "restart", "give back"]), st.integers(0, 99)), max_size=60)
)
def test_a_window_knows_what_is_done(steps: list[tuple[str, int]]) -> None:
    """Against a plain set: positions are done, or held, or are wanted again."""
    window: Window[Sized] = Window(1)
    held: set[int] = set()
    done: set[int] = set()
    for step, choice in steps:
        if step == "take":
            position = window.position + choice % 3
            is_wanted = window.wants(position)
            # What was passed by is not in the log: nobody will ever ask for it again.
            done |= {passed for passed in range(1, position) if passed not in held}
            assert is_wanted == (position not in done | held)
            if is_wanted:
                window.take(position, Sized())
                held.add(position)
        elif held and step == "finish":
            position = sorted(held)[choice % len(held)]
            window.finish(position)
            held.remove(position)
            done.add(position)
        elif held and step == "give back":
            some = sorted(held)[: choice % len(held)]
            window.give_back(some)
            held -= set(some)
        elif step == "restart":
            window = window.cursor("default/t").make_window(1000)
            held.clear()
        unfinished = [position for position in range(1, window.frontier) if position not in done]
        assert window.lowest() == (unfinished[0] if unfinished else window.frontier)
        assert window.backlog == len(unfinished)
        assert window.size == 10 * len(held)


# Lanes


@dataclass(eq=False)
class Keyed:
    number: int
    key: str | None = field(default=None)


def test_events_without_a_key_are_ready_at_once() -> None:
    ready: deque[Keyed] = deque()
    lanes = Lanes(ready)
    for number in range(3):
        lanes.add(Keyed(number))
    assert [item.number for item in ready] == [0, 1, 2]


def test_of_a_key_one_is_ready_and_other_keys_do_not_wait() -> None:
    ready: deque[Keyed] = deque()
    lanes = Lanes(ready)
    for number, key in enumerate("aabab"):
        lanes.add(Keyed(number, key))
    assert [item.number for item in ready] == [0, 2]
    first = ready.popleft()
    lanes.finish(first)
    assert [item.number for item in ready] == [2, 1]


def test_who_was_parked_can_be_taken_back_and_those_in_front_go_on() -> None:
    ready: deque[Keyed] = deque()
    lanes = Lanes(ready)
    for number in range(3):
        lanes.add(Keyed(number, "a"))
    first = ready.popleft()
    assert [item.number for item in lanes.clear()] == [1, 2]
    lanes.finish(first)
    assert not ready


@given(st.lists(st.tuples(st.sampled_from([None, "a", "b", "c"]), st.integers(0, 5)), max_size=60))
def test_each_key_is_in_order_and_one_at_a_time(steps: list[tuple[str | None, int]]) -> None:
    ready: deque[Keyed] = deque()
    lanes = Lanes(ready)
    out: list[Keyed] = []
    done: list[Keyed] = []
    for number, (key, finish) in enumerate(steps):
        lanes.add(Keyed(number, key))
        while ready:
            out.append(ready.popleft())
        keys = [item.key for item in out if item.key is not None]
        assert len(keys) == len(set(keys))
        for _ in range(min(finish, len(out))):
            item = out.pop(number % len(out))
            done.append(item)
            lanes.finish(item)
    while out or ready:
        out.extend(ready)
        ready.clear()
        done.append(out.pop())
        lanes.finish(done[-1])
    assert sorted(item.number for item in done) == list(range(len(steps)))
    for key in "abc":
        numbers = [item.number for item in done if item.key == key]
        assert numbers == sorted(numbers)


# Slots


@dataclass(eq=False)
class Sender:
    work: int
    in_flight: int = 0
    sent: int = 0

    @property
    def has_work(self) -> bool:
        return self.sent < self.work

    def send_one(self) -> None:
        self.in_flight += 1
        self.sent += 1


@pytest.mark.parametrize(("requests", "limit"), [(0, 1), (1, 1), (2, 2), (9, 9), (10, 9), (100, 90)])
def test_a_tenth_of_a_capacity_is_left_to_others(requests: int, limit: int) -> None:
    assert limit_of(requests) == limit


def test_a_target_without_instances_gets_one_delivery_from_all_its_triggers() -> None:
    targets = Targets()
    one, other = Sender(5), Sender(5)
    targets.of("default/f").wait(one)
    targets.of("default/f").wait(other)
    assert (one.sent, other.sent) == (1, 0)
    targets.capacity("default/f", 4)
    assert (one.sent, other.sent) == (2, 2)


def test_slots_are_shared_fairly_also_by_who_comes_later() -> None:
    slots = Slots(4)
    greedy, late = Sender(100), Sender(100)
    slots.wait(greedy)
    assert greedy.in_flight == 4
    slots.wait(late)
    for _ in range(2):
        greedy.in_flight -= 1
        slots.release()
        slots.pump()
    assert (greedy.in_flight, late.in_flight) == (2, 2)


def test_a_smaller_limit_takes_effect_as_deliveries_end() -> None:
    slots = Slots(3)
    sender = Sender(10)
    slots.wait(sender)
    slots.resize(1)
    for left in (2, 1):
        sender.in_flight -= 1
        slots.release()
        slots.pump()
        assert sender.in_flight == left
    sender.in_flight -= 1
    slots.release()
    slots.pump()
    assert sender.in_flight == 1


# Keys

ATTRIBUTES = {"type": "t", "subject": "s-1", "partitionkey": 7, "urgent": True}
DATA = b'{"order": {"id": 12, "name": "x", "none": null, "list": [1]}, "customer": "c-1", "a.b": 1}'


@pytest.mark.parametrize(
    ("ordered_by", "key"),
    [
        ("subject", "s-1"),
        ("partitionkey", "7"),
        ("urgent", "true"),
        ("missing", None),
        ("data.customer", "c-1"),
        ("data.order.id", "12"),
        ("data.order.name", "x"),
        ("data.order.none", None),
        ("data.order.list", "[1]"),
        ("data.order.missing.deeper", None),
        ("data.customer.deeper", None),
        ("data.nowhere", None),
    ],
)
def test_the_key_is_an_attribute_or_a_member_of_the_data(ordered_by: str, key: str | None) -> None:
    key_of = make_key_of(ordered_by)
    assert key_of is not None
    assert key_of(ATTRIBUTES, DATA) == key


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"7", b"not json", b'{"order"', b"\xff", b'{"order":' * 9999, b'{"x":' * 9999]
)
def test_data_without_members_has_no_key(data: bytes) -> None:
    key_of = make_key_of("data.order.id")
    assert key_of is not None
    assert key_of(ATTRIBUTES, data) is None


def test_unordered_events_are_not_looked_at() -> None:
    assert make_key_of("") is None
