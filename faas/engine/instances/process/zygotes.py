"""The engine's side of the zygotes (faas_runtime.serving): a root for each Python, a member for each warm Revision."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from faas_builders.bundle import Bundle
from faas_runtime.serving.wire import Exited, Forked, FromZygote, Imported, NewMember, User, channel_pair

from faas.engine.contract.revision import RevisionKey
from faas.engine.instances.process.member import Code, Member, Pending, make_code
from faas.engine.instances.process.root import Root

SITE_PACKAGES = "site-packages"  # a layer whose .pth files count, though it may lie within the project's folder
REWARM_AFTER_S = 1.0  # a member that dies by itself is not made again in a tight loop


class Zygotes:
    """All zygotes of this engine."""

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
        self._exited, self._refused, self._settled, self._lost = exited, refused, settled, lost
        self._lifeline = lifeline
        self._roots: dict[tuple[Path, Path], Root] = {}
        self._closing: list[Root] = []
        self.members: dict[RevisionKey, Member] = {}  # from which the next instance is forked
        self._by_id: dict[str, Member] = {}  # every one whose end was not reported yet
        self._broken: set[RevisionKey] = set()  # whose last import failed
        self._count = 0

    def start(self, code: Code, pending: Pending, *, snapshot: bool) -> None:
        """Make an instance: from the Revision's member when there is one that may fork, else after an import.

        Raises: OSError: no zygote could be started.
        """
        member = self._member(code)
        if member is None:
            self.drop(code.key)
            member = self._make(code, snapshot=snapshot, output=pending.fds[1:3])
            if snapshot:
                self.members[code.key] = member
        member.spawn(pending)

    def warm(self, code: Code) -> None:
        """Have a member ready. One that cannot be imported shows when an instance is wanted, not here."""
        if code.key in self._broken or self._member(code) is not None:
            return
        self.drop(code.key)
        nowhere = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        try:
            member = self._make(code, snapshot=True, output=(nowhere, nowhere))
            member.silent = True
            self.members[code.key] = member
        finally:
            os.close(nowhere)

    def _member(self, code: Code) -> Member | None:
        """The one that has imported this, or is importing it."""
        member = self.members.get(code.key)
        return member if member is not None and not member.closed and member.code == code else None

    def drop(self, key: RevisionKey) -> None:
        """End a Revision's member, unless somebody waits for it; its instances go on."""
        member = self.members.get(key)
        if member is None or ((member.pending or member.forked) and not member.closed):
            return
        del self.members[key]
        member.close()

    def forget(self, key: RevisionKey) -> None:
        """The Revision is gone: another one of its name is tried anew."""
        self.drop(key)
        self._broken.discard(key)

    def withdraw(self, id: str) -> bool:
        """Nobody wants this instance any more. False: it does not wait, it is being forked."""
        member = next((member for member in self._by_id.values() if member.withdraw(id)), None)
        if member is None:
            return False
        if not member.pending and not self.is_current(member):
            member.close()  # its import was for this one alone
        return True

    def is_current(self, member: Member) -> bool:
        return self.members.get(member.key) is member

    def another_plain(self, like: Member, pending: Pending) -> None:
        """A process of its own that imports the function again, with the instance's output."""
        code = make_code(like.key, like.code.bundle, pending.order.env)
        try:
            member = self._make(code, snapshot=False, output=pending.fds[1:3])
        except OSError:
            pending.close()
            pending.failed(None)
            return
        member.spawn(pending)

    def _make(self, code: Code, *, snapshot: bool, output: tuple[int, ...]) -> Member:
        root = self._root(code.bundle)
        self._count += 1
        app_paths, layers = split_paths(code.bundle)
        order = NewMember(
            f"{code.key.name}#{self._count}", code.function, app_paths, layers, str(code.bundle.workdir),
            dict(code.env), snapshot, self._user,
        )  # fmt: skip
        channel, theirs = channel_pair()
        member = Member(order.id, code, self, channel)
        self._by_id[order.id] = member
        try:
            root.fork(order, (theirs.fileno(), output[0], output[1]))
        except OSError as error:  # it died before it was asked anything
            self._by_id.pop(order.id)
            root.ordered.discard(order.id)
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
                root.ordered.discard(message.id)
                if (member := self._by_id.get(message.id)) is not None:
                    member.born(message.pid)
            case Exited():
                if (member := self._by_id.pop(message.id, None)) is not None:
                    self._member_exited(member, message.status)
                self.instance_exited(message.pid, message.status)
            case Imported():
                return

    def _member_exited(self, member: Member, status: int) -> None:
        if self.is_current(member):
            del self.members[member.key]
        if not member.imported and not member.dismissed:
            self._broken.add(member.key)
        if member.silent and member.pending:
            # It was importing ahead of time, for nobody: import again for those who wait, so that they see the error.
            waiting, member.pending = member.pending, []
            for pending in waiting:
                self.another_plain(member, pending)
        member.reaped(status)

    def _root_gone(self, root: Root) -> None:
        """What it had forked goes on; what it had been asked to fork has to be asked for again."""
        self._roots = {key: value for key, value in self._roots.items() if value is not root}
        self._closing.append(root)
        for id in root.ordered:
            member = self._by_id.pop(id)
            self._broken.add(member.key)
            self.gone(member)
            member.fail(None, root.last_words())
        root.ordered.clear()

    def imported(self, member: Member, message: Imported) -> None:
        self._broken.discard(member.key)
        if message.refusal and self.is_current(member):
            del self.members[member.key]
            self._refused(member.key, message.refusal)
        self._settled()

    def instance_exited(self, pid: int, status: int) -> None:
        self._exited(pid, status)

    def gone(self, member: Member) -> None:
        loop = asyncio.get_running_loop()
        if self.is_current(member):
            del self.members[member.key]
            loop.call_later(REWARM_AFTER_S, self._say_lost, member.key)
        # The root reports how it ended; without a root nobody can.
        loop.call_later(1.0, member.fail, None)

    def _say_lost(self, key: RevisionKey) -> None:
        if key not in self._broken:  # what cannot be imported is tried again when an instance is
            self._lost(key)

    async def close(self) -> None:
        """End every zygote; instances go on unless a lifeline ends them."""
        self.members.clear()
        for member in self._by_id.values():
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
