"""The shell of the Revision controller: plans and policies onto the board, conditions into the API."""

from __future__ import annotations

from faas.engine.contract.revision import RevisionKey
from faas.engine.controllers.cache import Key
from faas.engine.controllers.means import Means
from faas.engine.controllers.revision.plan import make_plan, make_policy
from faas.engine.controllers.revision.status import observed_status, was_initialized
from faas.engine.controllers.writes import write_status
from faas.resources import keys
from faas.resources.conditions import READY, find, is_ready

# A ready revision that scales changes its replica counts several times in a moment; one commit tells the last of them.
SETTLE_S = 0.1


class RevisionReconciler:
    def __init__(self, means: Means) -> None:
        self._client, self._caches, self._board = means.client, means.caches, means.board
        self._config, self._recorder, self._clock = means.config, means.recorder, means.clock

    def urgency_s(self, key: Key) -> float:
        """How long a change of the board may wait: not at all while somebody waits for this revision to be ready."""
        revision = self._caches.revisions.get(key)
        fleet = self._board.fleets.get(RevisionKey(*key))
        failing = fleet is not None and fleet.failure is not None and not fleet.ready
        return SETTLE_S if revision is not None and is_ready(revision.status.conditions) and not failing else 0.0

    async def reconcile(self, key: Key) -> float | None:
        revision, board_key = self._caches.revisions.staying(key), RevisionKey(*key)
        if revision is None:
            self._board.plans.delete(board_key)
            self._board.policies.delete(board_key)
            return None
        raw = self._caches.revisions.raw(key)
        configuration = self._caches.configurations.get(
            Key(key.namespace, revision.metadata.labels.get(keys.CONFIGURATION_LABEL, ""))
        )
        plan = make_plan(
            revision,
            self._config.current,
            initialized=was_initialized(revision),
            latest_created=configuration.status.latest_created_revision_name if configuration is not None else None,
        )
        self._board.policies.put(board_key, make_policy(plan))
        self._board.plans.put(board_key, plan)
        status = observed_status(
            revision, self._board.decisions.get(board_key), self._board.fleets.get(board_key), self._clock.utc()
        )
        if await write_status(self._client, self._caches.revisions, raw, status):
            before, after = find(revision.status.conditions, READY), find(status.conditions, READY)
            if after is not None and (before is None or before.status != after.status):
                if after.status == "True":
                    message = "Revision becomes ready upon all resources being ready"
                    self._recorder.event(raw, "Normal", "RevisionReady", message)
                elif after.status == "False":
                    self._recorder.event(raw, "Warning", after.reason or "RevisionFailed", after.message)
        return None
