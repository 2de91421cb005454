"""The loop of every controller: take a key, bring the world closer to what its object says, look again when needed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Protocol

from faas.client.errors import ApiError, Conflict, NotFound
from faas.engine.contract.clock import Clock
from faas.engine.controllers.cache import Key
from faas.engine.controllers.queue import WorkQueue

_log = logging.getLogger(__name__)
_WORKERS = 4  # reconcilers wait for commits, which the store batches


class Reconciler(Protocol):
    """Idempotent and level-triggered: it is told a key, never what happened."""

    async def reconcile(self, key: Key) -> float | None:
        """Returns: seconds after which to look again without a change, if ever."""
        ...


class Controller:
    """Runs a reconciler over a queue. What goes wrong with one key backs off and stops no other."""

    def __init__(self, name: str, reconciler: Reconciler, clock: Clock) -> None:
        self.name = name
        self.queue: WorkQueue[Key] = WorkQueue(clock)
        self._reconciler = reconciler
        self._expected: set[Key] = set()
        self._settled = asyncio.Event()

    def expect(self, keys: Iterable[Key]) -> None:
        """Queue what was there at the start; `settled` returns when each of it was looked at once."""
        self._expected = set(keys)
        for key in self._expected:
            self.queue.add(key)
        if not self._expected:
            self._settled.set()

    async def settled(self) -> None:
        await self._settled.wait()

    def start(self, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        return [group.create_task(self._work(), name=f"{self.name}-{index}") for index in range(_WORKERS)]

    async def _work(self) -> None:
        while True:
            key = await self.queue.get()
            try:
                again_s = await self._reconciler.reconcile(key)
            except (Conflict, NotFound):
                self.queue.add_failed(key)  # the cache is behind, or the object has just gone: nothing to tell anybody
            except ApiError as error:
                delay_s = self.queue.add_failed(key)
                _log.warning("%s %s: %s; trying again in %.3g s", self.name, key, error.message, delay_s)
            except Exception:  # noqa: BLE001 - a poisoned object must not stop the others
                delay_s = self.queue.add_failed(key)
                _log.exception("%s %s failed; trying again in %.3g s", self.name, key, delay_s)
            else:
                self.queue.forget(key)
                if again_s is not None:
                    self.queue.add_after(key, again_s)
            finally:
                self.queue.done(key)
                self._looked_at(key)

    def _looked_at(self, key: Key) -> None:
        self._expected.discard(key)
        if not self._expected:
            self._settled.set()
