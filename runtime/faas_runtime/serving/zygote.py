"""The processes that instances are forked from.

A *root* zygote has imported the server and everything it needs, nothing of the user's. It forks *members*, one for each
Revision that is kept warm; a member imports the function and forks *instances*. All of them are single-threaded and
have no event loop, so that a fork is safe; what the user's code did is judged by `forking.refusal`.

Started by an engine as `python -I -S -c wire.BOOTSTRAP RUNTIME_LAYER CONTROL_FD [LIFELINE_FD]`.
"""

from __future__ import annotations

import gc
import importlib
import os
import select
import signal
import site
import socket
import sys
import time
import traceback
from pathlib import Path

from faas_runtime.loading.freshness import read_sources
from faas_runtime.serving import confine, exits, forking
from faas_runtime.serving.debugging import wait_for_debugger
from faas_runtime.serving.instance import (
    attach_output,
    become_instance,
    default_signals,
    leave,
    set_environment,
)
from faas_runtime.serving.plain import load_function
from faas_runtime.serving.server import Server
from faas_runtime.serving.wire import Channel, Exited, Forked, Imported, NewMember, Spawn, User

# What the first request, a first error or a typical handler would otherwise import after the fork.
WARM_MODULES = (
    "asyncio", "concurrent.futures.thread", "contextvars", "dataclasses", "datetime", "decimal", "email.utils",
    "encodings.idna", "gunicorn.asgi.websocket", "gunicorn_h1c", "http.cookies", "inspect", "ipaddress", "json",
    "logging", "msgspec", "traceback", "typing", "urllib.parse", "uuid", "uvloop",
    "faas_runtime", "faas_runtime.app",
)  # fmt: skip


class Children:
    """The processes this one has forked and not yet reaped."""

    def __init__(self) -> None:
        self._by_pidfd: dict[int, tuple[str, int]] = {}

    def add(self, id: str, pid: int, poll: select.poll) -> None:
        pidfd = os.pidfd_open(pid)
        self._by_pidfd[pidfd] = (id, pid)
        poll.register(pidfd, select.POLLIN)

    def reap(self, pidfd: int, poll: select.poll) -> Exited:
        id, pid = self._by_pidfd.pop(pidfd)
        poll.unregister(pidfd)
        os.close(pidfd)
        return Exited(id, pid, os.waitpid(pid, 0)[1])

    def forget(self) -> None:
        """In a fork: they are the parent's."""
        for pidfd in self._by_pidfd:
            os.close(pidfd)
        self._by_pidfd.clear()


