"""Whether a process that has imported a user's code may be forked, and what a fork has to renew."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import sys
import threading
import warnings
from dataclasses import dataclass

# Libraries whose idle native threads survive a fork: they stop and restart them in pthread_atfork handlers.
FORK_SAFE_LIBRARIES = ("openblas",)


@dataclass(frozen=True, slots=True)
class Baseline:
    """What was open before the user's code ran."""

    sockets: frozenset[str]

    @classmethod
    def take(cls) -> Baseline:
        return cls(frozenset(_open_sockets()))


def refusal(baseline: Baseline) -> str:
    """Why this process must not be forked, naming who is the cause; "" when it may."""
    if sys.platform != "linux":
        return f"forking after an import is not safe on {sys.platform}"
    return _python_threads() or _event_loops() or _sockets(baseline) or _native_threads()


def _python_threads() -> str:
    for thread in threading.enumerate():
        if thread is threading.main_thread():
            continue
        target = getattr(thread, "_target", None)
        module = getattr(target, "__module__", None) or type(thread).__module__
        return f"module {module} started the thread {thread.name!r} when it was imported"
    return ""


def _event_loops() -> str:
    for item in gc.get_objects():
        try:
            is_open = isinstance(item, asyncio.AbstractEventLoop) and not item.is_closed()
        except Exception:  # noqa: BLE001  # a proxy object of the user's may raise on any access
            continue
        if is_open:
            return f"{_holder(item)} opened an event loop when it was imported"
    return ""


def _sockets(baseline: Baseline) -> str:
    new = {name: fd for name, fd in _open_sockets().items() if name not in baseline.sockets}
    if not new:
        return ""
    fds = set(new.values())
    for item in gc.get_objects():
        if issubclass(type(item), socket.socket) and item.fileno() in fds:
            return f"{_holder(item)} opened a socket when it was imported"
    return "an imported module left a socket open"


def _native_threads() -> str:
    extra = len(os.listdir("/proc/self/task")) - 1
    if extra <= 0:
        return ""
    with open("/proc/self/maps") as maps:
        libraries = {line.rsplit("/", 1)[-1].strip() for line in maps if ".so" in line and "/" in line}
    safe = [name for name in libraries if any(known in name for known in FORK_SAFE_LIBRARIES)]
    # Each such library starts one thread for each further processor.
    if extra <= len(safe) * max(0, len(os.sched_getaffinity(0)) - 1):
        return ""
    return f"{extra} native threads run after the import; extension modules: {', '.join(_extensions())}"


def _open_sockets() -> dict[str, int]:
    found: dict[str, int] = {}
    for name in os.listdir("/proc/self/fd") if sys.platform == "linux" else ():
        try:
            link = os.readlink(f"/proc/self/fd/{name}")
        except OSError:  # the descriptor of the listing itself
            continue
        if link.startswith("socket:"):
            found[link] = int(name)
    return found


def _holder(item: object) -> str:
    for name, module in list(sys.modules.items()):
        values = getattr(module, "__dict__", {}).values()
        if any(value is item for value in list(values)):
            return f"module {name}"
    return "an imported module"


def _extensions() -> list[str]:
    """Top-level packages outside the standard library that have loaded native code."""
    names = {
        name.partition(".")[0]
        for name, module in list(sys.modules.items())
        if (getattr(module, "__file__", None) or "").endswith(".so")
    }
    ours = {"gunicorn_h1c", "uvloop", "msgspec"}
    return sorted(names - ours - set(sys.stdlib_module_names))


def fork() -> int:
    """os.fork, without the warning about native threads that `refusal` has judged."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def reseed() -> None:
    """Make the random numbers of this process its own. `random` and OpenSSL do so at a fork by themselves."""
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()
