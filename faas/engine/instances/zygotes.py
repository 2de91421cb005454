"""The engine's side of the zygotes (faas_runtime.serving): a root for each Python, a member for each warm Revision."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from faas_builders.bundle import Bundle
from faas_runtime.serving.wire import (
    BOOTSTRAP,
    Channel,
    Exited,
    Forked,
    FromZygote,
    Imported,
    NewMember,
    Spawn,
    User,
    channel_pair,
)  # fmt: skip

from faas.engine.contract.revision import RevisionKey

SITE_PACKAGES = "site-packages"  # a layer whose .pth files count, though it may lie within the project's folder

LAST_WORDS_BYTES = 4000  # of a zygote that cannot start: a traceback
REWARM_AFTER_S = 1.0  # a member that dies by itself is not made again in a tight loop


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


class ReportLoop:
    """Reads the reports of one control socket on the engine's loop."""

    def __init__(self, channel: Channel, report: Callable[[FromZygote], None], gone: Callable[[], None]) -> None:
        self.channel = channel
        self._report, self._gone = report, gone
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(channel.fileno(), self._read)

    def _read(self) -> None:
        while self.channel.fileno() >= 0:
            try:
                message = self.channel.receive_report()
            except BlockingIOError:
                return
            if message is None:
                self.close()
                self._gone()
                return
            self._report(message)

    def close(self) -> None:
        if self.channel.fileno() >= 0:
            self._loop.remove_reader(self.channel.fileno())
            self.channel.close()


class Root:
    """A root zygote: one interpreter that has imported the runtime."""

    def __init__(
        self, python: Path, runtime: Path, lifeline: int | None, report: Callable[[Root, FromZygote], None],
        gone: Callable[[Root], None],
    ) -> None:  # fmt: skip
        channel, theirs = channel_pair()
        fds = [theirs.fileno(), *([lifeline] if lifeline is not None else [])]
        try:
            # -I -S: no user site, no environment variables of Python's, no site-packages: only what the bundle lists.
            self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # open as long as the process
            self.process = subprocess.Popen(
                [str(python), "-I", "-S", "-c", BOOTSTRAP, str(runtime), *map(str, fds)],
                pass_fds=fds, stdin=subprocess.DEVNULL, stdout=self._errors, stderr=self._errors,
                env={"PATH": os.defpath}, cwd="/",
            )  # fmt: skip
        except OSError:
            channel.close()
            raise
        finally:
            theirs.close()
        self.waiting: dict[str, Member] = {}  # ordered and not yet forked
        self._reports = ReportLoop(channel, lambda message: report(self, message), lambda: gone(self))

    def fork(self, member: Member, order: NewMember, fds: tuple[int, int, int]) -> None:
        self.waiting[order.id] = member
        self._reports.channel.send(order, fds)

    def last_words(self) -> bytes:
        """What it printed, which it does only when something is wrong with it."""
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - LAST_WORDS_BYTES))
        return self._errors.read()

    def close(self) -> None:
        """Its control socket closes, so it ends; what it forked goes on."""
        self._reports.close()

    def reap(self) -> None:
        """Blocking, but a closed root ends at once."""
        self._errors.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass(eq=False)
class Member:
    """A process that has imported, or is importing, one Revision's function."""

    id: str
    key: RevisionKey
    env: dict[str, str]
    pool: Zygotes
    channel: Channel
    pid: int | None = None
    imported: bool = False
    refusal: str = ""
    pending: list[Pending] = field(default_factory=list)
    forked: dict[str, Pending] = field(default_factory=dict)  # sent, its pid not yet known
    used_s: float = field(default_factory=time.monotonic)
    silent: bool = False  # imported ahead of time: nobody reads what it prints
    closed: bool = False

    def __post_init__(self) -> None:
        self._reports = ReportLoop(self.channel, self._report, self._gone)

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
                if not self.forked and self.pool.members.get(self.key) is not self:
                    self.close()  # replaced while it was importing
            case Exited():
                self.pool.exited(message.pid, message.status)

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

    def close(self) -> None:
        self.closed = True
        self._reports.close()


