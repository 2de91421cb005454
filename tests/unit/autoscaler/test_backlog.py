"""How many instances waiting events ask for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faas.engine.autoscaler.backlog import Queue, dealt, wanted_instances
from faas.engine.contract.dataplane import Split, Target
from faas.engine.contract.revision import RevisionKey, ScalingPolicy


def key(name: str) -> RevisionKey:
    return RevisionKey("default", name)


def target(**percents: int) -> Target:
    splits = tuple(Split(str(key(name)), percent) for name, percent in percents.items())
    return Target("default", "work", "work", "", splits, True)


TEN = ScalingPolicy(backlog_target=10)


@pytest.mark.parametrize(
    ("queues", "split", "expected"),
    [
        pytest.param([Queue("t", 25)], {"a": 100}, {"a": 3}, id="events over the target, rounded up"),
        pytest.param([Queue("t", 1)], {"a": 100}, {"a": 1}, id="one event wants an instance"),
        pytest.param([Queue("t", 0)], {"a": 100}, {}, id="an empty queue wants none"),
        pytest.param([Queue("t", 25, 5)], {"a": 100}, {"a": 5}, id="the trigger's own target wins"),
        pytest.param([Queue("t", 5), Queue("t", 15)], {"a": 100}, {"a": 2}, id="queues of one target add up"),
        pytest.param([Queue("t", 100)], {"a": 90, "b": 10}, {"a": 9, "b": 1}, id="revisions share as they are dealt"),
        pytest.param([Queue("t", 100)], {"a": 100, "b": 0}, {"a": 10}, id="who gets nothing is not asked for"),
        pytest.param([Queue("gone", 100)], {"a": 100}, {}, id="a target that is not there"),
        pytest.param([Queue("t", 100)], {"x": 100}, {}, id="a revision that is not known"),
    ],
)
def test_backlog_asks_for_instances(queues, split, expected) -> None:
    policies = {key("a"): TEN, key("b"): TEN}

    wanted = wanted_instances(queues, {"t": target(**split)}, policies, most=1000)

    assert wanted == {key(name): count for name, count in expected.items()}


def test_a_long_queue_without_a_max_scale_stops_at_what_the_machine_can_run() -> None:
    wanted = wanted_instances([Queue("t", 1_000_000)], {"t": target(a=100)}, {key("a"): TEN}, most=4)

    assert wanted == {key("a"): 4}


def test_a_max_scale_of_its_own_is_the_only_bound_of_a_revision() -> None:
    policy = ScalingPolicy(backlog_target=10, max_scale=50)

    wanted = wanted_instances([Queue("t", 300)], {"t": target(a=100)}, {key("a"): policy}, most=4)

    assert wanted == {key("a"): 30}


def test_a_long_queue_leaves_short_ones_their_share() -> None:
    assert dealt({key("a"): 100, key("b"): 1, key("c"): 3}, exempt=(), most=10) == {
        key("a"): 6,
        key("b"): 1,
        key("c"): 3,
    }


@given(
    st.dictionaries(st.builds(key, st.sampled_from("abcdefgh")), st.integers(1, 1000)),
    st.sets(st.builds(key, st.sampled_from("abcdefgh"))),
    st.integers(1, 100),
)
def test_everybody_gets_one_at_least_and_nobody_more_than_asked_for(wanted, exempt, most) -> None:
    given_ = dealt(wanted, exempt=exempt, most=most)

    assert given_.keys() == wanted.keys()
    assert all(1 <= given_[name] <= wanted[name] for name in wanted)
    hungry = [name for name in wanted if name not in exempt]
    assert sum(given_[name] for name in hungry) <= max(most, len(hungry))
    assert all(given_[name] == wanted[name] for name in wanted if name in exempt)
