"""A thousand devices, each with an MQTT connection of its own: `python simulate.py --help`.

It speaks as much MQTT 3.1.1 as a small sensor does: CONNECT, PUBLISH at QoS 1, and it waits for each PUBACK.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import struct
import time


def packet(kind: int, body: bytes) -> bytes:
    length, size = len(body), b""
    while True:
        length, digit = divmod(length, 128)
        size += bytes([digit | (0x80 if length else 0)])
        if not length:
            return bytes([kind]) + size + body


def text(value: str) -> bytes:
    encoded = value.encode()
    return struct.pack("!H", len(encoded)) + encoded


def connect(client_id: str, user: str, password: str) -> bytes:
    flags = 0x02 | (0xC0 if user else 0)  # clean session; user name and password
    credentials = text(user) + text(password) if user else b""
    return packet(0x10, text("MQTT") + bytes([4, flags]) + struct.pack("!H", 60) + text(client_id) + credentials)


def publish(topic: str, number: int, payload: bytes) -> bytes:
    return packet(0x32, text(topic) + struct.pack("!H", number) + payload)


async def device(name: str, options: argparse.Namespace) -> int:
    """Send the readings of one device; returns how many were hot."""
    reader, writer = await asyncio.open_connection(options.host, options.port)
    writer.write(connect(name, options.user, options.password))
    answer = await reader.readexactly(4)
    if answer[3] != 0:
        raise SystemExit(f"the broker refused {name}: code {answer[3]} (wrong --user or --password?)")
    hot = 0
    for number in range(1, options.readings + 1):
        celsius = round(random.gauss(options.celsius, 8), 1)
        hot += celsius > 60
        reading = json.dumps({"device": name, "celsius": celsius}).encode()
        writer.write(publish(f"sensors/{name}/temperature", number, reading))
        await reader.readexactly(4)  # PUBACK: the broker has it
        await asyncio.sleep(options.interval)
    writer.write(packet(0xE0, b""))
    writer.close()
    await writer.wait_closed()
    return hot


async def simulate(options: argparse.Namespace) -> None:
    began = time.monotonic()
    hot = await asyncio.gather(*(device(f"device-{number:04}", options) for number in range(options.devices)))
    seconds = time.monotonic() - began
    sent = options.devices * options.readings
    print(f"{sent} readings of {options.devices} devices in {seconds:.1f} s, {sum(hot)} of them too hot")


def main() -> None:
    parser = argparse.ArgumentParser(description="Devices that send temperatures over MQTT.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1883)
    parser.add_argument("--user", default="")
    parser.add_argument("--password", default="")
    parser.add_argument("--devices", type=int, default=1000)
    parser.add_argument("--readings", type=int, default=5, help="of each device")
    parser.add_argument("--celsius", type=float, default=40.0, help="the mean; above 60 is too hot")
    parser.add_argument("--interval", type=float, default=1.0, help="seconds between two of one device")
    asyncio.run(simulate(parser.parse_args()))


if __name__ == "__main__":
    main()
