"""Devices that publish by MQTT 3.1.1 at QoS 1: a few bytes each way, so that they are no load themselves."""

from __future__ import annotations

import asyncio
import struct
import time
from typing import NamedTuple

_CONNACK, _PUBLISH_QOS1, _PUBACK = 0x20, 0x32, 0x40
_IN_FLIGHT = 10  # unacknowledged messages of a device; Mosquitto takes 20


class Sent(NamedTuple):
    messages: int
    seconds: float  # until all were acknowledged to the devices


async def publish(port: int, *, devices: int, each: int, payload: bytes) -> Sent:
    connections = [await _connect(port, f"bench-{n}") for n in range(devices)]
    begun = time.perf_counter()
    try:
        async with asyncio.TaskGroup() as tasks:
            for n, connection in enumerate(connections):
                tasks.create_task(_publish(*connection, f"bench/{n}/temperature", each, payload))
    finally:
        for _, writer in connections:
            writer.close()
    return Sent(devices * each, time.perf_counter() - begun)


async def _connect(port: int, client_id: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    clean_session, keep_alive_s = 0x02, 600
    writer.write(_packet(0x10, _text("MQTT") + struct.pack(">BBH", 4, clean_session, keep_alive_s) + _text(client_id)))
    kind, _, _, refused = await reader.readexactly(4)
    if kind != _CONNACK or refused:
        raise RuntimeError(f"the MQTT server refused a device: {refused}")
    return reader, writer


async def _publish(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, topic: str, count: int, payload: bytes
) -> None:
    sent = 0
    for acknowledged in range(count):
        while sent < min(count, acknowledged + _IN_FLIGHT):
            sent += 1
            writer.write(_packet(_PUBLISH_QOS1, _text(topic) + struct.pack(">H", sent) + payload))
        kind, _, number = struct.unpack(">BBH", await reader.readexactly(4))
        if kind != _PUBACK or number != acknowledged + 1:
            raise RuntimeError(
                f"the MQTT server answered {kind:#x} {number} instead of acknowledging {acknowledged + 1}"
            )
    writer.write(_packet(0xE0, b""))


def _packet(kind: int, rest: bytes) -> bytes:
    length, encoded = len(rest), bytearray()
    while True:
        length, low = divmod(length, 128)
        encoded.append(low | (0x80 if length else 0))
        if not length:
            return bytes((kind,)) + bytes(encoded) + rest


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack(">H", len(raw)) + raw
