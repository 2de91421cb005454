"""What an API server has beside objects: logs, its version, endpoints of its own and of Services behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Self

from faas.client.credentials.identity import Identity
from faas.client.http.answers import date_of, decode
from faas.client.http.asks import history_ask, logs_ask
from faas.client.kubeconfigs.cluster import Cluster
from faas.client.protocol import Object
from faas.client.transport.ask import Ask
from faas.client.transport.lines import whole_lines
from faas.client.transport.refusals import error_of_status
from faas.client.transport.retry import RetryPolicy
from faas.client.transport.transport import TIMEOUT_S, Transport


class Server:
    """One API server. It owns its connections: use it as an async context manager."""

    def __init__(self, cluster: Cluster, *, retry: RetryPolicy = RetryPolicy(), timeout_s: float = TIMEOUT_S) -> None:
        self.cluster = cluster
        self._transport = Transport(cluster, retry=retry, timeout_s=timeout_s)

    @property
    def warnings(self) -> list[str]:
        """What the server warned of, each once."""
        return self._transport.warnings

    async def identity(self) -> Identity:
        """What it shows to the server, for connections of another kind. Raises: KubeconfigError."""
        return await self._transport.identity()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._transport.close()

    async def version(self) -> Object:
        """What the server says it is."""
        return decode((await self._transport.send(Ask("GET", "/version"))).content)

    async def server_time(self) -> datetime | None:
        """What time the server has, to a second; None when it does not say. Raises: Unavailable."""
        return date_of(await self._transport.send(Ask("GET", "/version")))

    async def logs(
        self,
        pod: str,
        namespace: str,
        *,
        container: str = "",
        follow: bool = False,
        previous: bool = False,
        tail: int | None = None,
        since_s: int | None = None,
        since: str = "",
        timestamps: bool = False,
    ) -> AsyncIterator[str]:
        """The lines of one container, oldest first; with `follow` until it ends.

        Args:
            previous: of the container that was there before, and crashed.
            since: a time as Kubernetes writes it. A server may compare whole seconds only.
        Raises: NotFound; BadRequest: it has not started, or there is no such container.
        """
        ask = logs_ask(
            pod, namespace, container=container, follow=follow, previous=previous,
            tail=tail, since_s=since_s, since=since, timestamps=timestamps,
        )  # fmt: skip
        async with self._transport.stream(ask, read_timeout_s=None if follow else TIMEOUT_S) as answer:
            async for line in whole_lines(answer.aiter_bytes(), rest=True):
                yield line.decode(errors="replace")

    async def history(
        self,
        namespace: str,
        service: str,
        *,
        revision: str = "",
        ended_only: bool = False,
        tail: int | None = None,
        since_s: int | None = None,
    ) -> AsyncIterator[Object]:
        """Lines (`time`, `pod`, `line`) of a function's instances, ended ones too: each instance's, oldest first.

        Raises: NotFound, Forbidden: this is a cluster; only the engine has it.
        """
        ask = history_ask(namespace, service, revision=revision, ended_only=ended_only, tail=tail, since_s=since_s)
        async with self._transport.stream(ask, read_timeout_s=TIMEOUT_S) as answer:
            async for line in whole_lines(answer.aiter_bytes()):
                yield decode(line)

    async def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        content: bytes | None = None,
        content_type: str = "application/json",
        headers: Mapping[str, str] = {},
        idempotent: bool = False,
        relayed: bool = False,
    ) -> Object:
        """One request to an endpoint of the server's own, or of a Service behind it; {} for an empty answer.

        Args: relayed: it is for a Service. Raises: ApiError.
        """
        ask = Ask(method, path, query or {}, content, content_type, headers, idempotent, relayed)
        answer = await self._transport.send(ask)
        return decode(answer.content) if answer.content else {}

    async def lines(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        *,
        patient: bool,
        content: bytes | None = None,
        headers: Mapping[str, str] = {},
    ) -> AsyncIterator[Object]:
        """JSON lines of an endpoint of the server's own, or of a Service behind it.

        Args: patient: however long it is silent. Raises: ApiError, also for a line that is a Status.
        """
        ask = Ask(method, path, query, content, headers=headers)
        async with self._transport.stream(ask, read_timeout_s=None if patient else TIMEOUT_S) as answer:
            async for line in whole_lines(answer.aiter_bytes()):
                document = decode(line)
                if document.get("kind") == "Status":
                    raise error_of_status(document)
                yield document
