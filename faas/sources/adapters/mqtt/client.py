"""paho's MQTT client on an asyncio loop, with one promise more: no acknowledgement before the message is safe.

paho answers PUBREC the moment a QoS 2 message arrives and keeps the message in memory until PUBREL, so a killed process
loses what it has answered for. Here the message is handed over when it arrives, and PUBREC leaves when it is settled
(method B of MQTT 5, 4.3.3, with at least once for its result). Four of paho's private methods are overridden for that
and for reading ahead; the tests that kill an adapter hold what we take for granted about them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from paho.mqtt.client import Client, DisconnectFlags, MQTTMessage, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from faas.sources.errors import UpstreamError

CONNECT_S = 5.0  # also how long a stop may have to wait: the connecting thread cannot be interrupted
ANSWER_S = 15.0
KEEPALIVE_S = 30
SESSION_EXPIRY_S = 30 * 86_400  # longer than an outage that nobody notices; MQTT 3.1.1 has no such limit
RECEIVE_MAXIMUM = 1000  # unacknowledged messages at once: what bounds memory, and a batch
_READ_BYTES = 64 * 1024
_PACKETS_AT_ONCE = 200  # then others have their turn on the loop
Delivery = tuple[int, int]  # packet id and QoS: all that an acknowledgement needs, a message is large


class PatientClient(Client):
    """`arrived` is called with each message when it comes; `settle` acknowledges it. Belongs to the loop's thread."""

    def __init__(
        self, client_id: str, version: int, arrived: Callable[[MQTTMessage], None], *, lasting: bool = True
    ) -> None:
        super().__init__(
            CallbackAPIVersion.VERSION2, client_id, clean_session=None if version == 5 else not lasting,
            protocol=MQTTv5 if version == 5 else MQTTv311, reconnect_on_failure=False, manual_ack=True,
        )  # fmt: skip
        self._arrived = arrived
        self._ahead = b""
        self._position = 0
        self.on_message = lambda client, userdata, message: arrived(message)

    def settle(self, delivery: Delivery) -> None:
        """PUBACK or PUBREC; PUBREL is answered by itself."""
        mid, qos = delivery
        if qos == 1:
            self.ack(mid, 1)
        elif qos == 2:
            super()._send_pubrec(mid)

    @property
    def has_read_ahead(self) -> bool:
        return self._position < len(self._ahead) or bool(getattr(self.socket(), "pending", int)())  # TLS has its own

    def _sock_recv(self, bufsize: int) -> bytes:
        """Out of one large read: paho asks for single bytes."""
        if self._position >= len(self._ahead):
            self._ahead, self._position = super()._sock_recv(_READ_BYTES), 0
        start = self._position
        self._position = min(start + bufsize, len(self._ahead))
        return self._ahead[start : self._position]

    def _send_pubrec(self, mid: int) -> MQTTErrorCode:
        return MQTTErrorCode.MQTT_ERR_SUCCESS  # `settle` sends it

    def _handle_publish(self) -> MQTTErrorCode:
        code = super()._handle_publish()
        while self._in_messages:  # only QoS 2 messages are put there
            self._arrived(self._in_messages.popitem()[1])
        return code

    def _handle_pubrel(self) -> MQTTErrorCode:
        """Also of a message that a process before this one has settled: unanswered, it would block its id for ever."""
        return self._send_pubcomp(int.from_bytes(self._in_packet["packet"][:2]))


