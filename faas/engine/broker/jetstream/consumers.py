"""Consumers: how a server is asked for a stream's messages, and what it says of each."""

from __future__ import annotations

import asyncio
import json
from typing import Any, NamedTuple

import nats.errors
from nats.aio.msg import Msg

from faas.engine.broker.jetstream.connection import NatsConnection
from faas.engine.broker.seams.log import LogUnavailable

NS = 1_000_000_000
_ANSWER_S = 5.0


class Message(NamedTuple):
    sequence: int
    stored_s: float
    record: bytes


def position_of(reply: str) -> tuple[int, int, int]:
    """Sequence in the stream, count of the consumer, nanoseconds since the epoch: of a delivered message's reply.

    $JS.ACK.STREAM.CONSUMER.DELIVERED.SEQUENCE.COUNT.TIME.PENDING, or with a domain and an account before STREAM.
    """
    parts = reply.split(".")
    first = 5 if len(parts) == 9 else 7
    return int(parts[first]), int(parts[first + 1]), int(parts[first + 2])


async def make_consumer(connection: NatsConnection, stream: str, config: dict[str, Any], *, idle_s: float) -> str:
    """Its name. Raises: LogUnavailable."""
    answer = await connection.request(
        f"CONSUMER.CREATE.{stream}",
        {
            "stream_name": stream,
            "config": {
                "ack_policy": "none",
                "replay_policy": "instant",
                "mem_storage": True,
                "num_replicas": 1,
                "inactive_threshold": int(idle_s * NS),
                **config,
            },
        },
    )
    if "error" in answer:
        raise LogUnavailable(f"JetStream made no consumer of {stream}: {answer['error'].get('description', '')}")
    name: str = answer["name"]
    return name


async def read_once(connection: NatsConnection, stream: str, config: dict[str, Any], limit: int) -> list[Message]:
    """What is stored now, up to `limit` messages. Raises: LogUnavailable."""
    client = connection.client
    consumer = await make_consumer(connection, stream, config, idle_s=_ANSWER_S)
    inbox = client.new_inbox()
    found: list[Message] = []
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def on_message(message: Msg) -> None:
        if message.reply.startswith("$JS.ACK."):
            sequence, _, stored_ns = position_of(message.reply)
            found.append(Message(sequence, stored_ns / NS, message.data))
            if len(found) < limit:
                return
        if not ended.done():
            ended.set_result(None)

    try:
        subscription = await client.subscribe(inbox, cb=on_message, pending_msgs_limit=0, pending_bytes_limit=0)
        try:
            await client.publish(
                f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}",
                json.dumps({"batch": limit, "no_wait": True}).encode(),
                reply=inbox,
            )
            async with asyncio.timeout(_ANSWER_S):
                await connection.unless_lost(ended)
        finally:
            await subscription.unsubscribe()
            await client.publish(f"$JS.API.CONSUMER.DELETE.{stream}.{consumer}")
    except (nats.errors.Error, OSError) as error:
        raise LogUnavailable(f"the NATS server did not answer: {error or type(error).__name__}") from error
    return found
