"""Load that knows what was acknowledged: keys whose events are numbered, each sent until it is, one after another."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

_PACE_S = 0.03  # between two events of a key: a load that two cores carry beside restarting processes
_ANSWER_S = 15.0
INGRESS = "broker-ingress.knative-eventing.svc.cluster.local"


class Way:
    """How the events of one key are sent. `attempt` says whether this event was acknowledged."""

    def attempt(self, key: str, number: int) -> bool:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


class HttpWay(Way):
    """One connection, made anew when it broke: `request` sends, and an acknowledgement is a 2xx."""

    def __init__(self, connect: Callable[[], http.client.HTTPConnection], path: str) -> None:
        self._connect, self._path = connect, path
        self._connection: http.client.HTTPConnection | None = None

    def attempt(self, key: str, number: int) -> bool:
        headers = {
            "ce-specversion": "1.0", "ce-id": f"{key}-{number}", "ce-type": "load", "ce-source": "/test",
            "ce-subject": key, "content-type": "application/json",
        }  # fmt: skip
        try:
            if self._connection is None:
                self._connection = self._connect()
            self._connection.request("POST", self._path, body=json.dumps({"n": number}), headers=headers)
            answer = self._connection.getresponse()
            answer.read()
            return 200 <= answer.status < 300
        except (OSError, http.client.HTTPException):
            self.close()
            return False

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class MqttWay(Way):
    """QoS 1 as a small device does it: what has no PUBACK is sent again, on the next connection."""

    def __init__(self, port: int, name: str) -> None:
        self._port, self._name = port, name
        self._socket: socket.socket | None = None

    def attempt(self, key: str, number: int) -> bool:
        packet_id = (number % 65535 + 1).to_bytes(2, "big")
        try:
            if self._socket is None:
                self._socket = self._connect()
            self._send(0x32, _text(key) + packet_id + json.dumps({"n": number}).encode())
            return self._receive() == b"\x40\x02" + packet_id
        except OSError:
            self.close()
            return False

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connect(self) -> socket.socket:
        self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=_ANSWER_S)
        clean_session, keep_alive = b"\x02", b"\x00\x00"
        self._send(0x10, _text("MQTT") + b"\x04" + clean_session + keep_alive + _text(self._name))
        if self._receive() != b"\x20\x02\x00\x00":
            raise ConnectionRefusedError("the MQTT server wants no connection of ours")
        return self._socket

    def _send(self, kind: int, body: bytes) -> None:
        assert self._socket is not None
        assert len(body) < 128  # a length of one byte
        self._socket.sendall(bytes([kind, len(body)]) + body)

    def _receive(self) -> bytes:
        """CONNACK and PUBACK have four bytes."""
        assert self._socket is not None
        answer = self._socket.recv(4, socket.MSG_WAITALL)
        if len(answer) < 4:
            raise ConnectionResetError("the MQTT server closed the connection")
        return answer


def _text(value: str) -> bytes:
    return len(value).to_bytes(2, "big") + value.encode()


class UnixConnection(http.client.HTTPConnection):
    """To the internal listener, where cluster-local names are served."""

    def __init__(self, path: Path, host: str) -> None:
        super().__init__(host, timeout=_ANSWER_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(_ANSWER_S)
        try:
            self.sock.connect(str(self._path))
        except OSError:
            self.sock.close()
            raise


class Load:
    """A thread for each key. `acknowledged[key]` events are: those numbered from 0 on."""

    def __init__(self, ways: dict[str, Way]) -> None:
        self.acknowledged = dict.fromkeys(ways, 0)
        self._news = threading.Condition()
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=each, daemon=True) for each in ways.items()]

    @property
    def total(self) -> int:
        return sum(self.acknowledged.values())

    def has(self, total: int) -> None:
        """Wait until so many events were acknowledged."""
        with self._news:
            enough = self._news.wait_for(lambda: self.total >= total, 4 * _ANSWER_S)
        assert enough, f"{self.total} of {total} events are acknowledged: {self.acknowledged}"

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """What is on its way is still acknowledged, or counts as not sent."""
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _run(self, key: str, way: Way) -> None:
        while not self._end.is_set():
            if way.attempt(key, self.acknowledged[key]):
                with self._news:
                    self.acknowledged[key] += 1
                    self._news.notify_all()
            self._end.wait(_PACE_S)
        way.close()


@contextlib.contextmanager
def running_load(ways: dict[str, Way]) -> Iterator[Load]:
    load = Load(ways)
    load.start()
    try:
        yield load
    finally:
        load.stop()
