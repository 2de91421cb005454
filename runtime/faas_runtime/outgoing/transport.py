"""How calls and events leave: over the gateway, or straight to where they go.

The gateway is dialled and Host names the function. Nothing relies on a resolver for `*.localhost`.
"""

from __future__ import annotations

import asyncio
import socket
from itertools import count
from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec

from faas_runtime.errors import NotConfigured
from faas_runtime.events import wire
from faas_runtime.events.event import Event
from faas_runtime.outgoing.asking import Outgoing
from faas_runtime.outgoing.httpclient import Address, HTTPClient
from faas_runtime.outgoing.reply import CallError, Reply
from faas_runtime.settings import Settings

PUBLISH_S = 30.0  # a broker stores before it answers; longer means it is down


class _Refusal(msgspec.Struct, frozen=True):
    reason: str
    may_pass: bool
    status: int = 0
    error: Exception | None = None


class Transport(Protocol):
    """Carries calls and events away; the real one dials, the test client's answers itself."""

    async def call(self, request: Outgoing) -> Reply: ...

    async def publish(self, event: Event[Any], *, timeout_s: float) -> None: ...

    async def aclose(self) -> None: ...


class NetworkTransport:
    """Over the gateway that FAAS_GATEWAY names, or straight to NAME.NAMESPACE.FAAS_DOMAIN; events to K_SINK."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client = HTTPClient()
        self._gateway = Address.parse(settings.gateway) if settings.gateway else None

    async def call(self, request: Outgoing) -> Reply:
        """Raises: CallError, NotConfigured."""
        host = self._host(request.function)
        address = self._gateway or Address(host, 80)
        headers = ((b"host", host.encode("ascii")), *request.headers)
        what = f"{request.method} {request.target} of the function {request.function!r}"
        try:
            async with asyncio.timeout(request.timeout_s):
                received = await self._client.request(address, request.method, request.target, headers, request.body)
        except TimeoutError:
            raise CallError(f"{what} did not answer within {request.timeout_s:g} s") from None
        except OSError as error:
            raise CallError(f"{what} cannot be reached: {error}") from error
        return Reply(received.status, _text_headers(received.headers), received.body)

    async def publish(self, event: Event[Any], *, timeout_s: float = PUBLISH_S) -> None:
        """Send it until it is taken, `timeout_s` long; sent twice, it has one id. Raises: CallError, NotConfigured."""
        if not self._settings.sink:
            raise NotConfigured(
                "ctx.publish has nowhere to send events: K_SINK is not set\n"
                "  Bind the function to a broker, or return the event from an event handler to send it as a reply."
            )
        parts = urlsplit(self._settings.sink)
        headers, body = wire.binary(self._overridden(event))
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        all_headers = ((b"host", parts.netloc.encode("ascii")), *headers)
        address = self._gateway if self._gateway and self._is_inside(parts.hostname or "") else None
        address = address or Address.parse(self._settings.sink)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + min(timeout_s, PUBLISH_S)
        for attempt in count():
            failure, wait_s = await self._publish_once(address, target, all_headers, body, deadline)
            if failure is None:
                return
            wait_s = max(wait_s, min(0.05 * 2**attempt, 2.0))
            if not failure.may_pass or loop.time() + wait_s >= deadline:
                said = f"the event {event.type!r} was not published to {self._settings.sink}: {failure.reason}"
                raise CallError(said, status=failure.status) from failure.error
            await asyncio.sleep(wait_s)

    async def _publish_once(
        self, address: Address, target: str, headers: tuple[tuple[bytes, bytes], ...], body: bytes, deadline: float
    ) -> tuple[_Refusal | None, float]:
        """What kept the sink from taking it, and how long it wants to be left alone."""
        try:
            async with asyncio.timeout_at(deadline):
                received = await self._client.request(address, "POST", target, headers, body)
        except TimeoutError as error:
            return _Refusal("no answer in time", may_pass=False, error=error), 0.0
        except OSError as error:
            unknown = isinstance(error, socket.gaierror) and error.errno == socket.EAI_NONAME
            return _Refusal(str(error) or type(error).__name__, may_pass=not unknown, error=error), 0.0
        if received.status < 300:
            return None, 0.0
        said = f"{received.status} {received.body[:200].decode('utf-8', 'replace')}".strip()
        refusal = _Refusal(said, may_pass=received.status in (429, 502, 503, 504), status=received.status)
        return refusal, _retry_after_s(dict(received.headers).get(b"retry-after", b""))

    async def aclose(self) -> None:
        await self._client.aclose()

    def _host(self, function: str) -> str:
        name, _, namespace = function.partition(".")
        domain = self._settings.domain or ("localhost" if self._gateway else "")
        if not domain:
            raise NotConfigured(
                f"ctx.call({function!r}) knows no way: neither FAAS_GATEWAY nor FAAS_DOMAIN is set\n"
                "  `faas run` and `faas deploy` set them; by hand: FAAS_GATEWAY=http://127.0.0.1:8080"
            )
        return f"{name}.{namespace or self._settings.namespace}.{domain}"

    def _is_inside(self, host: str) -> bool:
        """Whether the gateway knows the way: names of a cluster resolve only in one."""
        domain = self._settings.domain
        return host.endswith(".svc.cluster.local") or bool(domain and host.endswith(f".{domain}"))

    def _overridden(self, event: Event[Any]) -> Event[Any]:
        """Apply K_CE_OVERRIDES, which a SinkBinding leaves to the program."""
        if not self._settings.ce_overrides:
            return event
        overrides = msgspec.json.decode(self._settings.ce_overrides, type=dict[str, dict[str, str]])
        return event.replace(extensions={**event.extensions, **overrides.get("extensions", {})})


def _retry_after_s(value: bytes) -> float:
    """Of a Retry-After in seconds; a date counts as none, the own waits are short enough."""
    return float(value) if value.isdigit() else 0.0


def _text_headers(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
