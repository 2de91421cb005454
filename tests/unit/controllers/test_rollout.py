"""Gradual rollout as a function of values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faas.engine.controllers.route.rollout import Goal, Progress, Share, dump, load, step


def shares(progress: Progress) -> list[tuple[str, int]]:
    return [(share.revision_name, share.percent) for share in progress.revisions]


def at(percent: int, *revisions: tuple[str, int]) -> Progress:
    return Progress("hello", "", percent, tuple(Share(name, share) for name, share in revisions))


def goal(revision: str, percent: int = 100) -> Goal:
    return Goal("hello", "", percent, revision)


def test_without_a_duration_everything_moves_at_once() -> None:
    assert shares(step(goal("two"), at(100, ("one", 100)), duration_s=0, now_s=0)) == [("two", 100)]


def test_the_first_revision_gets_everything() -> None:
    assert shares(step(goal("one"), None, duration_s=60, now_s=0)) == [("one", 100)]


def test_a_new_revision_gets_one_percent_and_then_equal_steps() -> None:
    progress = step(goal("two"), at(100, ("one", 100)), duration_s=10, now_s=100)
    assert shares(progress) == [("one", 99), ("two", 1)]
    assert (progress.step_size, progress.step_duration_s, progress.next_step_s) == (11, 1.0, 101.0)
    assert step(goal("two"), progress, duration_s=10, now_s=100.9) == progress
    seen = []
    for now_s in range(101, 110):
        progress = step(goal("two"), progress, duration_s=10, now_s=now_s)
        seen.append(progress.revisions[-1].percent)
    assert seen == [12, 23, 34, 45, 56, 67, 78, 89, 100]
    assert progress == at(100, ("two", 100))


def test_a_third_revision_takes_from_the_second_first() -> None:
    progress = step(goal("three"), at(100, ("one", 60), ("two", 40)), duration_s=3, now_s=0)
    assert shares(progress) == [("one", 60), ("two", 39), ("three", 1)]
    progress = step(goal("three"), progress, duration_s=3, now_s=1)
    assert shares(progress) == [("one", 49), ("three", 51)]


def test_one_percent_moves_at_once() -> None:
    assert shares(step(goal("two", 1), at(1, ("one", 1)), duration_s=60, now_s=0)) == [("two", 1)]


@pytest.mark.parametrize(
    ("percent", "expected"),
    [
        pytest.param(80, [("one", 60), ("two", 20)], id="more goes to the newest"),
        pytest.param(50, [("one", 40), ("two", 10)], id="less is taken from the oldest"),
        pytest.param(5, [("two", 5)], id="the oldest may vanish"),
    ],
)
def test_a_share_that_changes_in_the_middle(percent: int, expected: list[tuple[str, int]]) -> None:
    before = Progress("hello", "", 70, (Share("one", 60), Share("two", 10)), 10, 1.0, 1000.0)
    assert shares(step(goal("two", percent), before, duration_s=60, now_s=0)) == expected


def test_progress_survives_being_written_down() -> None:
    progress = step(goal("two"), at(100, ("one", 100)), duration_s=10, now_s=100.25)
    assert load(dump((progress,))) == (progress,)
    assert load("not json") == ()


changes = st.tuples(st.integers(0, 3), st.integers(0, 100), st.integers(0, 5))


@given(st.lists(changes, min_size=1, max_size=40), st.sampled_from([0.0, 2.0, 10.0, 300.0]))
def test_shares_always_add_up_and_the_end_is_the_goal(steps: list[tuple[int, int, int]], duration_s: float) -> None:
    progress, now_s = None, 0.0
    for revision, percent, wait_s in steps:
        now_s += wait_s
        progress = step(goal(f"r{revision}", percent), progress, duration_s=duration_s, now_s=now_s)
        assert sum(share.percent for share in progress.revisions) == percent
        assert all(share.percent >= 0 for share in progress.revisions)
        assert progress.revisions[-1].revision_name == f"r{revision}"
        names = [share.revision_name for share in progress.revisions]
        assert len(names) == len(set(names))
    assert progress is not None
    last = goal(f"r{steps[-1][0]}", steps[-1][1])
    for _ in range(400):
        if progress.done:
            break
        now_s = progress.next_step_s
        progress = step(last, progress, duration_s=duration_s, now_s=now_s)
    assert shares(progress) == [(last.revision_name, last.percent)]


@given(st.integers(2, 100), st.floats(1, 3600))
def test_a_rollout_ends_about_when_it_should(percent: int, duration_s: float) -> None:
    progress, now_s = step(goal("two", percent), at(percent, ("one", percent)), duration_s=duration_s, now_s=0), 0.0
    while not progress.done:
        now_s = progress.next_step_s
        progress = step(goal("two", percent), progress, duration_s=duration_s, now_s=now_s)
    assert 0 < now_s <= max(1.0, duration_s) * 1.6
