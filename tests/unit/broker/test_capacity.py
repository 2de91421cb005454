"""How many events a target can take at once, from what the board says of its revisions."""

from __future__ import annotations

import pytest

from faas.engine.broker.link.capacity import capacities
from faas.engine.contract.board import Board
from faas.engine.contract.dataplane import RevisionPolicy, Split, Target
from faas.engine.contract.revision import Endpoint, RevisionKey


def make_board(splits: dict[str, int], revisions: dict[str, tuple[int, int]], *, draining: int = 0) -> Board:
    """`revisions`: containerConcurrency and ready instances by name."""
    board = Board()
    target = Target("default", "work", "work", "", tuple(Split(f"default/{n}", p) for n, p in splits.items()), True)
    board.targets.put("default/work", target)
    for name, (concurrency, ready) in revisions.items():
        key = RevisionKey("default", name)
        board.policies.put(key, RevisionPolicy(str(key), "default", "work", "work", concurrency))
        endpoints = [Endpoint(f"{name}-{n}", "unix:/x", draining=n < draining) for n in range(ready + draining)]
        board.endpoints.put(key, tuple(endpoints))
    return board


@pytest.mark.parametrize(
    ("splits", "revisions", "expected"),
    [
        pytest.param({"a": 100}, {"a": (20, 3)}, 60, id="instances times containerConcurrency"),
        pytest.param({"a": 100}, {"a": (0, 2)}, 200, id="no bound counts as 100"),
        pytest.param({"a": 100}, {"a": (20, 0)}, 0, id="scaled to zero"),
        pytest.param({"a": 50, "b": 50}, {"a": (10, 10), "b": (10, 2)}, 40, id="until the smaller half is full"),
        pytest.param({"a": 90, "b": 10}, {"a": (9, 1), "b": (20, 0)}, 10, id="a canary at zero holds nobody up"),
        pytest.param({"a": 100, "b": 0}, {"a": (10, 1), "b": (1, 1)}, 10, id="who gets nothing does not count"),
        pytest.param({}, {}, 0, id="nothing is assigned"),
    ],
)
def test_capacity_follows_the_split(splits, revisions, expected) -> None:
    assert capacities(make_board(splits, revisions), ["default/work"]) == {"default/work": expected}


def test_an_instance_that_drains_takes_nothing() -> None:
    board = make_board({"a": 100}, {"a": (10, 2)}, draining=1)

    assert capacities(board, ["default/work"]) == {"default/work": 20}


def test_a_target_that_is_not_there_takes_nothing() -> None:
    assert capacities(Board(), ["default/gone"]) == {"default/gone": 0}
