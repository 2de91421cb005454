"""Events to a Broker of a cluster, at the address that its status says, through the API server."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from faas.client.errors import ApiError, Unavailable
from faas.client.http import HttpClient
from faas.client.protocol import Object
from faas.client.service_proxy import ServiceProxy

_AT_ONCE = 8  # an API server has other things to do


class NoAddress(ApiError):
    """The Broker has no address, or one that the API server cannot reach."""

    code, reason = 409, "Conflict"


class BrokerAddress:
    """Where one Broker takes events."""

    def __init__(self, client: HttpClient, broker: Object) -> None:
        """Raises: NoAddress."""
        name = broker["metadata"]["name"]
        url = ((broker.get("status") or {}).get("address") or {}).get("url")
        if not url:
            raise NoAddress(f"Broker {name} has no address yet: it is not ready")
        try:
            self._proxy, self._path = ServiceProxy.of_url(client, url)
        except ValueError:
            raise NoAddress(f"Broker {name} takes events at {url}, which is no Service of the cluster") from None

    async def send(self, documents: Sequence[dict[str, Any]]) -> None:
        """Return when the Broker has taken all: each is a request, since Knative's Brokers take no batches.

        Raises: ProxyForbidden; ApiError: some may be stored.
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
        """The same event twice is as good as once, and an event that is not stored is not."""
        await self._proxy.ask(
            "POST", self._path, content=content, content_type="application/cloudevents+json", idempotent=True
        )


def _first(group: BaseExceptionGroup[BaseException]) -> ApiError:
    """The one that says most: what is only away is less than what was refused."""
    found = [error for error in _flat(group) if isinstance(error, ApiError)]
    return next((error for error in found if not isinstance(error, Unavailable)), found[0])


def _flat(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    errors: list[BaseException] = []
    for error in group.exceptions:
        errors += _flat(error) if isinstance(error, BaseExceptionGroup) else [error]
    return errors
