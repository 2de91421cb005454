"""A member zygote: a process that has imported, or is importing, one Revision's function."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from faas_builders.bundle import Bundle
from faas_runtime.serving.wire import Channel, Exited, Forked, FromZygote, Imported, Spawn

from faas.engine.contract.revision import RevisionKey
from faas.engine.instances.process.root import ReportLoop


@dataclass(frozen=True, slots=True)
class Code:
    """What a member imports. Another Revision may come to have this one's name: the name alone says nothing."""

    key: RevisionKey
    bundle: Bundle
    function: str  # module:name
    env: Mapping[str, str]  # without what differs from instance to instance


def make_code(key: RevisionKey, bundle: Bundle, env: Mapping[str, str]) -> Code:
    """Args: env: an instance's."""
    shared = {name: value for name, value in env.items() if name != "HOSTNAME"}
    return Code(key, bundle, env.get("FAAS_FUNCTION", ""), shared)


@dataclass(frozen=True, slots=True)
class Pending:
    """An instance that waits to be made: the order, its descriptors (listener, stdout, stderr, ready), who wants it."""

    order: Spawn
    fds: tuple[int, int, int, int]
    started: Callable[[int], None]
    failed: Callable[[int | None], None]  # the wait status of what died before it became an instance; None: unknown

    def close(self) -> None:
        for fd in self.fds:
            os.close(fd)


class Pool(Protocol):
    """What a member needs of the zygotes that it is one of."""

    def imported(self, member: Member, message: Imported) -> None: ...

    def another_plain(self, like: Member, pending: Pending) -> None:
        """One more instance of a function that must not be forked."""
        ...

    def is_current(self, member: Member) -> bool:
        """Whether its Revision's next instance would be its fork."""
        ...

    def instance_exited(self, pid: int, status: int) -> None: ...

    def gone(self, member: Member) -> None:
        """Its control socket has closed."""
        ...


@dataclass(eq=False)
class Member:
    """The engine's side of one; it takes orders at once, and gives them when the import is done."""

    id: str
    code: Code
    pool: Pool
    channel: Channel
    pid: int | None = None
    imported: bool = False
    refusal: str = ""
    pending: list[Pending] = field(default_factory=list)
    forked: dict[str, Pending] = field(default_factory=dict)  # sent, its pid not yet known
    used_s: float = field(default_factory=time.monotonic)
    silent: bool = False  # imported ahead of time: nobody reads what it prints
    closed: bool = False
    dismissed: bool = False  # ended by us in the middle of its import

    def __post_init__(self) -> None:
        self._reports = ReportLoop(self.channel, self._report, self._gone)

    @property
    def key(self) -> RevisionKey:
        return self.code.key

    def spawn(self, pending: Pending) -> None:
        self.used_s = time.monotonic()
        if not self.imported:
            self.pending.append(pending)
            return
        self.forked[pending.order.id] = pending
        try:
            self.channel.send(pending.order, pending.fds)
        except OSError:
            del self.forked[pending.order.id]
            pending.failed(None)
        finally:
            pending.close()

    def withdraw(self, id: str) -> bool:
        """Nobody wants this instance any more. False: it is not among those that wait for the import."""
        found = next((pending for pending in self.pending if pending.order.id == id), None)
        if found is None:
            return False
        self.pending.remove(found)
        found.close()
        return True

    def born(self, pid: int) -> None:
        """Its root has forked it."""
        self.pid = pid
        if self.dismissed:
            self._kill()

    def _report(self, message: FromZygote) -> None:
        match message:
            case Imported():
                self.imported, self.refusal = True, message.refusal
                first, self.pending = self.pending, []
                self.pool.imported(self, message)
                for number, pending in enumerate(first):
                    if number == 0 or not self.refusal:
                        self.spawn(pending)
                    else:  # this process becomes the first instance; the others need a process each
                        self.pool.another_plain(self, pending)
            case Forked():
                pending = self.forked.pop(message.id)
                pending.started(message.pid)
                if not self.forked and not self.pool.is_current(self):
                    self.close()  # replaced while it was importing
            case Exited():
                self.pool.instance_exited(message.pid, message.status)

    def _gone(self) -> None:
        """It died, or became the instance that it was asked for and closed its end."""
        self.closed = True
        self.pool.gone(self)

    def fail(self, status: int | None, last_words: bytes = b"") -> None:
        """Whoever waited for this member learns that nothing will come, and reads in its log what was printed."""
        pending, self.pending = self.pending, []
        forked, self.forked = self.forked, {}
        for waiting in pending:
            if last_words:
                with contextlib.suppress(OSError):
                    os.write(waiting.fds[2], last_words)
            waiting.close()
        for waiting in (*pending, *forked.values()):
            waiting.failed(status)

    def reaped(self, status: int) -> None:
        """Its root says how it ended."""
        self.pid = None  # another process may have that number now
        self.fail(status)
        self.close()

    def close(self) -> None:
        """It ends when it sees its control socket closed: at once, unless it is importing. That is cut short."""
        self._reports.close()
        if not self.closed and not self.imported:
            self.dismissed = True
            self._kill()
        self.closed = True

    def _kill(self) -> None:
        """And with it what its import has started: it leads a process group."""
        if self.pid is not None:
            for send in (os.kill, os.killpg):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    send(self.pid, signal.SIGKILL)
