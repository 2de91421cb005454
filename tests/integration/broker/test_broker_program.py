"""`python -m faas.engine.broker` as the supervisor starts it: ended, killed, and started again."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from faas.engine.broker.jetstream import running_logs, server_of
from faas.engine.contract.eventing import EventingStatus, EventingTable
from faas.engine.contract.settings import EngineSettings
from tests.broker_world import BROKER, PATIENCE_S, Engine, broker_settings, event, run
from tests.nats_world import running_nats

TABLE = EventingTable(1, brokers=(BROKER,))


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[EngineSettings]:
    with running_nats(tmp_path / "nats") as nats, broker_settings(nats) as made:
        (made.runtime_dir / "settings.json").write_bytes(msgspec.json.encode(made, enc_hook=str))
        yield made


@contextlib.contextmanager
def program(settings: EngineSettings) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts the program; what is still there at the end is killed."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        fds = (settings.listeners.broker, settings.listeners.broker_control)
        path = settings.runtime_dir / "settings.json"
        started.append(
            subprocess.Popen([sys.executable, "-P", "-m", "faas.engine.broker", "--settings", path], pass_fds=fds)
        )
        return started[-1]

    try:
        yield start
    finally:
        for process in started:
            process.kill()
            process.wait(PATIENCE_S)


@contextlib.asynccontextmanager
async def engine(settings: EngineSettings) -> AsyncIterator[Engine]:
    reader, writer = await asyncio.open_unix_connection(settings.broker_control_socket, limit=1 << 24)
    try:
        yield Engine(reader, writer)
    finally:
        writer.close()


async def send(settings: EngineSettings, data: bytes) -> int:
    """Status of the answer; 0: there was none."""
    try:
        reader, writer = await asyncio.open_unix_connection(settings.broker_socket)
        writer.write(event(data=data, extra=b"connection: close\r\n"))
        answer = await reader.read(-1)
        writer.close()
    except OSError:
        return 0
    return int(answer[9:12] or b"0")


async def stored(settings: EngineSettings) -> list[bytes]:
    async with running_logs(lambda: server_of(settings)) as logs, asyncio.timeout(PATIENCE_S):
        await logs.connection.connected()
        log, _, _ = await logs.open(BROKER)
        events: list[Any] = []
        while len(events) < (await log.state()).events:
            events.extend(await log.read(len(events) + 1, limit=1000, wait_s=1.0))
    return [each.data for each in events]


def test_it_ends_by_itself_when_it_is_told_to(settings: EngineSettings) -> None:
    async def work(process: subprocess.Popen[bytes]) -> None:
        async with engine(settings) as told:
            told.send(TABLE)
            await told.hear(lambda said: isinstance(said, EventingStatus) and said.brokers and said.brokers[0].ready)
            assert await send(settings, b"x") == 202
            process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.wait, PATIENCE_S) == 0

    with program(settings) as start:
        run(work(start()))
        assert settings.broker_socket.exists()  # the supervisor's, for the next one


def test_what_was_accepted_is_there_after_it_was_killed_under_load(settings: EngineSettings) -> None:
    async def sender(number: int, accepted: list[bytes], ended: asyncio.Event) -> None:
        sent = 0
        while not ended.is_set():
            data = b"%d/%d" % (number, sent)
            if await send(settings, data) == 202:
                accepted.append(data)
                sent += 1

    async def work(start: Callable[[], subprocess.Popen[bytes]]) -> None:
        accepted: list[bytes] = []
        ended = asyncio.Event()
        process = start()
        async with engine(settings) as told:
            told.send(TABLE)
            await told.hear(lambda said: isinstance(said, EventingStatus) and said.brokers)
        async with asyncio.timeout(3 * PATIENCE_S), asyncio.TaskGroup() as tasks:
            for number in range(10):
                tasks.create_task(sender(number, accepted, ended))
            for _ in range(3):
                before = len(accepted)
                while len(accepted) < before + 100:  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
                process.kill()
                process.wait(PATIENCE_S)
                process = start()
            before = len(accepted)
            while len(accepted) < before + 100:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            ended.set()
        assert set(accepted) <= set(await stored(settings))
        assert len(accepted) >= 400

    with program(settings) as start:
        run(work(start))
