"""Which connection makes room for the one that comes."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faas.inbox.connections import BUSY_S, Connections, Doing, least_useful

NOW_S = 1000.0


@dataclass(eq=False)
class Held:
    name: str
    peer: str = "greedy"
    doing: Doing = Doing.WAITING
    since_s: float = NOW_S
    ended: list[str] = field(default_factory=list)

    def end(self) -> None:
        self.ended.append(self.name)


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        pytest.param([Held("new"), Held("old", since_s=NOW_S - 5)], "old", id="the longest idle"),
        pytest.param([Held("body", doing=Doing.SENDING, since_s=NOW_S - 9), Held("idle")], "idle", id="idle first"),
        pytest.param([Held("modest", "other", since_s=NOW_S - 9), Held("a"), Held("b")], "a", id="of who has most"),
        pytest.param(
            [Held("a", doing=Doing.ANSWERED), Held("b", doing=Doing.ANSWERED), Held("modest", "other")],
            "modest",
            id="an answer is not cut off",
        ),
        pytest.param([Held("a", doing=Doing.ANSWERED)], None, id="all are being answered"),
        pytest.param(
            [Held("stuck", doing=Doing.ANSWERED, since_s=NOW_S - BUSY_S - 1)], "stuck", id="an answer nobody takes"
        ),
    ],
)  # fmt: skip
def test_what_goes_is_what_least_is_lost_with(held: list[Held], expected: str | None) -> None:
    by_peer = {each.peer: sum(other.peer == each.peer for other in held) for each in held}

    goes = least_useful(held, by_peer, now_s=NOW_S)

    assert (goes and held[[each is goes for each in held].index(True)].name) == expected


def test_when_none_can_go_the_newcomer_does() -> None:
    connections, ended = Connections(1, 1, lambda: NOW_S), []
    connections.add(Held("busy", doing=Doing.ANSWERED, ended=ended))

    connections.add(Held("newcomer", "other", ended=ended))

    assert ended == ["newcomer"]


def test_a_peer_at_its_bound_loses_one_of_its_own() -> None:
    connections, ended = Connections(10, 2, lambda: NOW_S), []
    for name, peer in (("modest", "other"), ("a", "greedy"), ("b", "greedy"), ("c", "greedy")):
        connections.add(Held(name, peer, ended=ended))

    assert ended == ["a"]


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from([Doing.WAITING, Doing.SENDING])), max_size=60))
def test_there_are_never_more_than_the_bounds(arrivals: list[tuple[int, Doing]]) -> None:
    connections, ended = Connections(12, 5, lambda: NOW_S), []
    for number, (peer, doing) in enumerate(arrivals):
        connections.add(Held(str(number), str(peer), doing, ended=ended))

    left = [peer for number, (peer, _) in enumerate(arrivals) if str(number) not in ended]
    assert len(left) <= 12
    assert all(left.count(peer) <= 5 for peer in left)
    assert not arrivals or str(len(arrivals) - 1) not in ended
