"""Instance: what one process holds while it serves, made after the fork: loop, threads, deadlines, connections."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Sequence
from typing import Any

from faas_runtime.calls.call import Call
from faas_runtime.calls.logs import write_line
from faas_runtime.calls.mounted import Mounted
from faas_runtime.clock import Clock, SystemClock
from faas_runtime.outgoing.transport import NetworkTransport, Transport
from faas_runtime.process.pool import ThreadPool, stacks
from faas_runtime.process.tracing import Tracer
from faas_runtime.settings import Settings, environment

_PROBE_S = 5.0  # a user's probe that takes longer has failed


class Instance:
    """One serving process. `start` has to run on its event loop; nothing of it exists before."""

    def __init__(
        self, settings: Settings, tracer: Tracer, *, threads: int, clock: Clock | None = None,
        transport: Callable[[Settings], Transport] = NetworkTransport,
    ) -> None:  # fmt: skip
        self.settings = settings
        self.tracer = tracer
        self.clock: Clock = clock or SystemClock()
        self.secrets = Mounted("Secret", "secrets", settings.secrets_dir, "FAAS_SECRET_", environment())
        self.config = Mounted("ConfigMap", "config", settings.config_dir, "FAAS_CONFIG_", environment())
        self.loop = asyncio.get_running_loop()
        self.loop_thread = threading.get_ident()
        self.pool = ThreadPool(threads, self.loop)
        self.transport = transport(settings)
        self.calls: set[Call] = set()
        self.monotonic = self.clock.monotonic
        self._next_sweep = float("inf")
        self._reported_stuck = False

    def enter(self, call: Call) -> None:
        """A request begins; its task is cancelled when `call.deadline` passes."""
        self.calls.add(call)
        if call.deadline < self._next_sweep:
            self._next_sweep = call.deadline
            self.clock.call_at(self.loop, call.deadline, self.sweep)

    def leave(self, call: Call) -> None:
        self.calls.discard(call)

    def sweep(self) -> None:
        """Give up what is past its deadline. One timer serves all requests; it runs about once a timeout."""
        now = self.clock.monotonic()
        watched = self.calls.union(self.pool.running())
        for call in watched:
            if call.deadline <= now and not call.expired:
                call.expired = True
                if call in self.calls and call.task is not None:
                    call.task.cancel()
        self._next_sweep = min((call.deadline for call in watched if not call.expired), default=float("inf"))
        if self._next_sweep != float("inf"):
            self.clock.call_at(self.loop, self._next_sweep, self.sweep)
        self._report_stuck()

    def _report_stuck(self) -> None:
        if not self.pool.is_stuck:
            self._reported_stuck = False
        elif not self._reported_stuck:
            self._reported_stuck = True
            overdue = self.pool.overdue()
            write_line(
                "error", f"all {len(overdue)} threads are stuck in requests past their deadline; not live any more",
                None, {"stacks": stacks([thread for thread, _ in overdue])},
            )  # fmt: skip

    async def aclose(self) -> None:
        self.pool.stop()
        await self.transport.aclose()


async def run_hooks(hooks: Sequence[Callable[[], Any]]) -> None:
    """Run lifecycle hooks one after another, in the order of their declaration."""
    for hook in hooks:
        result = hook()
        if inspect.isawaitable(result):
            await result


async def failing_probe(hooks: Sequence[Callable[[], Any]]) -> str:
    """What the first failing check of the user's says; "" when all pass (they returned neither False nor raised)."""
    for hook in hooks:
        name = getattr(hook, "__qualname__", repr(hook))
        try:
            async with asyncio.timeout(_PROBE_S):
                call = hook if inspect.isroutine(hook) else type(hook).__call__
                result = await hook() if inspect.iscoroutinefunction(call) else await asyncio.to_thread(hook)
        except TimeoutError:
            return f"{name} took longer than {_PROBE_S:g} s"
        except Exception as error:  # noqa: BLE001  # a user's check fails as it likes
            return f"{name}: {error!r}"
        if result is False:
            return f"{name} said no"
    return ""
