"""Runs the gateway on sockets that the supervisor has bound, until SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import resource
import signal
import ssl
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faas.engine.contract.listening import listen
from faas.engine.contract.settings import EngineSettings
from faas.engine.gateway.clients.http1 import Http1Connection
from faas.engine.gateway.control import Control
from faas.engine.gateway.gateway import Gateway
from faas.engine.gateway.limits import Limits
from faas.engine.gateway.memory import Memory
from faas.engine.gateway.tracing import Tracer

_log = logging.getLogger("faas.gateway")


@dataclass(frozen=True)
class Options:
    """What is not in the engine's settings."""

    limits: Limits = field(default_factory=Limits)
    tracer: Tracer | None = None
    access_log_rate: float = 0.0


@contextlib.asynccontextmanager
async def running_gateway(settings: EngineSettings, options: Options) -> AsyncIterator[Gateway]:
    """A gateway that serves; on exit it stops accepting, drains and closes.

    Until it knows what is served, from the engine or from the gateway before it, who connects waits in the kernel's
    backlog: a 404 for what is there in a moment would be an event's attempt, and maybe its last.
    """
    async with asyncio.TaskGroup() as tasks:
        gateway = Gateway(
            options.limits,
            spawn=lambda work: tasks.create_task(_contained(work)),
            own_hosts=(settings.domain, settings.public_host),
            tracer=options.tracer,
            access_log_rate=options.access_log_rate,
        )
        memory = Memory(state_path(settings), gateway)
        control = Control(gateway)
        informed = asyncio.Event()

        def changed() -> None:
            memory.changed()
            if gateway.table.version:
                informed.set()

        memory.recall()
        if gateway.table.version:
            informed.set()
        gateway.state_changed = changed
        tls = _tls_context(settings)
        listeners = settings.listeners
        servers = [await listen(listeners.control, control.make_protocol)]

        async def accept() -> None:
            await informed.wait()
            servers.append(await listen(listeners.internal, lambda: Http1Connection(gateway, public=False)))
            servers.append(
                await listen(listeners.public, lambda: Http1Connection(gateway, public=True, tls=tls is not None), tls)
            )

        accepting = tasks.create_task(accept())
        ticking = tasks.create_task(_tick(gateway))
        try:
            yield gateway
        finally:
            accepting.cancel()
            for server in servers:
                server.close()
            try:
                await gateway.drain()
            finally:
                ticking.cancel()
                memory.flush()
                control.close()
                gateway.close()


async def serve(settings: EngineSettings, options: Options) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    _allow_many_files()
    async with running_gateway(settings, options):
        _log.info("serving on %s:%d", settings.public_host, settings.public_port)
        await stop.wait()


def state_path(settings: EngineSettings) -> Path:
    return settings.runtime_dir / "gateway.json"


def _tls_context(settings: EngineSettings) -> ssl.SSLContext | None:
    if settings.tls_cert is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(settings.tls_cert, settings.tls_key)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


async def _contained(work: Coroutine[Any, Any, None]) -> None:
    """One request's defect must not end the task group, and with it everyone's."""
    try:
        await work
    except Exception:  # noqa: BLE001  # whatever it is, it is logged with its traceback
        _log.exception("a connection to an instance failed in a way nobody foresaw")


async def _tick(gateway: Gateway) -> None:
    while True:
        await asyncio.sleep(1.0)
        gateway.tick()


def _allow_many_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or soft < hard:
        wanted = 1 << 20 if hard == resource.RLIM_INFINITY else hard
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
