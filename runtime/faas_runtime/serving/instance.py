"""Turns this process, fresh from a fork or an import, into an instance that serves."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import socket
import sys
import time
import traceback

from faas_runtime.serving import exits
from faas_runtime.serving.forking import reseed
from faas_runtime.serving.options import ServeOptions
from faas_runtime.serving.server import Server
from faas_runtime.serving.wire import READY, Spawn


def become_instance(spawn: Spawn, fds: list[int], server: Server, function: str) -> None:
    """Serve until told to stop, then leave the process. `fds`: listener, stdout, stderr, ready pipe."""
    code = exits.UNEXPECTED
    try:
        listener, stdout, stderr, ready = fds
        attach_output(stdout, stderr)
        set_environment(spawn.env)
        reseed()
        renew = getattr(server.asgi, "after_restore", None)
        if renew is not None:
            renew()
        options = ServeOptions(function=function, bind=f"fd:{listener}", timeout_s=spawn.timeout_s)
        code = server.serve([_listener(listener)], options, on_ready=lambda: _say_ready(ready))
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else exits.UNEXPECTED
    except BaseException:  # noqa: BLE001  # nothing may unwind into the zygote's frames
        traceback.print_exc()
    finally:
        leave(code)


def leave(code: int) -> None:
    """End without tearing the interpreter down, which would copy every page shared with the zygote."""
    try:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except Exception:  # noqa: BLE001  # a handler of the user's
        traceback.print_exc()
    finally:
        os._exit(code)


def attach_output(stdout: int, stderr: int) -> None:
    """File descriptors 1 and 2 are given to subprocesses too; lines leave at once, as in a terminal."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    os.close(stdout)
    os.close(stderr)
    sys.stdout.reconfigure(line_buffering=True, write_through=False)  # type: ignore[union-attr]


def set_environment(env: dict[str, str]) -> None:
    """Replace the whole environment, so that nothing of the engine's own is seen."""
    if dict(os.environ) == env:
        return
    for name in set(os.environ) - set(env):
        del os.environ[name]
    os.environ.update(env)
    if "TZ" in env:
        time.tzset()


def default_signals() -> None:
    """As a new program has them; Python's own handlers (SIGPIPE ignored, SIGINT) stay."""
    for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _listener(fd: int) -> socket.socket:
    sock = socket.socket(fileno=fd)
    sock.setblocking(False)
    return sock


def _say_ready(pipe: int) -> None:
    try:
        os.write(pipe, READY)
    except BrokenPipeError:  # the engine died meanwhile: the next one knows only of instances that were ready
        os.kill(os.getpid(), signal.SIGTERM)
    finally:
        os.close(pipe)
    _work_in_batches()


def _work_in_batches() -> None:
    """Do not interrupt whoever wakes us: neither the gateway, which has more to write, nor our own threads each other.

    A wake-up that runs at once takes the processor from the gateway after the first of many requests, and so on for
    each of them: measured, that cost an instance 1.6 times the processor time for a request, and the gateway 1.1 times.
    A share of the processor is as large as before; where one is idle, nothing changes. Not before the instance is
    ready: a start is to be as fast as it can.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # a preference, which a sandbox may refuse
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
