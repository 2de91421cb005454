"""Events to a Broker of a cluster, at the address that its status says, through the API server."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from faas.client.errors import ApiError, Unavailable
from faas.client.http.client import HttpClient
from faas.client.protocol import Object
from faas.client.services.service_proxy import NothingBehind, ServiceProxy
from faas.client.transport.retry import never_arrived

_AT_ONCE = 8  # an API server has other things to do


class NoAddress(ApiError):
    """The Broker has no address, or one that the API server cannot reach."""

    code, reason = 409, "Conflict"


class BrokerFailed(ApiError):
    """A Broker has not said that it took an event, which it may have given to some of its Triggers."""

    def __init__(self, broker: str, error: ApiError) -> None:
        said = error.message.partition(f"answered {error.code}: ")[2]
        what = f"Broker {broker} answered {error.code}: {said}" if said else f"Broker {broker}: {error.message}"
        super().__init__(what, code=error.code)
        self.broker, self.has_answered = broker, bool(said)


class BrokerAddress:
    """Where one Broker takes events."""

    def __init__(self, client: HttpClient, broker: Object) -> None:
        """Raises: NoAddress."""
        name = self._name = broker["metadata"]["name"]
        url = ((broker.get("status") or {}).get("address") or {}).get("url")
        if not url:
            raise NoAddress(f"Broker {name} has no address yet: it is not ready")
        try:
            self._proxy, self._path = ServiceProxy.of_url(client, url)
        except ValueError:
            raise NoAddress(f"Broker {name} takes events at {url}, which is no Service of the cluster") from None

    async def send(self, documents: Sequence[dict[str, Any]]) -> None:
        """Return when the Broker has taken all: each is a request, since Knative's Brokers take no batches.

        Raises: ProxyForbidden, NothingBehind; BrokerFailed: some may be stored; ApiError.
        """
        slots = asyncio.Semaphore(_AT_ONCE)

        async def send_one(document: dict[str, Any]) -> None:
            async with slots:
                await self._send(msgspec.json.encode(document))

        try:
            async with asyncio.TaskGroup() as tasks:
                for document in documents:
                    tasks.create_task(send_one(document))
        except* ApiError as group:
            raise _first(group) from None

    async def _send(self, content: bytes) -> None:
        """Once, unless it certainly did not arrive: a Broker that hands events on before it answers, as Knative's with
        channels in memory does, has tried each Trigger with all its retries when it answers 500.
        """
        try:
            await self._proxy.ask("POST", self._path, content=content, content_type="application/cloudevents+json")
        except NothingBehind:
            raise
        except Unavailable as error:
            if error.unsure_since is None or never_arrived(error):
                raise
            raise BrokerFailed(self._name, error) from error


def _first(group: BaseExceptionGroup[BaseException]) -> ApiError:
    """The one that says most: what is only away is less than what was refused."""
    found = [error for error in _flat(group) if isinstance(error, ApiError)]
    return next((error for error in found if not isinstance(error, Unavailable)), found[0])


def _flat(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    errors: list[BaseException] = []
    for error in group.exceptions:
        errors += _flat(error) if isinstance(error, BaseExceptionGroup) else [error]
    return errors
