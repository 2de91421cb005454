"""What the engine tells of events beside objects; a cluster has none of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from faas.client.errors import ApiError, Forbidden, NotFound, Unavailable
from faas.client.http.client import HttpClient
from faas.client.protocol import Object
from faas.client.transport.retry import RetryPolicy

_AGAIN = RetryPolicy(attempts=10)  # gets over a restart of the engine or of the NATS server


class NoEventing(ApiError):
    """This API server is not the engine: it has objects, and says nothing of events."""

    code, reason = 404, "NotFound"


class EventingClient:
    """Asks the engine behind a client. All raise ApiError; NoEventing where the server is a cluster's.

    Queries hold what is said: an option that is None or "" is left out.
    """

    def __init__(self, client: HttpClient, namespace: str) -> None:
        self._client, self._namespace = client, namespace

    async def report(self) -> Object | None:
        """Brokers, triggers and sources as they are now; None: nobody knows."""
        try:
            query = {"namespace": self._namespace}
            return await self._client.ask("GET", "/faas/v1/eventing", query, idempotent=True)
        except (NotFound, Forbidden):
            return None

    async def send(self, broker: str, content: bytes, content_type: str) -> None:
        """Store the events of one CloudEvents request in structured or batched mode."""
        path = self._path("brokers", broker, "events")
        try:
            await self._client.ask("POST", path, content=content, content_type=content_type)
        except ApiError as error:
            raise _told(error) from error

    async def events(self, broker: str, *, follow: bool, limit: int | None, **query: Any) -> AsyncIterator[Object]:
        """Stored events: `sequence`, `storedTime`, `event`. With `follow` also those to come, across restarts."""
        position: int | None = None
        failures = 0
        while True:
            asked = as_query(follow=follow, after=position, limit=limit, **query)
            try:
                async for line in self._lines("GET", self._path("brokers", broker, "events"), asked, patient=follow):
                    failures = 0
                    if "event" not in line:
                        position = line["position"]
                        continue
                    position = line["sequence"]
                    if limit is not None:
                        limit -= 1
                    yield line
                if not follow or limit == 0:
                    return
                raise Unavailable("the engine ended the stream of events: it is stopping")
            except Unavailable as error:
                if limit == 0:
                    return
                if failures + 1 >= _AGAIN.attempts:
                    raise
                await asyncio.sleep(_AGAIN.wait_s(failures, retry_after_s=error.retry_after_s, jitter=0.5))
                failures += 1

    async def types(self, broker: str) -> list[Object]:
        """Types of events: how many are stored and were received, sources, `wantedBy`, `mayWant`."""
        try:
            answer = await self._client.ask("GET", self._path("brokers", broker, "types"), idempotent=True)
        except ApiError as error:
            raise _told(error) from error
        return list(answer["types"])

    def replay(self, trigger: str, *, since: str, until: str, dry_run: bool) -> AsyncIterator[Object]:
        """{} while it lasts; at the end `delivered`, `failed` and `error`; of a dry run only `matching`."""
        query = as_query(sinceTime=since, untilTime=until, dryRun=dry_run)
        return self._lines("POST", self._path("triggers", trigger, "replay"), query, patient=True)

    def dead_letters(self, broker: str, *, limit: int, **query: Any) -> AsyncIterator[Object]:
        """First `total`; then the newest letters, oldest first."""
        path = self._path("brokers", broker, "deadletters")
        return self._lines("GET", path, as_query(limit=limit, **query), patient=True)

    async def dead_letter_streams(self, broker: str) -> dict[str, int] | None:
        """How many dead letters each stream has; "" is the Broker's own. None: nobody knows, or says so now."""
        try:
            answer = await self._client.ask("GET", self._path("brokers", broker, "deadletters", "streams"))
        except (NotFound, Forbidden, Unavailable):
            return None
        return dict(answer["streams"])

    def replay_dead_letters(self, broker: str, **query: Any) -> AsyncIterator[Object]:
        """First `total`, {} while it lasts; at the end `delivered`, `failed` and `error`."""
        path = self._path("brokers", broker, "deadletters", "replay")
        return self._lines("POST", path, as_query(**query), patient=True)

    async def purge_dead_letters(self, broker: str, **query: Any) -> int:
        """How many are gone."""
        path = self._path("brokers", broker, "deadletters", "purge")
        try:
            return int((await self._client.ask("POST", path, as_query(**query)))["purged"])
        except ApiError as error:
            raise _told(error) from error

    async def _lines(self, method: str, path: str, query: Mapping[str, str], *, patient: bool) -> AsyncIterator[Object]:
        try:
            async for line in self._client.lines(method, path, query, patient=patient):
                yield line
        except ApiError as error:
            raise _told(error) from error

    def _path(self, *parts: str) -> str:
        return "/".join(("/faas/v1/namespaces", self._namespace, *parts))


def _told(error: ApiError) -> ApiError:
    """A 404 that names nothing is of a server without these endpoints, as is a 403."""
    if (isinstance(error, NotFound) and not error.name) or error.code == 403:
        return NoEventing("this API server is not the engine: it keeps objects, and says nothing of events")
    return error


def as_query(**given: Any) -> dict[str, str]:
    """`sequences` are joined with commas; a stream's name may be ""."""
    words: dict[str, str] = {}
    for name, value in given.items():
        if value is None or value is False or (value == "" and name != "stream"):
            continue
        if isinstance(value, list | tuple):
            if value:
                words[name] = ",".join(map(str, value))
        else:
            words[name] = "true" if value is True else str(value)
    return words