class Zygotes:
    """All zygotes of this engine. What it knows of a Revision: how to make a member of it."""

    def __init__(
        self,
        *,
        exited: Callable[[int, int], None],  # (pid, wait status) of an instance that some zygote reaped
        refused: Callable[[RevisionKey, str], None],  # this function must not be forked, and why
        settled: Callable[[], None],  # an import is done
        lost: Callable[[RevisionKey], None],  # a warm member died
        lifeline: int | None,
        user: User | None = None,  # whom functions run as; None: the engine's own
    ) -> None:
        self._user = user
        self.exited = exited
        self._refused, self._settled, self._lost = refused, settled, lost
        self._lifeline = lifeline
        self._roots: dict[tuple[Path, Path], Root] = {}
        self._closing: list[Root] = []
        self.members: dict[RevisionKey, Member] = {}
        self._by_id: dict[str, tuple[Member, NewMember, Bundle]] = {}
        self._broken: set[RevisionKey] = set()  # whose last import failed
        self._count = 0

    def start(self, key: RevisionKey, bundle: Bundle, function: str, pending: Pending, *, snapshot: bool) -> None:
        """Make an instance: from the Revision's member when there is one that may fork, else after an import.

        Raises: OSError: no zygote could be started.
        """
        member = self.members.get(key)
        if member is None or member.closed or member.env != _import_env(pending.order.env):
            if member is not None:
                self.drop(key)
            member = self._make(key, bundle, function, pending.order.env, snapshot=snapshot, output=pending.fds[1:3])
            if snapshot:
                self.members[key] = member
        member.spawn(pending)

    def warm(self, key: RevisionKey, bundle: Bundle, function: str, env: dict[str, str]) -> None:
        """Have a member ready. One that cannot be imported shows when an instance is wanted, not here."""
        member = self.members.get(key)
        if key in self._broken or (member is not None and not member.closed and member.env == _import_env(env)):
            return
        self.drop(key)
        nowhere = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        try:
            member = self._make(key, bundle, function, env, snapshot=True, output=(nowhere, nowhere))
            member.silent = True
            self.members[key] = member
        finally:
            os.close(nowhere)

    def drop(self, key: RevisionKey) -> None:
        """End a Revision's member, unless somebody waits for it; its instances go on."""
        member = self.members.get(key)
        if member is None or ((member.pending or member.forked) and not member.closed):
            return
        del self.members[key]
        member.close()

    def another_plain(self, like: Member, pending: Pending) -> None:
        """One more instance of a function that must not be forked."""
        self.start_plain(*self._by_id[like.id], pending)

    def start_plain(self, like: Member, order: NewMember, bundle: Bundle, pending: Pending) -> None:
        """A process of its own that imports the function again, with the instance's output."""
        try:
            member = self._make(
                like.key, bundle, order.function, pending.order.env, snapshot=False, output=pending.fds[1:3]
            )
        except OSError:
            pending.close()
            pending.failed(None)
            return
        member.spawn(pending)

    def _make(
        self, key: RevisionKey, bundle: Bundle, function: str, env: dict[str, str], *, snapshot: bool,
        output: tuple[int, ...],
    ) -> Member:  # fmt: skip
        root = self._root(bundle)
        self._count += 1
        app_paths, layers = split_paths(bundle)
        order = NewMember(
            f"{key.name}#{self._count}", function, app_paths, layers, str(bundle.workdir), _import_env(env), snapshot,
            self._user,
        )  # fmt: skip
        channel, theirs = channel_pair()
        member = Member(order.id, key, order.env, self, channel)
        self._by_id[order.id] = (member, order, bundle)
        try:
            root.fork(member, order, (theirs.fileno(), output[0], output[1]))
        except OSError as error:  # it died before it was asked anything
            self._by_id.pop(order.id)
            root.waiting.pop(order.id, None)
            member.close()
            said = root.last_words().decode("utf-8", "replace")
            raise OSError(error.errno, f"the zygote has ended\n{said}") from error
        finally:
            theirs.close()
        return member

    def _root(self, bundle: Bundle) -> Root:
        runtime = bundle.sys_path[-1]
        known = self._roots.get((bundle.python, runtime))
        if known is None:
            known = Root(bundle.python, runtime, self._lifeline, self._root_report, self._root_gone)
            self._roots[bundle.python, runtime] = known
        return known

    def _root_report(self, root: Root, message: FromZygote) -> None:
        match message:
            case Forked():
                member = root.waiting.pop(message.id, None)
                if member is not None:
                    member.pid = message.pid
            case Exited():
                entry = self._by_id.pop(message.id, None)
                if entry is not None:
                    self._member_exited(*entry, message.status)
                self.exited(message.pid, message.status)
            case Imported():
                return

    def _member_exited(self, member: Member, order: NewMember, bundle: Bundle, status: int) -> None:
        if self.members.get(member.key) is member:
            del self.members[member.key]
        pending = member.pending
        if not member.imported:
            self._broken.add(member.key)
        if member.silent and pending:
            # It was importing ahead of time, for nobody: import again for those who wait, so that they see the error.
            member.pending = []
            for waiting in pending:
                self.start_plain(member, order, bundle, waiting)
        member.fail(status)
        member.close()

    def _root_gone(self, root: Root) -> None:
        """What it had forked goes on; what it had been asked to fork has to be asked for again."""
        self._roots = {key: value for key, value in self._roots.items() if value is not root}
        self._closing.append(root)
        for member in root.waiting.values():
            self._broken.add(member.key)
            self.gone(member)
            member.fail(None, root.last_words())
        root.waiting.clear()

    def imported(self, member: Member, message: Imported) -> None:
        self._broken.discard(member.key)
        if message.refusal and self.members.get(member.key) is member:
            del self.members[member.key]
            self._refused(member.key, message.refusal)
        self._settled()

    def gone(self, member: Member) -> None:
        loop = asyncio.get_running_loop()
        if self.members.get(member.key) is member:
            del self.members[member.key]
            loop.call_later(REWARM_AFTER_S, self._say_lost, member.key)
        # The root reports how it ended; without a root nobody can.
        loop.call_later(1.0, member.fail, None)

    def _say_lost(self, key: RevisionKey) -> None:
        if key not in self._broken:  # what cannot be imported is tried again when an instance is
            self._lost(key)

    async def close(self) -> None:
        """End every zygote; instances go on unless a lifeline ends them."""
        for key in list(self.members):
            self.members.pop(key).close()
        for member, _, _ in self._by_id.values():
            member.fail(None)
            member.close()
        roots = [*self._roots.values(), *self._closing]
        for root in roots:
            root.close()
        for root in roots:
            await asyncio.to_thread(root.reap)
        self._roots.clear()
        self._closing.clear()


def split_paths(bundle: Bundle) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What goes before the standard library, as a script's folder does, and what after it, as site-packages do."""
    first = bundle.sys_path[0]

    def is_app(path: Path) -> bool:
        return path == first or (path.is_relative_to(bundle.workdir) and SITE_PACKAGES not in path.parts)

    app = tuple(str(path) for path in bundle.sys_path if is_app(path))
    return app, tuple(str(path) for path in bundle.sys_path if not is_app(path))


def _import_env(env: dict[str, str]) -> dict[str, str]:
    """Without what differs from instance to instance."""
    return {name: value for name, value in env.items() if name != "HOSTNAME"}


def proportional_size(pid: int) -> int:
    """Bytes of memory that this process accounts for (PSS); 0 when it is gone. Takes about a millisecond."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            for line in file:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        return 0
    return 0
