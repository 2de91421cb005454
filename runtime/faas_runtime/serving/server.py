"""One process that serves one ASGI application, without an arbiter."""

from __future__ import annotations

import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from faas_runtime.serving import exits
from faas_runtime.serving._log import StderrLog
from faas_runtime.serving._settings import Settings
from faas_runtime.serving.options import ServeOptions
from faas_runtime.serving.worker import FunctionWorker

Application = Callable[[Any, Any, Any], Awaitable[None]]


class _Loaded:
    """gunicorn asks its application object for the callable."""

    def __init__(self, app: Application) -> None:
        self._app = app

    def wsgi(self) -> Application:
        return self._app


def serve(
    app: Application,
    sockets: Sequence[socket.socket],
    options: ServeOptions,
    *,
    on_ready: Callable[[], None] | None = None,
) -> int:
    """Serve until SIGTERM or SIGINT, in this thread, on a new event loop; returns the exit code."""
    worker = FunctionWorker(
        0, os.getppid(), list(sockets), _Loaded(app), options.timeout_s, Settings(options), StderrLog()
    )
    worker.pid = os.getpid()
    worker.supervised = False
    worker.head_timeout_s = options.head_timeout_s
    worker.on_ready = on_ready
    try:
        worker.init_process()
    finally:
        worker.tmp.close()
    return int(worker.exit_code) if worker.booted else exits.UNEXPECTED