class Connection:
    """One connection of a lasting session. `lost` ends with the error when it breaks."""

    def __init__(self, client: PatientClient, version: int) -> None:
        self._client = client
        self._version = version
        self._loop = asyncio.get_running_loop()
        self._reading = -1
        self._connack: asyncio.Future[bool] = self._loop.create_future()
        self._subacks: dict[int, asyncio.Future[list[ReasonCode]]] = {}
        self.lost: asyncio.Future[None] = self._loop.create_future()
        client.connect_timeout = CONNECT_S
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = lambda c, u, mid, codes, properties: self._on_suback(mid, codes)
        client.on_unsubscribe = lambda c, u, mid, codes, properties: self._on_suback(mid, [])

    async def open(self, host: str, port: int, *, lasting: bool = True) -> bool:
        """Whether the broker still had the session. Raises: OSError, UpstreamError."""
        session: dict[str, Any] = {"clean_start": not lasting} if self._version == 5 else {}
        if self._version == 5 and lasting:
            properties: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = SESSION_EXPIRY_S
            properties.ReceiveMaximum = RECEIVE_MAXIMUM
            session["properties"] = properties
        await asyncio.to_thread(self._client.connect, host, port, KEEPALIVE_S, **session)
        self._attach()
        return bool(await self._answered(self._connack, "CONNACK"))

    async def subscribe(self, filters: list[str], qos: int) -> None:
        """Raises: UpstreamError: one of them is refused."""
        if self._version == 5:  # retained messages come when the subscription is made, not at each reconnect
            options = SubscribeOptions(qos=qos, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
            _, mid = self._client.subscribe([(name, options) for name in filters])
        else:
            _, mid = self._client.subscribe([(name, qos) for name in filters])
        codes = await self._answered(self._subacks.setdefault(mid or 0, self._loop.create_future()), "SUBACK")
        for name, code in zip(filters, codes, strict=False):
            if code.is_failure:
                raise UpstreamError("SubscriptionRefused", f"the broker refuses {name!r}: {code}")

    async def unsubscribe(self, filters: list[str]) -> None:
        _, mid = self._client.unsubscribe(filters)
        await self._answered(self._subacks.setdefault(mid or 0, self._loop.create_future()), "UNSUBACK")

    def stop_reading(self) -> None:
        if self._reading >= 0:
            self._loop.remove_reader(self._reading)
            self._reading = -1

    async def close(self) -> None:
        """Say goodbye once all acknowledgements are out; the session stays."""
        if self._client.socket() is not None and not self.lost.done():
            self._client.disconnect()
            for _ in range(100):
                if not self._client.want_write():
                    break
                await asyncio.sleep(0.01)  # paho tells nobody that its queue is empty
        self._client._sock_close()
        self._detach()
        if not self.lost.done():
            self.lost.cancel()

    # --- the loop's side

    def _attach(self) -> None:
        client = self._client
        sock = client.socket()
        if sock is None:
            raise ConnectionResetError("the broker closed the connection at once")
        self._reading = self._fd = sock.fileno()
        self._loop.add_reader(self._fd, self._readable)
        client.on_socket_register_write = lambda c, u, sock: self._loop.add_writer(self._fd, client.loop_write)
        client.on_socket_unregister_write = lambda c, u, sock: self._stop_writing()
        client.on_socket_close = lambda c, u, sock: self._detach()
        if client.want_write():
            self._loop.add_writer(self._fd, client.loop_write)
        self._ticking = self._loop.call_later(KEEPALIVE_S / 3, self._tick)

    def _detach(self) -> None:
        if hasattr(self, "_ticking"):
            self.stop_reading()
            self._stop_writing()
            self._ticking.cancel()

    def _stop_writing(self) -> None:
        self._loop.remove_writer(self._fd)

    def _readable(self) -> None:
        try:
            for _ in range(_PACKETS_AT_ONCE):
                if self._reading < 0 or self._client.loop_read() or self._client.socket() is None:
                    return
                if not self._client.has_read_ahead:
                    return
        except Exception as error:  # noqa: BLE001 - of a callback: no message may vanish, so the session ends with it
            self._fail(error)
            return
        self._loop.call_soon(self._readable)

    def _tick(self) -> None:
        self._ticking = self._loop.call_later(KEEPALIVE_S / 3, self._tick)
        self._client.loop_misc()  # pings, and notices when they are not answered

    # --- paho's side

    def _on_connect(self, client: Client, userdata: Any, flags: Any, code: ReasonCode, properties: Any) -> None:
        if code.is_failure:
            self._fail(UpstreamError(str(code).title().replace(" ", ""), f"the broker refuses the connection: {code}"))
        elif not self._connack.done():
            self._connack.set_result(bool(flags.session_present))

    def _on_disconnect(
        self, client: Client, userdata: Any, flags: DisconnectFlags, code: ReasonCode, properties: Any
    ) -> None:
        who = "the broker ended the connection" if flags.is_disconnect_packet_from_server else "the connection broke"
        self._fail(UpstreamError("ConnectionLost", f"{who}: {code}"))

    def _on_suback(self, mid: int, codes: list[ReasonCode]) -> None:
        answer = self._subacks.setdefault(mid, self._loop.create_future())
        if not answer.done():
            answer.set_result(codes)

    def _fail(self, error: Exception) -> None:
        if not self.lost.done():
            self.lost.set_exception(error)
            self.lost.exception()  # it may be that nobody asks any more

    async def _answered(self, answer: asyncio.Future[Any], what: str) -> Any:
        await asyncio.wait({answer, self.lost}, timeout=ANSWER_S, return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            return answer.result()
        if self.lost.done():
            self.lost.result()
        raise UpstreamError("NoAnswer", f"the broker sent no {what} within {ANSWER_S:g} s")
