"""How many requests the ready instances behind a target can execute at once."""

from __future__ import annotations

from collections.abc import Iterable

from faas.engine.contract.board import Board
from faas.engine.contract.dataplane import Target
from faas.engine.contract.revision import RevisionKey

# For a revision that sets no bound: Knative's default target of in-flight requests.
_UNBOUNDED = 100


def capacities(board: Board, targets: Iterable[str]) -> dict[str, int]:
    return {name: _capacity(board, board.targets.get(name)) for name in targets}


def _capacity(board: Board, target: Target | None) -> int:
    """As many as fill the first of its revisions when they are dealt by the split's percents.

    One that is scaled to zero does not count, or a canary at zero would hold up all others: what it gets waits in the
    gateway, and wakes it.
    """
    if target is None:
        return 0
    rooms = ((_room(board, RevisionKey.parse(split.revision)), split.percent) for split in target.splits)
    return min((room * 100 // percent for room, percent in rooms if room and percent), default=0)


def _room(board: Board, key: RevisionKey) -> int:
    policy = board.policies.get(key)
    each = (policy.container_concurrency if policy is not None else 0) or _UNBOUNDED
    return each * sum(not endpoint.draining for endpoint in board.endpoints.get(key) or ())
