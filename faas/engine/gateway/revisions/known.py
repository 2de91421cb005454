"""All revisions that requests may go to: those of the table, and those that still have something to finish."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from time import monotonic

from faas.engine.contract.dataplane import EndpointEntry, Endpoints, LoadSample, RevisionPolicy, ToEngine
from faas.engine.gateway.limits import Limits
from faas.engine.gateway.revisions.backend import Backend, Pool
from faas.engine.gateway.revisions.revision import Revision


class KnownRevisions:
    """Owns them and their timers; also what each of them needs of the gateway (revision.Surroundings)."""

    def __init__(
        self,
        limits: Limits,
        *,
        make_pool: Callable[[RevisionPolicy, EndpointEntry], Pool],
        tell_engine: Callable[[ToEngine], None],
    ) -> None:
        self.limits = limits
        self.make_pool = make_pool
        self.tell_engine = tell_engine
        self.by_name: dict[str, Revision] = {}
        self._policies: Mapping[str, RevisionPolicy] = {}
        self._pumps: dict[Revision, asyncio.TimerHandle] = {}

    # From the engine

    def list(self, policies: Mapping[str, RevisionPolicy]) -> None:
        """Take the revisions of a new table. The ones that are not in it any more finish what they have."""
        self._policies = policies
        for name, policy in policies.items():
            revision = self._revision(name, policy)
            revision.listed = True
            if revision.policy != policy:
                revision.adopt(policy)
                revision.pump()
        for name, revision in [*self.by_name.items()]:
            revision.listed = name in policies
            self.went_quiet(revision)

    def update(self, message: Endpoints) -> None:
        # Endpoints may come before the table that names their revision.
        policy = self._policies.get(message.revision) or _unlisted_policy(message.revision)
        revision = self._revision(message.revision, policy)
        revision.update(message.entries)
        self.went_quiet(revision)

    def endpoints(self) -> Iterator[Endpoints]:
        for name, revision in self.by_name.items():
            if revision.backends:
                yield Endpoints(name, tuple(backend.entry for backend in revision.backends.values()))

    def _revision(self, name: str, policy: RevisionPolicy) -> Revision:
        revision = self.by_name.get(name)
        if revision is None:
            revision = self.by_name[name] = Revision(name, policy, self)
        return revision

    # From revisions

    def call_at(self, when: float, revision: Revision) -> None:
        pending = self._pumps.get(revision)
        loop = asyncio.get_running_loop()
        due = loop.time() + max(0.001, when - monotonic())
        if pending is not None:
            if pending.when() <= due:
                return
            pending.cancel()
        self._pumps[revision] = loop.call_at(due, self._pump, revision)

    def _pump(self, revision: Revision) -> None:
        del self._pumps[revision]
        revision.pump()

    def went_quiet(self, revision: Revision) -> None:
        if not revision.listed and not revision.backends and not revision.load.count:
            del self.by_name[revision.name]

    # Each second, and at the end

    def samples(self, now: float) -> tuple[LoadSample, ...]:
        """The load of those that had any since the last samples."""
        samples = (revision.sample(now) for revision in self.by_name.values())
        return tuple(sample for sample in samples if sample is not None)

    def sweep(self) -> None:
        """Close connections that have been idle for too long."""
        for backend in self._backends():
            backend.pool.sweep()

    def close(self) -> None:
        for timer in self._pumps.values():
            timer.cancel()
        for backend in self._backends():
            backend.pool.close_idle()

    def _backends(self) -> Iterator[Backend]:
        return (backend for revision in self.by_name.values() for backend in revision.backends.values())


def _unlisted_policy(name: str) -> RevisionPolicy:
    return RevisionPolicy(name, name.partition("/")[0], "", "")
