"""Sends the events of the engine's own tasks to their sink, again and again until it has taken them."""

from __future__ import annotations

import asyncio
import logging
from urllib.parse import urlsplit

import msgspec
from faas_runtime.events import wire
from faas_runtime.events.event import Event
from faas_runtime.outgoing.httpclient import Address, HTTPClient

from faas.engine.contract.clock import Clock
from faas.engine.contract.settings import LOCAL_DOMAIN, EngineSettings
from faas.engine.contract.sources import SourcePlan
from faas.engine.sources.errors import ConfigurationError
from faas.engine.sources.reporting import Reporter
from faas.engine.sources.restarts import Backoff
from faas.engine.sources.waiting import pause
from faas.sources.delivery import Verdict, judge, retry_after_s

_log = logging.getLogger("faas.source")
_ATTEMPT_S = 60.0  # a Broker stores in milliseconds; a Service that is the sink itself may start first


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
            verdict, trouble, wait_at_least_s = await self._try([(b"host", self._host), *headers], body)
            if verdict is Verdict.TAKEN:
                if self._failing:
                    self._failing = False
                    self._report.say("running")
                self._report.sent()
                return True
            self._failing = True
            if verdict is Verdict.REFUSED:
                self._report.say("failing", "SinkRefuses", trouble)
                _log.error("%s: an event of type %s is lost: %s", self._name, event.type, trouble)
                return False
            self._report.say("failing", "SinkUnavailable", trouble)
            backoff, delay_s = backoff.after_failure()
            await pause(self._clock, max(delay_s, wait_at_least_s))

    async def _try(self, headers: list[tuple[bytes, bytes]], body: bytes) -> tuple[Verdict, str, float]:
        """Returns: what became of it, why it was not taken, and the seconds that the sink asks to wait."""
        try:
            async with asyncio.timeout(_ATTEMPT_S):
                received = await self._http.request(self._address, "POST", self._target, headers, body)
        except TimeoutError:
            return Verdict.AGAIN, f"{self._sink} did not answer within {_ATTEMPT_S:g} s", 0.0
        except OSError as error:
            return Verdict.AGAIN, f"{self._sink} cannot be reached: {error}", 0.0
        said = received.body[:200].decode("utf-8", "replace").strip()
        trouble = f"{self._sink} answered {received.status}" + (f": {said}" if said else "")
        asked = dict(received.headers).get(b"retry-after", b"").decode("latin-1")
        return judge(received.status), trouble, retry_after_s(asked, now=self._clock.utc())


def address_of(url: str, settings: EngineSettings) -> Address:
    """Where to connect for a URL. Raises: ValueError: it is no http URL."""
    address = Address.parse(url)
    if address.path:
        raise ValueError("a sink is an http or https URL")
    ours = (LOCAL_DOMAIN, settings.domain)
    if any(address.host == domain or address.host.endswith(f".{domain}") for domain in ours):
        return Address("localhost", path=str(settings.internal_socket))
    return address
