"""One process that serves one ASGI application, without an arbiter."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from faas_runtime.serving._log import StderrLog
from faas_runtime.serving._settings import Settings
from faas_runtime.serving.options import ServeOptions
from faas_runtime.serving.worker import FunctionWorker

Application = Callable[[Any, Any, Any], Awaitable[None]]


class Server(FunctionWorker):
    """gunicorn's worker on its own: without what serves an arbiter, a reloader or a change of user.

    Making one is work that can be done before a fork; nothing of it belongs to one process before `serve`.
    """

    supervised = False

    def __init__(self, app: Application) -> None:
        super().__init__(0, 0, [], None, 0, Settings(ServeOptions("", "")), StderrLog())
        self.tmp.close()  # a heartbeat that nobody would watch
        self.asgi = app

    def serve(
        self, sockets: Sequence[socket.socket], options: ServeOptions, *, on_ready: Callable[[], None] | None = None
    ) -> int:
        """Serve until SIGTERM or SIGINT, in this thread, on a new event loop; returns the exit code."""
        self.pid, self.ppid = os.getpid(), os.getppid()
        self.sockets, self.cfg, self.timeout = list(sockets), Settings(options), options.timeout_s
        self.head_timeout_s = options.head_timeout_s
        self.on_ready = lambda: self._ready(on_ready)
        for sock in sockets:
            sock.set_inheritable(False)  # one that was given to us by number
        self._setup_event_loop()
        self.init_signals()
        self.booted = True
        self.run()
        return int(self.exit_code)

    def init_signals(self) -> None:
        self.loop.add_signal_handler(signal.SIGTERM, self.handle_exit_signal)
        for number in (signal.SIGINT, signal.SIGQUIT):
            self.loop.add_signal_handler(number, self.handle_quit_signal)

    def _ready(self, tell: Callable[[], None] | None) -> None:
        """Tell first: while the word is on its way there is time for what only the first request needs."""
        if tell is not None:
            tell()
        after_ready = getattr(self.asgi, "after_ready", None)
        if after_ready is not None:
            after_ready()


def serve(
    app: Application,
    sockets: Sequence[socket.socket],
    options: ServeOptions,
    *,
    on_ready: Callable[[], None] | None = None,
) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code."""
    return Server(app).serve(sockets, options, on_ready=on_ready)
