"""Several worker processes of one function, under gunicorn's arbiter (FAAS_WORKERS above 1)."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from faas_runtime.serving._settings import limits
from faas_runtime.serving.options import ServeOptions
from faas_runtime.serving.server import Application
from faas_runtime.serving.worker import ENDING


class FunctionArbiter(Arbiter):  # type: ignore[misc]
    """Forks with the signals held back that end a worker, which takes them when it has handlers of its own.

    Otherwise one that arrives in between reaches the arbiter's handler in the fork, which notes it where nobody
    looks, and the worker runs on until graceful_timeout.
    """

    def spawn_worker(self) -> int:
        held = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        try:
            return int(super().spawn_worker())
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, held)


class FunctionApplication(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """Loads the function in each worker, so that no worker shares what another one opened."""

    def __init__(self, options: ServeOptions, load: Callable[[str], Application]) -> None:
        self._options = options
        self._load = load
        super().__init__()

    def load_config(self) -> None:
        settings: dict[str, Any] = {
            **limits(self._options),
            "bind": self._options.bind.removeprefix("tcp:").replace("fd:", "fd://"),
            "workers": self._options.workers,
            "worker_class": "faas_runtime.serving.worker.FunctionWorker",
            "proc_name": f"faas {self._options.function}",
            "control_socket_disable": True,
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Application:
        return self._load(self._options.function)

    def run(self) -> None:
        FunctionArbiter(self).run()
