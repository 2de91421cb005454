"""The store of dead letters that a deploy puts into a namespace of a cluster, asked through the API server."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any, Final

import msgspec

from faas.client.errors import ApiError, Forbidden, NotFound, Unauthorized
from faas.client.http.client import HttpClient
from faas.client.protocol import Object
from faas.client.services.eventing import as_query
from faas.client.services.service_proxy import ServiceProxy
from faas.resources.kinds import BROKER, SECRET, TRIGGER

NAME: Final = "faas-dead-letters"  # of all its objects
COMPONENT_LABEL: Final = "faas.dev/component"
COMPONENT: Final = "dead-letters"
PORT_NAME: Final = "http"
TOKEN_KEY: Final = "token"
_TOKEN_HEADER = "X-Faas-Token"


class NoStore(ApiError):
    """No deploy has put a store there. `sinks`: where each Trigger sends its dead letters instead, "" for nowhere."""

    code, reason = 404, "NotFound"

    def __init__(self, namespace: str, sinks: dict[str, str]) -> None:
        super().__init__(f"namespace {namespace} has no store of dead letters")
        self.namespace, self.sinks = namespace, sinks


class TokenForbidden(Forbidden):
    """The user may not read the Secret that opens the store."""

    def __init__(self, namespace: str) -> None:
        super().__init__(f"you may not read Secret {NAME} of namespace {namespace}, which has the store's token")
        self.namespace = namespace


class DeadLetterStore:
    """Has the methods of `EventingClient` that are about dead letters. All raise ApiError, as ProxyForbidden."""

    def __init__(self, client: HttpClient, namespace: str, token: str) -> None:
        self._client, self._namespace = client, namespace
        self._proxy = ServiceProxy(client, namespace, NAME, PORT_NAME, {_TOKEN_HEADER: token})

    @classmethod
    async def find(cls, client: HttpClient, namespace: str) -> DeadLetterStore:
        """Raises: NoStore; TokenForbidden; ApiError."""
        try:
            secret = await client.get(SECRET, NAME, namespace)
        except NotFound as error:
            raise NoStore(namespace, await sinks_of(client, namespace)) from error
        except Unauthorized:
            raise
        except Forbidden as error:
            raise TokenForbidden(namespace) from error
        token = base64.b64decode((secret.get("data") or {}).get(TOKEN_KEY, "")).decode()
        return cls(client, namespace, token)

    def dead_letters(self, broker: str, *, limit: int, **query: Any) -> AsyncIterator[Object]:
        """First `total`; then the newest letters, oldest first."""
        return self._proxy.lines("GET", _path(broker), as_query(limit=limit, **query))

    async def dead_letter_streams(self, broker: str) -> dict[str, int] | None:
        """How many dead letters each stream has. None: nobody can say now."""
        try:
            return dict((await self._proxy.ask("GET", _path(broker) + "/streams", idempotent=True))["streams"])
        except ApiError:
            return None

    async def replay_dead_letters(self, broker: str, *, to_broker: bool = False, **query: Any) -> AsyncIterator[Object]:
        """First `total`, {} while it lasts; at the end `delivered`, `failed` and `error`."""
        destinations = {
            "broker": await self._address_of(broker),
            "subscribers": await self._subscribers(),
            "to": "broker" if to_broker else "subscriber",
        }
        content = msgspec.json.encode(destinations)
        async for line in self._proxy.lines("POST", _path(broker) + "/replay", as_query(**query), content=content):
            yield line

    async def purge_dead_letters(self, broker: str, **query: Any) -> int:
        """How many are gone."""
        return int((await self._proxy.ask("POST", _path(broker) + "/purge", as_query(**query)))["purged"])

    async def _address_of(self, broker: str) -> str:
        found = await self._client.get(BROKER, broker, self._namespace)
        return str(((found.get("status") or {}).get("address") or {}).get("url") or "")

    async def _subscribers(self) -> dict[str, str]:
        triggers = (await self._client.list(TRIGGER, self._namespace)).items
        urls = {each["metadata"]["name"]: (each.get("status") or {}).get("subscriberUri") or "" for each in triggers}
        return {name: url for name, url in urls.items() if url}


async def sinks_of(client: HttpClient, namespace: str) -> dict[str, str]:
    """Where each Trigger sends its dead letters, "" for nowhere; {} where Triggers may not be listed."""
    try:
        triggers = (await client.list(TRIGGER, namespace)).items
    except (Forbidden, NotFound):
        return {}
    return {each["metadata"]["name"]: _sink_text(each) for each in triggers}


def _sink_text(trigger: Object) -> str:
    status = trigger.get("status") or {}
    sink = ((trigger["spec"].get("delivery") or {}).get("deadLetterSink")) or {}
    ref = sink.get("ref") or {}
    named = f"{ref.get('kind')} {ref.get('name')}" if ref else ""
    return named or str(sink.get("uri") or status.get("deadLetterSinkUri") or "")


def _path(broker: str) -> str:
    return f"/v1/brokers/{broker}/deadletters"
