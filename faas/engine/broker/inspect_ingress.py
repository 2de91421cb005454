"""Handing events to the broker's ingress over its own socket: they are checked and stored as all others are."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from pathlib import Path

from faas.engine.contract.inspecting import EventingUnavailable, EventNotTaken

_ANSWER_S = 30.0  # storing takes milliseconds; while nats-server and the broker start, a request waits


def hand_in(path: Path, broker: str, headers: Mapping[str, str], body: bytes) -> None:
    """Store what one CloudEvents request holds; blocks until it is stored.

    Raises: EventNotTaken: in the ingress' words; EventingUnavailable: whether it was stored is not known.
    """
    connection = _UnixConnection(path)
    try:
        connection.request("POST", f"/{broker}", body, {**headers, "Host": "broker", "Connection": "close"})
        answer = connection.getresponse()
        said = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise EventingUnavailable(f"the broker did not answer: {error or type(error).__name__}") from error
    finally:
        connection.close()
    if answer.status == 202:
        return
    if answer.status == 404:  # whoever asks knows that there is such a Broker; its process does not yet
        raise EventingUnavailable(f"the Broker {broker} is being made")
    wait = answer.headers.get("retry-after", "")
    raise EventNotTaken(answer.status, _detail(said, answer.reason), int(wait) if wait.isdigit() else None)


def _detail(said: bytes, reason: str) -> str:
    try:
        return str(json.loads(said)["detail"])
    except (ValueError, KeyError, TypeError):
        return said.decode(errors="replace") or reason


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("broker", timeout=_ANSWER_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
