"""The shell of the source controllers: plans onto the board, conditions into the API. One instance a kind."""

from __future__ import annotations

from faas.engine.contract.sources import SourceKey
from faas.engine.controllers.cache import Key
from faas.engine.controllers.means import Means
from faas.engine.controllers.source.doors import Doors
from faas.engine.controllers.source.kinds import SourceKind
from faas.engine.controllers.source.made import Made, Refused
from faas.engine.controllers.source.plan import make_door, make_plan
from faas.engine.controllers.source.status import observed_status
from faas.engine.controllers.writes import report

_TAKEN = "the name {name} is taken: a Service, or another source that receives requests, has its address"

_LOOK_AGAIN_S = 10.0  # nobody tells us when a name becomes free


class SourceReconciler:
    """Writes `board.sources`, and by `Doors` the way to sources that receive HTTP."""

    def __init__(self, kind: SourceKind, means: Means, doors: Doors) -> None:
        self._kind, self._means, self._board, self._doors = kind, means, means.board, doors

    async def reconcile(self, key: Key) -> float | None:
        cache = self._kind.cache
        source, board_key = cache.staying(key), SourceKey(str(cache.kind), *key)
        if source is None:
            self._withdraw(board_key)
            return None
        raw = cache.raw(key)
        made, sink = self._kind.make(raw, source), self._means.resolver.resolve(source.spec.sink, key.namespace)
        url = hook_url = ""
        if isinstance(made, Made) and made.receives:
            door = make_door(board_key, source.metadata, made, self._means.naming)
            if self._doors.open(board_key, door):
                url, hook_url = door.url, door.url if door.is_reachable else ""
            else:
                made = Refused("NameTaken", _TAKEN.format(name=key.name))
        if isinstance(made, Made) and isinstance(sink, str):
            self._board.sources.put(board_key, make_plan(raw, board_key.resource, made, sink, hook_url))
        else:
            self._withdraw(board_key)
        running = self._board.source_status.get(board_key)
        status = observed_status(self._kind, source, made, sink, running, url=url, now=self._means.clock.utc())
        await report(self._means, cache, raw, source.status, status)
        return _LOOK_AGAIN_S if isinstance(made, Refused) and made.reason == "NameTaken" else None

    def _withdraw(self, key: SourceKey) -> None:
        self._board.sources.delete(key)
        self._doors.close(key)
