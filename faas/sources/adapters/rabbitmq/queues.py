"""The queue that is consumed: what is there is taken as it is, what is missing is made.

To declare something that exists with other properties is an error of AMQP that closes the channel, so one asks first,
on a channel of its own. Whoever has set a limit or a dead letter exchange on the queue need not repeat it here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from aio_pika.abc import AbstractConnection, AbstractQueue
from aiormq.exceptions import ChannelNotFoundEntity


class Wish(Protocol):
    @property
    def queue(self) -> str: ...
    @property
    def exchange(self) -> str: ...
    @property
    def exchange_type(self) -> str: ...
    @property
    def routing_keys(self) -> Sequence[str]: ...
    @property
    def predeclared(self) -> bool: ...
    @property
    def durable(self) -> bool: ...


async def find_queue(connection: AbstractConnection, wish: Wish) -> AbstractQueue:
    """The queue, on a channel of its own, bound as wished. Raises: AMQPError."""
    if not wish.predeclared:
        if not await _is_there(connection, queue=wish.queue):
            async with connection.channel(publisher_confirms=False) as channel:
                await channel.declare_queue(wish.queue, durable=wish.durable)
        if wish.exchange:
            await _bind(connection, wish)
    channel = await connection.channel(publisher_confirms=False)
    return await channel.declare_queue(wish.queue, passive=True)


async def _bind(connection: AbstractConnection, wish: Wish) -> None:
    kind = wish.exchange_type or "direct"
    made = not await _is_there(connection, exchange=wish.exchange)
    async with connection.channel(publisher_confirms=False) as channel:
        if made:
            await channel.declare_exchange(wish.exchange, kind, durable=wish.durable)
        queue = await channel.get_queue(wish.queue, ensure=False)
        for key in wish.routing_keys or [_usual_key(kind, wish.queue)]:
            await queue.bind(wish.exchange, routing_key=key)


async def _is_there(connection: AbstractConnection, *, queue: str = "", exchange: str = "") -> bool:
    channel = await connection.channel(publisher_confirms=False)
    try:
        if queue:
            await channel.declare_queue(queue, passive=True)
        else:
            await channel.declare_exchange(exchange, passive=True)
    except ChannelNotFoundEntity:
        return False  # and the server has closed the channel
    await channel.close()
    return True


def _usual_key(exchange_type: str, queue: str) -> str:
    return {"direct": queue, "topic": "#"}.get(exchange_type, "")
