"""Sends the events of the engine's own tasks to their sink, again and again until it has taken them."""

from __future__ import annotations

import asyncio
import logging
from urllib.parse import urlsplit

import msgspec
from faas_runtime import wire
from faas_runtime.event import Event
from faas_runtime.httpclient import Address, HTTPClient

from faas.engine.contract.clock import Clock
from faas.engine.contract.settings import LOCAL_DOMAIN, EngineSettings
from faas.engine.contract.sources import SourcePlan
from faas.engine.sources.errors import ConfigurationError
from faas.engine.sources.reporting import Reporter
from faas.engine.sources.restarts import Backoff
from faas.engine.sources.waiting import pause

_log = logging.getLogger("faas.source")
_ATTEMPT_S = 60.0  # a Broker stores in milliseconds; a Service that is the sink itself may start first
_AGAIN = frozenset({404, 408, 409, 429})  # and 5xx. Source: knative kncloudevents/retries.go


class Sender:
    """One source's way to its sink: through the gateway for what the engine serves, straight for everything else."""

    def __init__(
        self, plan: SourcePlan, settings: EngineSettings, http: HTTPClient, report: Reporter, clock: Clock
    ) -> None:
        """Raises: ConfigurationError: the plan has no sink, or overrides that cannot travel."""
        env = {variable.name: variable.value for variable in plan.env}
        sink, overrides = str(env.get("K_SINK", "")), str(env.get("K_CE_OVERRIDES", ""))
        try:
            parts, self._address = urlsplit(sink), address_of(sink, settings)
            decoded = msgspec.json.decode(overrides or "{}", type=dict[str, dict[str, str]])
        except ValueError as error:  # msgspec's errors are ValueErrors too
            raise ConfigurationError(
                "InvalidSink", f"the sink {sink!r} or its overrides cannot be used: {error}"
            ) from None
        self._extensions = decoded.get("extensions", {})
        self._host = parts.netloc.rpartition("@")[2].encode("ascii", "replace")
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._name, self._sink, self._failing = str(plan.key), sink, False
        self._http, self._report, self._clock = http, report, clock

    async def send(self, event: Event[object]) -> bool:
        """Returns: True when the sink has taken it, False when it refused it for good."""
        if self._extensions:
            event = event.replace(extensions={**event.extensions, **self._extensions})
        headers, body = wire.binary(event)
        backoff = Backoff()
        while True:
            refusal, again = await self._try([(b"host", self._host), *headers], body)
            if not refusal:
                if self._failing:
                    self._failing = False
                    self._report.say("running")
                self._report.sent()
                return True
            self._failing = True
            self._report.say("failing", "SinkRefuses" if not again else "SinkUnavailable", refusal)
            if not again:
                _log.error("%s: an event of type %s is lost: %s", self._name, event.type, refusal)
                return False
            backoff, delay_s = backoff.after_failure()
            await pause(self._clock, delay_s)

    async def _try(self, headers: list[tuple[bytes, bytes]], body: bytes) -> tuple[str, bool]:
        """Returns: why it was not taken ("" when it was), and whether another attempt may help."""
        try:
            async with asyncio.timeout(_ATTEMPT_S):
                received = await self._http.request(self._address, "POST", self._target, headers, body)
        except TimeoutError:
            return f"{self._sink} did not answer within {_ATTEMPT_S:g} s", True
        except OSError as error:
            return f"{self._sink} cannot be reached: {error}", True
        if 200 <= received.status < 300:
            return "", False
        said = received.body[:200].decode("utf-8", "replace").strip()
        refusal = f"{self._sink} answered {received.status}" + (f": {said}" if said else "")
        return refusal, received.status >= 500 or received.status in _AGAIN


def address_of(url: str, settings: EngineSettings) -> Address:
    """Where to connect for a URL. Raises: ValueError: it is no http URL."""
    address = Address.parse(url)
    if address.path:
        raise ValueError("a sink is an http or https URL")
    ours = (LOCAL_DOMAIN, settings.domain)
    if any(address.host == domain or address.host.endswith(f".{domain}") for domain in ours):
        return Address("localhost", path=str(settings.internal_socket))
    return address
