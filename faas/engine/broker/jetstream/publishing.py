"""Messages that count once the server has stored them: published one behind the other, acknowledged as they come."""

from __future__ import annotations

import asyncio
import itertools
from time import monotonic
from typing import NamedTuple

import msgspec
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from faas.engine.broker.jetstream.connection import NatsConnection, is_unanswered
from faas.engine.broker.seams.log import EventTooLarge, LogFull, LogUnavailable

# A server that syncs each message stores 700 in a second (measured), and what the ingress holds at most takes it six. A
# server that has died or hangs is noticed by its connection, long before this.
ACK_S = 30.0
_MAX_UNACKED = 20_000
_MAX_UNACKED_BYTES = 64 * 1024 * 1024  # a server that takes nothing must not become our memory
# JetStream's error codes.
_NO_RESOURCES = frozenset({10023, 10047})  # of the account or the server
_STORE_FAILED = 10077  # the description says why: "maximum bytes exceeded", "no space left on device" ...
_TOO_LARGE = 10054


class _Error(msgspec.Struct):
    err_code: int = 0
    description: str = ""


class _Ack(msgspec.Struct):
    seq: int = 0
    error: _Error | None = None


class _Waiting(NamedTuple):
    answer: asyncio.Future[int]
    since_s: float
    size: int


_decode_ack = msgspec.json.Decoder(_Ack).decode


class Publisher:
    """Publishes on one connection. One subscription takes all acknowledgements, told apart by the end of the subject.

    `tick` has to be called about once a second: it gives up what was never acknowledged, without a timer for each.
    """

    def __init__(self, connection: NatsConnection) -> None:
        self._connection = connection
        self._waiting: dict[str, _Waiting] = {}  # by reply subject, oldest first
        self._unacked_bytes = 0
        self._numbers = itertools.count()
        self._inbox = ""
        connection.gained.append(self._on_gained)
        connection.lost.append(self._on_lost)

    async def publish(self, subject: str, record: bytes) -> int:
        """The sequence of the stored message. Messages are stored in the order of the calls.

        Raises: LogFull, EventTooLarge; LogUnavailable: it may have been stored, or not.
        """
        client = self._connection.client
        size = len(record)
        if len(self._waiting) >= _MAX_UNACKED or self._unacked_bytes + size > _MAX_UNACKED_BYTES:
            raise LogUnavailable(f"{len(self._waiting)} messages wait for the NATS server to store them")
        if not self._inbox:
            await self._subscribe(client)
        reply = f"{self._inbox}.{next(self._numbers)}"
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting[reply] = _Waiting(answer, monotonic(), size)
        self._unacked_bytes += size
        try:
            await client.publish(subject, record, reply=reply)
            return await answer
        except nats.errors.MaxPayloadError as error:
            raise EventTooLarge(
                f"the event takes {size} bytes, and the NATS server takes {client.max_payload}"
            ) from error
        except (nats.errors.Error, OSError) as error:
            raise LogUnavailable(f"the NATS server took no message: {error or type(error).__name__}") from error
        finally:
            if self._waiting.pop(reply, None) is not None:
                self._unacked_bytes -= size

    def tick(self) -> None:
        too_old = monotonic() - ACK_S
        while self._waiting:
            reply, oldest = next(iter(self._waiting.items()))
            if oldest.since_s > too_old:
                return
            self._fail(reply, f"the NATS server did not say within {ACK_S:g} s that a message is stored")

    def give_up(self, why: str) -> None:
        """Wait for no acknowledgement that is still out."""
        for reply in list(self._waiting):
            self._fail(reply, why)

    async def _subscribe(self, client: Client) -> None:
        # Set before anything waits: who comes meanwhile publishes on the same connection, behind the subscription.
        self._inbox = inbox = client.new_inbox()
        try:
            await client.subscribe(f"{inbox}.*", cb=self._on_ack, pending_msgs_limit=0, pending_bytes_limit=0)
        except nats.errors.Error as error:
            self._inbox = ""
            raise LogUnavailable(f"the NATS server took no subscription: {error}") from error

    async def _on_ack(self, message: Msg) -> None:
        waiting = self._waiting.pop(message.subject, None)
        if waiting is None:
            return
        self._unacked_bytes -= waiting.size
        if waiting.answer.done():
            return
        if is_unanswered(message):
            waiting.answer.set_exception(LogUnavailable("no stream takes these messages: it was deleted, or is not up"))
            return
        ack = _decode_ack(message.data)
        if ack.error is None:
            waiting.answer.set_result(ack.seq)
        else:
            waiting.answer.set_exception(_error_of(ack.error))

    def _on_gained(self, client: Client) -> None:
        self._inbox = ""

    def _on_lost(self) -> None:
        self.give_up("the NATS server went away before it said whether a message is stored")

    def _fail(self, reply: str, why: str) -> None:
        waiting = self._waiting.pop(reply)
        self._unacked_bytes -= waiting.size
        if not waiting.answer.done():
            waiting.answer.set_exception(LogUnavailable(why))


def _error_of(error: _Error) -> Exception:
    is_full = error.err_code == _STORE_FAILED and ("maximum" in error.description or "space" in error.description)
    if is_full or error.err_code in _NO_RESOURCES:
        return LogFull(f"the stream has no room: {error.description}")
    if error.err_code == _TOO_LARGE:
        return EventTooLarge(f"the stream takes no event of this size: {error.description}")
    return LogUnavailable(f"JetStream did not store a message: {error.description} ({error.err_code})")
