"""The loop of every controller: take a key, bring the world closer to what its object says, look again when needed."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Protocol

from faas.client.errors import ApiError, Conflict, NotFound
from faas.engine.contract.clock import Clock
from faas.engine.controllers.cache import Cache, Key, key_of
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

    def __init__(self, name: str, reconciler: Reconciler, clock: Clock, of: Cache[Any] | None = None) -> None:
        """Args: of: the kind whose keys it works on; None: its keys come from elsewhere."""
        self.name = name
        self.cache = of
        self.queue: WorkQueue[Key] = WorkQueue(clock)
        self._reconciler = reconciler
        self._expected: set[Key] = set()
        self._settled = asyncio.Event()

    def follow(self) -> None:
        """Queue what there is of its kind, and from now on what changes; `settled` returns when all that was there has
        been looked at once."""
        if self.cache is not None:
            self.cache.listeners.append(lambda old, new: self.queue.add(key_of(new or old or {})))
            self._expected = set(self.cache)
        self.enqueue_all()
        if not self._expected:
            self._settled.set()

    def enqueue_all(self) -> None:
        for key in self.cache or ():
            self.queue.add(key)

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
