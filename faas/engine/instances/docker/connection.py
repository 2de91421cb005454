"""The Docker engine's API: short calls through its SDK in a few threads, streams on the loop.

A stream (what a container prints, its end, a pull) lasts as long as what it is about. The SDK would want a thread for
each; here it is one socket on the engine's loop.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import ssl
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

T = TypeVar("T")
Api = Any  # docker.APIClient, of which only a part has types

THREADS = 8  # calls that the Docker engine works on for us at the same time; it starts containers no faster with more
CALL_TIMEOUT_S = 60  # starting a container on a machine that is out of breath
CONNECT_TIMEOUT_S = 10.0
DEFAULT_SOCKET = "unix:///var/run/docker.sock"
_HEAD_BYTES = 64 * 1024
_WITHOUT_WORDS = "it takes connections and does not answer"  # what time-outs are
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class DockerUnavailable(Exception):
    """The Docker engine does not answer; the message says why, and what to do."""


class DockerError(Exception):
    """The Docker engine answered, and would not."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass(frozen=True, slots=True)
class Place:
    """Where the Docker engine listens, as the docker command finds it."""

    url: str
    ca: str = ""
    certificate: tuple[str, str] | None = None
    verify: bool = True

    @property
    def is_local(self) -> bool:
        parts = urlsplit(self.url)
        return parts.scheme in ("unix", "http+unix") or parts.hostname in _LOOPBACK

    @property
    def path(self) -> str:
        """Of its Unix socket; "": it listens on TCP."""
        return urlsplit(self.url).path if self.url.startswith(("unix:", "http+unix:")) else ""

    @property
    def tls(self) -> ssl.SSLContext | None:
        if not (self.ca or self.certificate):
            return None
        context = ssl.create_default_context(cafile=self.ca or None)
        if not self.verify:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if self.certificate:
            context.load_cert_chain(*self.certificate)
        return context


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


def find_place(environ: Mapping[str, str] = os.environ) -> Place:
    """DOCKER_HOST with DOCKER_TLS_VERIFY and DOCKER_CERT_PATH, else the current context.

    Raises: DockerUnavailable: the SDK is missing, or what is named cannot be used.
    """
    try:
        from docker.context import ContextAPI
        from docker.errors import DockerException
        from docker.utils import kwargs_from_env
    except ImportError as error:
        raise DockerUnavailable("the Docker SDK is not installed: pip install docker") from error
    try:
        found = dict(kwargs_from_env(environment=dict(environ)))
        if not found.get("base_url"):
            found = dict(ContextAPI.kwargs_from_context(environment=dict(environ)))
    except (DockerException, OSError, ValueError) as error:
        raise DockerUnavailable(f"the Docker engine's settings cannot be used: {error}") from error
    tls = found.get("tls")
    place = Place(
        str(found.get("base_url") or DEFAULT_SOCKET).replace("tcp://", "https://" if tls else "http://", 1),
        ca=str(getattr(tls, "ca_cert", None) or ""),
        certificate=getattr(tls, "cert", None),
        verify=bool(getattr(tls, "verify", True)),
    )
    if not place.is_local:
        raise DockerUnavailable(
            f"the Docker engine at {place.url} is not on this machine, so its containers cannot be reached; "
            "unset DOCKER_HOST or choose a local context: docker context use default"
        )
    return place


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


def unavailable(place: Place, error: BaseException) -> DockerUnavailable:
    """Names the innermost cause: what is said around it are several libraries' words."""
    cause = error
    while (inner := cause.__cause__ or cause.__context__) is not None:
        cause = inner
    reason = (isinstance(cause, OSError) and cause.strerror) or str(cause).strip() or _WITHOUT_WORDS
    if isinstance(cause, PermissionError):
        return DockerUnavailable(
            f"this user may not use the Docker engine at {place.url}: add it to the group docker and log in again, or "
            "name another engine with DOCKER_HOST"
        )
    return DockerUnavailable(
        f"no Docker engine answers at {place.url}: {reason}; install and start Docker, or name one with DOCKER_HOST"
    )


def auth_header(credentials: Mapping[str, object]) -> dict[str, str]:
    """What the Docker engine shows a registry. Source: Docker Engine API, Authentication."""
    encoded = base64.urlsafe_b64encode(json.dumps(credentials).encode()).decode()
    return {"X-Registry-Auth": encoded}
