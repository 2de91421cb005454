"""The MQTT adapter against real brokers: what was acknowledged to the broker is at the sink."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.sources_world import Program, running_adapter, running_mosquitto, running_nats_mqtt, stand_in_sink


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Program]:
    with running_mosquitto(tmp_path / "mosquitto") as program:
        yield program


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[Program]:
    with running_nats_mqtt(tmp_path / "nats") as program:
        yield program


def options(broker: Program, **more: Any) -> dict[str, Any]:
    return {"url": f"mqtt://{broker.address}", "topics": ["sensors/#"], "client_id": "the-adapter", **more}


class Device:
    """Publishes numbers and knows when the broker has them."""

    def __init__(self, broker: Program, name: str = "device") -> None:
        self._client = paho.Client(CallbackAPIVersion.VERSION2, name, protocol=paho.MQTTv5)
        self._client.max_inflight_messages_set(20)  # what Mosquitto takes at once of QoS 2, and paho does not look at
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()

    def __enter__(self) -> Device:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def publish(
        self, topic: str, payload: bytes | str, *, qos: int = 1, retain: bool = False, **properties: Any
    ) -> None:
        given = Properties(PacketTypes.PUBLISH)
        for name, value in properties.items():
            setattr(given, name, value)
        self._client.publish(topic, payload, qos, retain=retain, properties=given).wait_for_publish(30)

    def count(self, first: int, last: int, *, qos: int = 1) -> None:
        sent = [self._client.publish("sensors/1", str(number), qos) for number in range(first, last)]
        for one in sent:
            one.wait_for_publish(30)


def numbers(sink: Any) -> list[int]:
    return [int(event.data) for event in sink.events]


def in_order_of_first(seen: list[int]) -> list[int]:
    return list(dict.fromkeys(seen))


@pytest.mark.parametrize("version", [4, 5])
def test_a_message_becomes_an_event(mosquitto: Program, tmp_path: Path, version: int) -> None:
    async def scenario() -> None:
        async with stand_in_sink(tmp_path) as sink:
            async with running_adapter("mqtt", sink, options(mosquitto, version=version)) as adapter:
                await adapter.until("running")
                with Device(mosquitto) as device:
                    await asyncio.to_thread(device.publish, "sensors/1/temperature", '{"celsius": 21.5}')
                    await sink.has(1)
                event = sink.events[0]
                assert event.type == "dev.faas.mqtt.message"
                assert event.source == f"mqtt://127.0.0.1:{mosquitto.port}"
                assert event.subject == "sensors/1/temperature"
                assert event.data == {"celsius": 21.5}
                assert event.extensions["mqttqos"] in (1, "1")
                assert await adapter.end() == 0

    asyncio.run(scenario())


@pytest.mark.parametrize(("version", "qos"), [(4, 1), (5, 1), (4, 2), (5, 2)])
def test_nothing_is_lost_when_the_adapter_is_killed_under_load(
    mosquitto: Program, tmp_path: Path, version: int, qos: int
) -> None:
    async def scenario() -> None:
        given = options(mosquitto, version=version, qos=qos)
        async with stand_in_sink(tmp_path) as sink:
            with Device(mosquitto) as device:
                async with running_adapter("mqtt", sink, given, state=tmp_path / "state") as adapter:
                    await adapter.until("running")
                    publishing = asyncio.create_task(asyncio.to_thread(device.count, 0, 2000, qos=qos))
                    await sink.has(200)
                    await adapter.kill()
                async with running_adapter("mqtt", sink, given, state=tmp_path / "state") as adapter:
                    await sink.has(len(sink.events) + 200)
                    await adapter.kill()
                await publishing
                async with running_adapter("mqtt", sink, given, state=tmp_path / "state") as adapter:
                    await sink.until(lambda sink: len(set(numbers(sink))) == 2000, "2000 different messages")
                    assert await adapter.end() == 0
            assert in_order_of_first(numbers(sink)) == list(range(2000))

    asyncio.run(scenario())
