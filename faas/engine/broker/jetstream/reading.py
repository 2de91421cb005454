"""A stream's messages from a position on, in order: a consumer on the server that is asked for more as they are used.

The consumer belongs to one connection and lives in the server's memory. Whatever happens to it (the server starts
again, it was idle for too long, messages were left out) it is made anew at the position that was reached: the position
is here, and nothing is acknowledged.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from time import monotonic

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from faas.engine.broker.jetstream.connection import NatsConnection
from faas.engine.broker.jetstream.consumers import NS, Message, make_consumer, position_of
from faas.engine.broker.seams.log import LogUnavailable

_BATCH = 512  # asked for at once: 50 requests a second at 25 000 events/s
_LEFT = 256  # in the buffer when more are asked for, so that the server works while these are delivered
_BATCH_BYTES = 8 * 1024 * 1024
_EXPIRES_S = 60.0
_HEARTBEAT_S = 5.0
_IDLE_S = 120.0  # a consumer that nobody asks anything goes after this
_MAX_STARTS = 3


class StreamReader:
    """Reads one stream, one caller at a time. `position` is the sequence the next message has at least.

    Args:
        subject: only messages of this subject.
    """

    def __init__(self, connection: NatsConnection, stream: str, position: int, subject: str = "") -> None:
        self.position = position
        self.used_s = monotonic()
        self._connection = connection
        self._stream = stream
        self._subject = subject
        self._client: Client | None = None  # on which the consumer was made
        self._consumer = ""
        self._inbox = ""
        self._subscription: Subscription | None = None
        self._buffer: deque[Message] = deque()
        self._asked_for = 0  # of the request that is out; 0: none is
        self._requests = 0
        self._heard_s = 0.0
        self._delivered = 0  # messages of this consumer, to notice one that is missing
        self._broken = False
        self._starts = 0  # of a consumer, within one `read`
        self._news: asyncio.Future[None] | None = None

    async def read(self, limit: int, wait_s: float) -> list[Message]:
        """Up to `limit` messages; waits up to `wait_s` for the first. Raises: LogUnavailable."""
        self.used_s = monotonic()
        deadline_s = self.used_s + wait_s
        self._starts = 0
        while True:
            await self._ask()
            if self._buffer:
                return self._take(limit)
            left_s = deadline_s - monotonic()
            if left_s <= 0:
                return []
            self._news = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(min(left_s, _HEARTBEAT_S)):
                    await self._news
            except TimeoutError:
                pass
            finally:
                self._news = None

    def wake(self) -> None:
        """Make who waits in `read` look again: something came, or the connection is gone."""
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    async def close(self) -> None:
        """The consumer goes, where the server can still be told."""
        client, self._client = self._client, None
        if client is not None and client.is_connected:
            await self._forget(client)

    def _take(self, limit: int) -> list[Message]:
        buffer = self._buffer
        if len(buffer) <= limit:
            taken = list(buffer)
            buffer.clear()
        else:
            taken = [buffer.popleft() for _ in range(limit)]
        self.position = taken[-1].sequence + 1
        return taken

    async def _ask(self) -> None:
        """Have a request out, unless enough is here already."""
        client = self._connection.client
        is_silent = self._asked_for > 0 and monotonic() - self._heard_s > 2.5 * _HEARTBEAT_S
        if client is not self._client or self._broken or is_silent:
            await self._start(client)
        if self._asked_for or len(self._buffer) > _LEFT:
            return
        self._asked_for = _BATCH
        self._requests += 1
        self._heard_s = monotonic()
        wanted = {
            "batch": _BATCH,
            "max_bytes": max(_BATCH_BYTES, 2 * client.max_payload),
            "expires": int(_EXPIRES_S * NS),
            "idle_heartbeat": int(_HEARTBEAT_S * NS),
        }
        try:
            await client.publish(
                f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._consumer}",
                json.dumps(wanted).encode(),
                reply=f"{self._inbox}.{self._requests}",
            )
        except (nats.errors.Error, OSError) as error:
            self._broken = True
            raise LogUnavailable(f"the NATS server took no request: {error or type(error).__name__}") from error

    async def _start(self, client: Client) -> None:
        """A consumer at the position, on this connection; what was buffered is read again."""
        self._starts += 1
        if self._starts > _MAX_STARTS:
            raise LogUnavailable(f"consumers of {self._stream} end as soon as they are made")
        self._buffer.clear()
        self._asked_for = self._delivered = 0
        if self._client is client:
            await self._forget(client)
        self._client = None
        self._consumer = await make_consumer(
            self._connection,
            self._stream,
            {"deliver_policy": "by_start_sequence", "opt_start_seq": max(1, self.position)}
            | ({"filter_subject": self._subject} if self._subject else {}),
            idle_s=_IDLE_S,
        )
        self._inbox = client.new_inbox()
        try:
            self._subscription = await client.subscribe(
                f"{self._inbox}.*", cb=self._on_message, pending_msgs_limit=0, pending_bytes_limit=0
            )
        except (nats.errors.Error, OSError) as error:
            raise LogUnavailable(f"the NATS server took no subscription: {error or type(error).__name__}") from error
        self._broken = False
        self._client = client

    async def _forget(self, client: Client) -> None:
        try:
            if self._subscription is not None:
                await self._subscription.unsubscribe()
            await client.publish(f"$JS.API.CONSUMER.DELETE.{self._stream}.{self._consumer}")
        except (nats.errors.Error, OSError):
            pass  # it ends with its connection, or by itself when it was idle for long

    async def _on_message(self, message: Msg) -> None:
        self._heard_s = monotonic()
        if message.reply.startswith("$JS.ACK."):
            self._on_event(message)
        elif message.subject != f"{self._inbox}.{self._requests}":
            return  # about an earlier request
        else:
            status = (message.headers or {}).get("Status", "")
            if status == "100":
                return
            self._asked_for = 0
            self._broken = not _may_go_on(status, (message.headers or {}).get("Description", ""))
        self.wake()

    def _on_event(self, message: Msg) -> None:
        sequence, delivered, stored_ns = position_of(message.reply)
        if self._broken:
            return
        self._delivered += 1
        if delivered != self._delivered:
            self._broken = True  # one is missing in between; those before it are in order
            return
        self._buffer.append(Message(sequence, stored_ns / NS, message.data))
        if self._asked_for:
            self._asked_for -= 1


def _may_go_on(status: str, description: str) -> bool:
    """Whether a request has merely ended (its time is over, its bytes are full) and the consumer is still there."""
    return status in ("404", "408") or (status == "409" and description.startswith(("Message Size", "Batch")))
