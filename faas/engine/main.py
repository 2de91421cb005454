"""The engine's process: the one place that knows all parts, and wires them.

`python -m faas.engine.main --settings PATH`, started by the supervisor, which restarts it when it dies. Crash-only:
whatever it knows is in the store, on the board of a moment, or in instances that the next engine adopts.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import uvloop

from faas.client.protocol import Client
from faas.engine.api.objects.backend import Backend
from faas.engine.api.server import ApiServer
from faas.engine.autoscaler import Autoscaler
from faas.engine.broker.inspect.inspector import Inspector
from faas.engine.broker.link import BrokerLink
from faas.engine.contract.board import Board
from faas.engine.contract.clock import Clock, SystemClock
from faas.engine.contract.settings import EngineSettings
from faas.engine.controllers import Controllers
from faas.engine.gateway.link import GatewayLink
from faas.engine.housekeeping import keep_house
from faas.engine.instances import Instances
from faas.engine.observation import Observation
from faas.engine.podlogs import PodLogs
from faas.engine.store import SqliteStore
from faas.resources.kinds import KINDS

_log = logging.getLogger("faas.engine")
_SUPERVISOR = "FAAS_SUPERVISOR_PID"  # who wants SIGUSR1 when everything serves, SIGUSR2 when events come into use


@contextlib.asynccontextmanager
async def running_engine(settings: EngineSettings) -> AsyncIterator[None]:
    """Everything but the gateway. Entered when it serves; left from the outside in."""
    board, clock = Board(), SystemClock()
    volatile = frozenset(str(kind) for kind in KINDS if kind.volatile)
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        store = await enter(SqliteStore(settings.state_dir / "state.db", volatile=volatile))
        backend = Backend(store)
        instances = Instances(settings, board, backend)
        backend.remover.evict = instances.evict
        await enter(instances)
        autoscaler = await enter(Autoscaler(board, clock))
        link = GatewayLink(board, settings.control_socket)
        await enter(_in_background(link.run()))
        broker = BrokerLink(board, settings, _have_supervisor_look)
        await enter(_in_background(broker.run()))
        observation = Observation(settings, board, link, broker, autoscaler)
        logs = PodLogs(instances.logs)
        eventing = await enter(Inspector(board, settings, broker))
        await enter(
            ApiServer(
                settings,
                backend,
                status=observation.status,
                metrics=observation.metrics,
                logs=logs,
                history=logs,
                eventing=eventing,
            )
        )
        await enter(_in_background(_run_sources(settings, board, backend, clock)))
        controllers = await enter(Controllers(backend, board, settings, clock))
        broker.seen_types.append(controllers.types_seen)
        # The gateway goes on with its last table until ours is complete.
        await controllers.settled()
        link.settle()
        broker.settle()
        await link.connected()
        await enter(_in_background(keep_house(backend, settings)))
        yield


async def _run_sources(settings: EngineSettings, board: Board, client: Client, clock: Clock) -> None:
    """From the first source on: an engine without one starts sooner and is 5 MB smaller."""
    async for _ in board.sources.changes():
        if len(board.sources):
            break
    from faas.engine.sources import Sources

    async with Sources(settings, board, client, clock):
        await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def _in_background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(work)
        yield
        task.cancel()


async def serve(settings: EngineSettings) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running_engine(settings):
        gc.collect()
        gc.freeze()
        _say_ready()
        _log.info("serving, API on 127.0.0.1:%d", settings.api_port)
        await stop.wait()


def _say_ready() -> None:
    _signal_supervisor(signal.SIGUSR1)


def _have_supervisor_look() -> None:
    """At the mark that events are in use, or are no more."""
    _signal_supervisor(signal.SIGUSR2)


def _signal_supervisor(number: signal.Signals) -> None:
    supervisor = int(os.environ.get(_SUPERVISOR, "0"))
    if supervisor and supervisor == os.getppid():
        os.kill(supervisor, number)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m faas.engine.main")
    parser.add_argument("--settings", type=Path, required=True, help="the engine's settings, a JSON document")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    settings = EngineSettings.load(arguments.settings)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