def main(control: int, lifeline: int = -1) -> None:
    """Run the root zygote on its control socket until the engine closes it."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the terminal's process's to interpret
    for name in WARM_MODULES:
        try:
            importlib.import_module(name)
        except ImportError:  # optional here; without uvloop the standard loop serves
            continue
    confine.confine()
    confine.set_process_name("faas-zygote")
    gc.collect()
    gc.freeze()  # what is shared with every fork is never touched, and thereby copied, by a collection
    Root(Channel(socket.socket(fileno=control)), lifeline).run()


class Root:
    """Forks members on order."""

    def __init__(self, control: Channel, lifeline: int) -> None:
        self._control = control
        self._lifeline = lifeline
        self._children = Children()
        self._poll = select.poll()

    def run(self) -> None:
        if self._lifeline >= 0:
            confine.die_with(self._lifeline)
        self._poll.register(self._control, select.POLLIN)
        while True:
            for fd, _ in self._poll.poll():
                if fd != self._control.fileno():
                    _report(self._control, self._children.reap(fd, self._poll))
                    continue
                received = self._control.receive_order()
                if received is None:
                    os._exit(exits.DONE)
                order, fds = received
                if isinstance(order, NewMember):
                    self._fork_member(order, fds)

    def _fork_member(self, order: NewMember, fds: list[int]) -> None:
        pid = forking.fork()
        if pid == 0:
            try:
                self._control.close()
                self._children.forget()
                control, stdout, stderr = fds
                default_signals()
                attach_output(stdout, stderr)
                Member(order, Channel(socket.socket(fileno=control)), self._lifeline).run()
            except BaseException:  # noqa: BLE001  # nothing may unwind into the root's frames
                traceback.print_exc()
            leave(exits.UNEXPECTED)
        for fd in fds:
            os.close(fd)
        self._children.add(order.id, pid, self._poll)
        _report(self._control, Forked(order.id, pid))


class Member:
    """Imports one function, then makes instances of it."""

    def __init__(self, order: NewMember, control: Channel, lifeline: int) -> None:
        self._order = order
        self._control = control
        self._lifeline = lifeline
        self._children = Children()
        self._poll = select.poll()

    def run(self) -> None:
        started = time.monotonic()
        os.setsid()
        if self._lifeline >= 0:
            confine.die_with(self._lifeline)
        confine.set_process_name(f"faas-{self._order.function}")
        if self._order.user is not None and not self._become(self._order.user):
            leave(exits.LOAD_FAILED)
            return
        baseline = forking.Baseline.take()
        self._prepare_imports()
        wait_for_debugger()
        gc.disable()  # collecting in the middle of an import only costs; it is done once, after it
        app = load_function(self._order.function)
        gc.enable()
        if app is None:
            leave(exits.LOAD_FAILED)
            return
        refused = "snapshot is off for this Revision" if not self._order.snapshot else ""
        if not refused:
            snapshot = getattr(app, "before_snapshot", None)
            if snapshot is not None:
                snapshot()
        server = Server(app)
        if not refused:
            gc.collect()
            refused = forking.refusal(baseline)  # looks at the collector's objects, of which freezing leaves none
            gc.freeze()
        _report(self._control, Imported(os.getpid(), refused, time.monotonic() - started))
        self._serve_orders(server, may_fork=not refused)

    def _become(self, user: User) -> bool:
        """Whether this user can run the function; what it may not read would look like a module that is not there."""
        confine.become(user.uid, user.gid)
        folders = (self._order.workdir, *self._order.app_paths, *self._order.layers)
        hidden = [folder for folder in folders if not os.access(folder, os.R_OK | os.X_OK)]
        for folder in hidden:
            print(f"faas: user {user.name!r}, whom functions run as, cannot read {folder}", file=sys.stderr, flush=True)
        return not hidden

    def _prepare_imports(self) -> None:
        set_environment(self._order.env)
        os.chdir(self._order.workdir)
        runtime = sys.path.pop()  # the bootstrap put it there; it comes again among the layers
        sys.path[:0] = self._order.app_paths
        for layer in self._order.layers:
            site.addsitedir(layer)
        if runtime not in sys.path:
            sys.path.append(runtime)
        if os.environ.get("FAAS_DEV"):
            read_sources(Path(self._order.workdir))

    def _serve_orders(self, server: Server, *, may_fork: bool) -> None:
        self._poll.register(self._control, select.POLLIN)
        while True:
            for fd, _ in self._poll.poll():
                if fd != self._control.fileno():
                    _report(self._control, self._children.reap(fd, self._poll))
                    continue
                received = self._control.receive_order()
                if received is None:
                    os._exit(exits.DONE)
                order, fds = received
                if not isinstance(order, Spawn):
                    continue
                if may_fork:
                    self._fork_instance(order, fds, server)
                else:
                    _report(self._control, Forked(order.id, os.getpid()))
                    self._control.close()
                    become_instance(order, fds, server, self._order.function)

    def _fork_instance(self, order: Spawn, fds: list[int], server: Server) -> None:
        pid = forking.fork()
        if pid == 0:
            try:
                self._control.close()
                self._children.forget()
                os.setsid()
                if self._lifeline >= 0:
                    confine.die_with(self._lifeline)
            except BaseException:  # noqa: BLE001  # nothing may unwind into the zygote's frames
                traceback.print_exc()
                os._exit(exits.UNEXPECTED)
            become_instance(order, fds, server, self._order.function)
        for fd in fds:
            os.close(fd)
        self._children.add(order.id, pid, self._poll)
        _report(self._control, Forked(order.id, pid))


def _report(control: Channel, message: Forked | Exited | Imported) -> None:
    """An engine that is gone needs no report; the closed socket ends this process at the next poll."""
    try:
        control.send(message)
    except OSError:
        return
