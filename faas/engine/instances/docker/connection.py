"""The Docker engine's API: short calls through its SDK in a few threads, streams on the loop.

A stream (what a container prints, its end, a pull) lasts as long as what it is about. The SDK would want a thread for
each; here it is one socket on the engine's loop.
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from faas.engine.instances.docker.place import Place, find_place, unavailable

T = TypeVar("T")
Api = Any  # docker.APIClient, of which only a part has types

THREADS = 8  # calls that the Docker engine works on for us at the same time; it starts containers no faster with more
CALL_TIMEOUT_S = 60  # starting a container on a machine that is out of breath
CONNECT_TIMEOUT_S = 10.0
_HEAD_BYTES = 64 * 1024


class DockerError(Exception):
    """The Docker engine answered, and would not."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass(slots=True)
class Answer:
    """The head of an answer, and what follows as it comes."""

    status: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def __aenter__(self) -> Answer:
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.writer.close()

    async def error(self) -> DockerError:
        body = await self.reader.read(_HEAD_BYTES)
        try:
            message = str(json.loads(body)["message"])
        except (ValueError, KeyError, TypeError):
            message = body.decode("utf-8", "replace").strip() or f"status {self.status}"
        return DockerError(self.status, message)


class Docker:
    """One Docker engine. Nothing is connected, or imported, before the first call."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="docker")
        self._connecting = asyncio.Lock()
        self._client: Api | None = None
        self._place: Place | None = None
        self._tls: ssl.SSLContext | None = None
        self._is_away = False  # when it was last looked for

    def close(self) -> None:
        """A call that still waits for an answer is left alone: nobody does anything with it."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._client is not None:
            self._client.close()

    async def place(self) -> Place:
        """Raises: DockerUnavailable."""
        await self._connected()
        assert self._place is not None
        return self._place

    async def call(self, work: Callable[[Api], T]) -> T:
        """Have a thread do this. Raises: DockerUnavailable, DockerError."""
        client = await self._connected()
        assert self._place is not None
        if self._is_away:
            (await self._dial())[1].close()  # the SDK leaves a socket open when nobody answers
        return await asyncio.get_running_loop().run_in_executor(self._pool, _translated, work, client, self._place)

    async def open(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        upgrade: bool = False,
    ) -> Answer:
        """Ask for what comes as a stream. Raises: DockerUnavailable, DockerError: it would not."""
        client = await self._connected()
        assert self._place is not None
        target = f"/v{client.api_version}{path}" + (f"?{urlencode(query)}" if query else "")
        # HTTP/1.0: the answer ends with its connection, so there are no chunks to take apart.
        lines = [f"{method} {target} HTTP/{'1.1' if upgrade else '1.0'}", "Host: docker"]
        lines += [f"Content-Length: {len(body)}", "Content-Type: application/json"]
        lines += ["Connection: Upgrade", "Upgrade: tcp"] if upgrade else []
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        reader, writer = await self._dial()
        try:
            writer.write("\r\n".join([*lines, "", ""]).encode() + body)
            async with asyncio.timeout(CALL_TIMEOUT_S):
                head = await reader.readuntil(b"\r\n\r\n")
            answer = Answer(int(head.split(b" ", 2)[1]), reader, writer)
            if answer.status >= 400:
                raise await answer.error()
        except (OSError, EOFError, ValueError, TimeoutError) as error:
            writer.close()
            raise unavailable(self._place, error) from error
        except BaseException:
            writer.close()
            raise
        return answer

    async def _dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Raises: DockerUnavailable."""
        assert self._place is not None
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                if self._place.path:
                    streams = await asyncio.open_unix_connection(self._place.path)
                else:
                    parts = urlsplit(self._place.url)
                    streams = await asyncio.open_connection(parts.hostname, parts.port or 2375, ssl=self._tls)
        except (OSError, TimeoutError) as error:
            self._is_away = True
            raise unavailable(self._place, error) from error
        self._is_away = False
        return streams

    async def _connected(self) -> Api:
        if self._client is None:
            async with self._connecting:
                if self._client is None:
                    loop = asyncio.get_running_loop()
                    self._place = await loop.run_in_executor(self._pool, find_place)
                    self._tls = self._place.tls
                    (await self._dial())[1].close()
                    self._client = await loop.run_in_executor(self._pool, _make_client, self._place)
        return self._client


def _make_client(place: Place) -> Api:
    from docker import APIClient
    from docker.tls import TLSConfig

    def connect(_: None) -> Api:
        tls = TLSConfig(place.certificate, place.ca or None, verify=place.verify) if place.tls else False
        return APIClient(place.url, version="auto", timeout=CALL_TIMEOUT_S, tls=tls, max_pool_size=THREADS)

    return _translated(connect, None, place)


def _translated(work: Callable[[Any], T], client: Api, place: Place) -> T:
    """Do it, and say in our words what went wrong."""
    from docker.errors import APIError, DockerException
    from requests.exceptions import RequestException

    try:
        return work(client)
    except APIError as error:
        raise DockerError(error.status_code or 500, str(error.explanation or error)) from error
    except (DockerException, RequestException, OSError) as error:
        raise unavailable(place, error) from error


def auth_header(credentials: Mapping[str, object]) -> dict[str, str]:
    """What the Docker engine shows a registry. Source: Docker Engine API, Authentication."""
    encoded = base64.urlsafe_b64encode(json.dumps(credentials).encode()).decode()
    return {"X-Registry-Auth": encoded}
