"""The MQTT adapter against real brokers: what was acknowledged to the broker is at the sink."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.programs import Program, find_program, make_certificate, running_mosquitto, running_nats_mqtt
from tests.sources_world import adapter_environment, running_adapter, stand_in_sink


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

    def __init__(
        self, broker: Program, *, version: int = 5, username: str = "", password: str = "", ca: Path | None = None
    ) -> None:
        protocol = paho.MQTTv5 if version == 5 else paho.MQTTv311
        self._client = paho.Client(CallbackAPIVersion.VERSION2, "device", protocol=protocol)
        self._client.max_inflight_messages_set(20)  # what Mosquitto takes at once of QoS 2, and paho does not look at
        if ca:
            self._client.tls_set(str(ca))
        if username:
            self._client.username_pw_set(username, password)
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()

    def __enter__(self) -> Device:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, topic: str, payload: str, *, retain: bool = False, **properties: Any) -> None:
        given = Properties(PacketTypes.PUBLISH)
        for name, value in properties.items():
            setattr(given, name, value)
        self._client.publish(topic, payload, 1, retain=retain, properties=given).wait_for_publish(30)

    def count(self, first: int, last: int, *, qos: int = 1) -> None:
        self._wait([self._client.publish("sensors/1", str(number), qos) for number in range(first, last)])

    def all_devices(self, count: int) -> None:
        self._wait([self._client.publish(f"sensors/{number}", "1", 1) for number in range(count)])

    @staticmethod
    def _wait(sent: list[paho.MQTTMessageInfo]) -> None:
        for one in sent:
            one.wait_for_publish(30)


def numbers(sink: Any) -> list[int]:
    return [int(event.data) for event in sink.events]


def in_order_of_first(seen: list[int]) -> list[int]:
    return list(dict.fromkeys(seen))


@pytest.mark.parametrize("version", [4, 5])
def test_a_message_becomes_an_event(mosquitto: Program, tmp_path: Path, version: int) -> None:
    async def scenario() -> None:
        given = options(mosquitto, version=version)
        async with stand_in_sink(tmp_path) as sink, running_adapter("mqtt", sink, given) as adapter:
            await adapter.until("running")
            with Device(mosquitto) as device:
                await asyncio.to_thread(device.publish, "sensors/1/temperature", '{"celsius": 21.5}')
                await sink.has(1)
            event = sink.events[0]
            assert event.type == "dev.faas.mqtt.message"
            assert event.source == f"mqtt://127.0.0.1:{mosquitto.port}"
            assert event.subject == "sensors/1/temperature"
            assert event.data == {"celsius": 21.5}
            assert await adapter.end() == 0

    asyncio.run(scenario())


def test_a_cloudevent_in_a_message_is_passed_on_as_it_is(mosquitto: Program, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stand_in_sink(tmp_path) as sink, running_adapter("mqtt", sink, options(mosquitto)) as adapter:
            await adapter.until("running")
            attributes = [("specversion", "1.0"), ("type", "com.acme.hot"), ("source", "/oven"), ("id", "7")]
            with Device(mosquitto) as device:
                await asyncio.to_thread(
                    device.publish, "sensors/1", "[1]", ContentType="application/json", UserProperty=attributes
                )
                await sink.has(1)
            assert (sink.events[0].type, sink.events[0].source, sink.events[0].id) == ("com.acme.hot", "/oven", "7")

    asyncio.run(scenario())


@pytest.mark.parametrize(("version", "qos"), [(5, 1), (4, 2)])
def test_nothing_is_lost_when_the_adapter_is_killed_under_load(
    mosquitto: Program, tmp_path: Path, version: int, qos: int
) -> None:
    async def scenario() -> None:
        given = options(mosquitto, version=version, qos=qos)
        async with stand_in_sink(tmp_path) as sink:
            with Device(mosquitto) as device:
                async with running_adapter("mqtt", sink, given, state=tmp_path / "state") as adapter:
                    await adapter.until("running")
                    publishing = asyncio.create_task(asyncio.to_thread(device.count, 0, 1000, qos=qos))
                    await sink.has(200)
                    await adapter.kill()
                async with running_adapter("mqtt", sink, given, state=tmp_path / "state") as adapter:
                    await sink.has(len(sink.events) + 200)
                    await adapter.kill()
                await publishing
                async with running_adapter("mqtt", sink, given, state=tmp_path / "state") as adapter:
                    await sink.until(lambda sink: len(set(numbers(sink))) == 1000, "1000 different messages")
                    await adapter.until("running")  # before, a SIGTERM ends it as any program
                    assert await adapter.end() == 0
            assert in_order_of_first(numbers(sink)) == list(range(1000))

    asyncio.run(scenario())


def test_nothing_is_lost_while_the_sink_refuses_dies_or_is_silent(mosquitto: Program, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stand_in_sink(tmp_path) as sink, running_adapter("mqtt", sink, options(mosquitto)) as adapter:
            await adapter.until("running")
            with Device(mosquitto) as device:
                sink.refuse(503)
                await asyncio.to_thread(device.count, 0, 300)
                await adapter.until("failing", "SinkUnavailable")
                sink.die()
                await sink.asked(len(sink.requests) + 2)
                sink.take()
                await sink.has(300)
                await adapter.until("running")
            assert in_order_of_first(numbers(sink)) == list(range(300))
            assert await adapter.end() == 0

    asyncio.run(scenario())


def test_what_an_ending_adapter_could_not_deliver_waits_at_the_broker(mosquitto: Program, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stand_in_sink(tmp_path) as sink:
            async with running_adapter("mqtt", sink, options(mosquitto)) as adapter:
                await adapter.until("running")
                sink.refuse(503)
                with Device(mosquitto) as device:
                    await asyncio.to_thread(device.count, 0, 100)
                await sink.asked(1)
                assert await adapter.end() == 0
            sink.take()
            async with running_adapter("mqtt", sink, options(mosquitto)):
                await sink.has(100)
            assert in_order_of_first(numbers(sink)) == list(range(100))

    asyncio.run(scenario())


def test_the_adapter_comes_back_when_the_broker_does(mosquitto: Program, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stand_in_sink(tmp_path) as sink, running_adapter("mqtt", sink, options(mosquitto)) as adapter:
            await adapter.until("running")
            sink.refuse(503)  # so that some are read and not acknowledged when the broker goes
            with Device(mosquitto) as device:
                await asyncio.to_thread(device.count, 0, 100)
            await asyncio.to_thread(mosquitto.stop)
            await adapter.until("failing")
            sink.take()
            await asyncio.to_thread(mosquitto.start)
            await adapter.until("running")
            with Device(mosquitto) as device:
                await asyncio.to_thread(device.count, 100, 200)
            await sink.until(lambda sink: len(set(numbers(sink))) == 200, "200 different messages")
            assert in_order_of_first(numbers(sink)) == list(range(200))

    asyncio.run(scenario())


def test_a_burst_of_a_thousand_devices_travels_in_batches(mosquitto: Program, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stand_in_sink(tmp_path) as sink, running_adapter("mqtt", sink, options(mosquitto)) as adapter:
            await adapter.until("running")
            sink.hold()
            with Device(mosquitto) as device:
                await asyncio.to_thread(device.all_devices, 1000)
            sink.release()
            await sink.has(1000)
            assert sorted(event.subject or "" for event in sink.events) == sorted(f"sensors/{n}" for n in range(1000))
            assert len(sink.requests) < 100
            assert await adapter.end() == 0

    asyncio.run(scenario())


def test_a_session_that_was_kept_brings_no_retained_message_again(mosquitto: Program, tmp_path: Path) -> None:
    async def scenario() -> None:
        given = options(mosquitto, version=4)
        async with stand_in_sink(tmp_path) as sink:
            with Device(mosquitto) as device:
                await asyncio.to_thread(device.publish, "sensors/1", "1", retain=True)
                async with running_adapter("mqtt", sink, given, state=tmp_path / "state") as adapter:
                    await sink.has(1)
                    assert await adapter.end() == 0
                async with running_adapter("mqtt", sink, given, state=tmp_path / "state") as adapter:
                    await adapter.until("running")
                    await asyncio.to_thread(device.publish, "sensors/2", "2")
                    await sink.has(2)
            assert numbers(sink) == [1, 2]
            assert sink.events[0].extensions["mqttretained"] == "true"

    asyncio.run(scenario())


def test_topics_that_are_not_asked_for_any_more_are_left(mosquitto: Program, tmp_path: Path) -> None:
    async def scenario() -> None:
        state = tmp_path / "state"
        async with stand_in_sink(tmp_path) as sink:
            first = options(mosquitto, topics=["old/#", "both/#"])
            async with running_adapter("mqtt", sink, first, state=state) as adapter:
                await adapter.until("running")
                assert await adapter.end() == 0
            second = options(mosquitto, topics=["both/#", "new/#"])
            async with running_adapter("mqtt", sink, second, state=state) as adapter:
                await adapter.until("running")
                with Device(mosquitto) as device:
                    for topic in ("old/1", "both/1", "new/1"):
                        await asyncio.to_thread(device.publish, topic, "1")
                await sink.has(2)
            assert [event.subject for event in sink.events] == ["both/1", "new/1"]

    asyncio.run(scenario())


@pytest.mark.parametrize("version", [4, 5])
def test_shared_subscribers_divide_the_messages(mosquitto: Program, tmp_path: Path, version: int) -> None:
    async def scenario() -> None:
        async with (
            stand_in_sink(tmp_path) as sink,
            running_adapter("mqtt", sink, options(mosquitto, share="g", client_id="a", version=version)) as one,
            running_adapter("mqtt", sink, options(mosquitto, share="g", client_id="b", version=version)) as other,
        ):
            await one.until("running")
            await other.until("running")
            with Device(mosquitto) as device:
                await asyncio.to_thread(device.count, 0, 200)
            await sink.has(200)
            assert await one.end() == await other.end() == 0
            assert sorted(numbers(sink)) == list(range(200))
            assert min(one.reports[-1]["events"], other.reports[-1]["events"]) > 0

    asyncio.run(scenario())


def test_tls_and_passwords(tmp_path: Path) -> None:
    pem, key = make_certificate()
    (tmp_path / "cert.pem").write_text(pem)
    (tmp_path / "key.pem").write_text(key)
    (tmp_path / "key.pem").chmod(0o644)
    tmp_path.chmod(0o755)
    passwords = tmp_path / "passwords"
    command = [find_program("mosquitto_passwd"), "-c", "-b", str(passwords), "me", "a word"]
    subprocess.run(command, check=True, capture_output=True)
    lines = [
        "listener {port} 127.0.0.1", f"certfile {tmp_path}/cert.pem", f"keyfile {tmp_path}/key.pem",
        "allow_anonymous false", f"password_file {passwords}",
    ]  # fmt: skip

    async def scenario() -> None:
        with running_mosquitto(tmp_path / "mosquitto", *lines) as broker:
            given = {**options(broker), "url": f"mqtts://127.0.0.1:{broker.port}"}
            async with stand_in_sink(tmp_path) as sink:
                right = {"FAAS_SOURCE_USERNAME": "me", "FAAS_SOURCE_PASSWORD": "a word", "FAAS_SOURCE_CA": pem}
                async with running_adapter(
                    "mqtt", sink, given, **{**right, "FAAS_SOURCE_PASSWORD": "wrong"}
                ) as adapter:
                    await adapter.until("failing", "NotAuthorized")
                async with running_adapter("mqtt", sink, given, **{**right, "FAAS_SOURCE_CA": ""}) as adapter:
                    report = await adapter.until("failing", "UpstreamUnavailable")
                    assert "certificate" in report["message"].lower()
                async with running_adapter("mqtt", sink, given, **right) as adapter:
                    await adapter.until("running")
                    with Device(broker, username="me", password="a word", ca=tmp_path / "cert.pem") as device:
                        await asyncio.to_thread(device.count, 0, 500)
                    await sink.has(500)
                    assert numbers(sink) == list(range(500))
                    assert await adapter.end() == 0

    asyncio.run(scenario())


def test_a_retired_session_keeps_nothing(mosquitto: Program, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stand_in_sink(tmp_path) as sink:
            for version in (4, 5):
                given = options(mosquitto, version=version)
                async with running_adapter("mqtt", sink, given) as adapter:
                    await adapter.until("running")
                    assert await adapter.end() == 0
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "faas.sources", "mqtt", "--retire", env=adapter_environment(sink, given)
                )
                assert await process.wait() == 0
                with Device(mosquitto) as device:
                    await asyncio.to_thread(device.publish, "sensors/1", "1")
                    async with running_adapter("mqtt", sink, given) as adapter:
                        await adapter.until("running")
                        await asyncio.to_thread(device.publish, "sensors/1", "2")
                        await sink.has(1)
                assert numbers(sink) == [2]
                sink.events.clear()

    asyncio.run(scenario())


def test_nats_servers_own_mqtt_listener_loses_nothing_either(nats: Program, tmp_path: Path) -> None:
    async def scenario() -> None:
        given = options(nats, version=4)
        async with stand_in_sink(tmp_path) as sink:
            async with running_adapter("mqtt", sink, given) as adapter:
                await adapter.until("running")
                with Device(nats, version=4) as device:
                    publishing = asyncio.create_task(asyncio.to_thread(device.count, 0, 500))
                    await sink.has(100)
                    await adapter.kill()
                    await publishing
            async with running_adapter("mqtt", sink, given) as adapter:
                await sink.until(lambda sink: len(set(numbers(sink))) == 500, "500 different messages")
                await asyncio.to_thread(nats.kill)
                await adapter.until("failing")
                await asyncio.to_thread(nats.start)
                await adapter.until("running")
                with Device(nats, version=4) as device:
                    await asyncio.to_thread(device.count, 500, 600)
                await sink.until(lambda sink: len(set(numbers(sink))) == 600, "600 different messages")
                assert await adapter.end() == 0
            assert set(numbers(sink)) == set(range(600))

    asyncio.run(scenario())


def test_what_nats_server_sends_again_while_the_sink_is_away_does_not_add_up(nats: Program, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stand_in_sink(tmp_path) as sink, running_adapter("mqtt", sink, options(nats, version=4)) as adapter:
            await adapter.until("running")
            sink.refuse(503)
            with Device(nats, version=4) as device:
                await asyncio.to_thread(device.count, 0, 50)
            acknowledged_s = time.monotonic()
            await sink.until(lambda sink: time.monotonic() > acknowledged_s + 4.5)  # twice the server's patience
            sink.take()
            await sink.has(50)
            assert await adapter.end() == 0
            came = Counter(numbers(sink))
            assert set(came) == set(range(50))
            # Once; twice where the server sent it again just when its acknowledgement was on the way.
            assert max(came.values()) <= 2

    asyncio.run(scenario())
