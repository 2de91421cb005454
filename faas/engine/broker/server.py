"""The broker's process: its parts made and wired, on sockets that the supervisor has bound, until SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from faas.engine.broker.control import Control
from faas.engine.broker.ingress import Door, IngressConnection, Limits
from faas.engine.broker.jetstream import running_logs, server_of
from faas.engine.broker.keeping import table
from faas.engine.broker.keeping.brokers import Brokers
from faas.engine.broker.keeping.recovery import keep_storing
from faas.engine.broker.metrics import BrokerCounts, render
from faas.engine.broker.seams.dispatching import Dispatcher
from faas.engine.broker.seams.publishing import Publish
from faas.engine.contract.listening import listen
from faas.engine.contract.settings import EngineSettings

_log = logging.getLogger("faas.broker")
_TICK_S = 1.0
_CURSORS_S = 3.0  # to save them at the end

MakeDispatcher = Callable[[EngineSettings, Publish], Dispatcher]


@contextlib.asynccontextmanager
async def running_broker(
    settings: EngineSettings, make_dispatcher: MakeDispatcher, limits: Limits | None = None
) -> AsyncIterator[Brokers]:
    """A broker that serves; on exit it stops accepting, answers what it holds, and saves its cursors."""
    async with running_logs(lambda: server_of(settings)) as logs, asyncio.TaskGroup() as tasks:

        def spawn(work: Coroutine[Any, Any, None]) -> object:
            return tasks.create_task(_contained(work))

        brokers = Brokers(logs, spawn)
        dispatcher = brokers.dispatcher = make_dispatcher(settings, brokers.publish)
        door = Door(brokers.publish, brokers.max_event_bytes, spawn, limits)
        control = Control(brokers, dispatcher, lambda: _scrape(door, brokers), spawn)
        brokers.noticed = dispatcher.noticed = control.tell
        path = settings.nats_dir / "eventing.json"
        remembered = table.load(path)
        if remembered is not None:
            brokers.recall(remembered)
        brokers.changed = lambda remembered: table.save(path, remembered)
        delivering = tasks.create_task(dispatcher.run())
        background = [tasks.create_task(work) for work in (brokers.run(), _retain(brokers), _tick(door, control))]
        if not settings.nats.url:
            background.append(tasks.create_task(keep_storing(logs, brokers, settings)))
        ingress = await listen(settings.listeners.broker, lambda: IngressConnection(door))
        engine = await listen(settings.listeners.broker_control, control.make_protocol)
        try:
            yield brokers
        finally:
            engine.close()
            ingress.close()
            try:
                await door.drain()
            finally:
                for task in background:
                    task.cancel()
                await _end(delivering)
                control.close()
                brokers.close()


async def serve(settings: EngineSettings, make_dispatcher: MakeDispatcher) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    async with running_broker(settings, make_dispatcher):
        _log.info("taking events on %s", settings.broker_socket)
        await stop.wait()


def _scrape(door: Door, brokers: Brokers) -> str:
    is_connected = brokers.is_connected
    counts = [
        BrokerCounts(store.status(is_connected), store.stored, store.stored_bytes, store.refused) for store in brokers
    ]
    return render(door, counts, is_connected=is_connected) + brokers.dispatcher.metrics()


async def _tick(door: Door, control: Control) -> None:
    while True:
        await asyncio.sleep(_TICK_S)
        door.tick()
        control.tell()


async def _retain(brokers: Brokers) -> None:
    while True:
        await asyncio.sleep(_TICK_S)
        for store in brokers:
            await store.retain()


async def _end(delivering: asyncio.Task[None]) -> None:
    """It saves its cursors, if the NATS server still takes them; what it has not saved is delivered again."""
    delivering.cancel()
    _, late = await asyncio.wait([delivering], timeout=_CURSORS_S)
    for task in late:
        task.cancel()


async def _contained(work: Coroutine[Any, Any, None]) -> None:
    """One request's defect must not end the task group, and with it everyone's."""
    try:
        await work
    except Exception:  # noqa: BLE001  # whatever it is, it is logged with its traceback
        _log.exception("storing an event or a replay failed in a way nobody foresaw")
