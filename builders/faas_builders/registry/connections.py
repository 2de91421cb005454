"""Requests to any host, made again where that helps; no credentials, no redirects: `transport` has those."""

from __future__ import annotations

import random
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from faas_builders.errors import RegistryError, RegistryUnreachable
from faas_builders.registry import tls
from faas_builders.registry._httpx import httpx
from faas_builders.registry.names import registry_of
from faas_builders.registry.retries import RetryPolicy, is_worth_retrying, retry_after_s

Content = bytes | Callable[[], Iterator[bytes]] | None
"""A body; a function makes it anew for each attempt."""

LARGEST_DOCUMENT = 4 << 20  # bytes; the distribution specification's limit for manifests
_PATIENCE = 5  # times the usual timeout
# Digests are of what is stored, so nothing may be compressed on its way.
_HEADERS = {"User-Agent": "faas-builders", "Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True)
class Ask:
    method: str
    url: httpx.URL
    headers: dict[str, str] = field(default_factory=dict)
    content: Content = None
    streamed: bool = False  # leave the body of a success to the caller
    repeatable: bool = True
    patient: bool = False  # what it starts may take the registry a while


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: httpx.Headers
    url: httpx.URL
    body: bytes = b""
    stream: httpx.Response | None = None  # whoever has it closes it


_INSECURE = "insecure = true in [tool.faas.build], or --insecure"


class Connections:
    """Owns the connections of one registry's client, one pool a host. Safe to use from several threads."""

    def __init__(
        self,
        *,
        insecure: bool = False,
        retry: RetryPolicy = RetryPolicy(),
        timeout_s: float = 60.0,
        connect_timeout_s: float = 10.0,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        self._insecure, self._retry, self._wait = insecure, retry, wait
        self._timeout = httpx.Timeout(timeout_s, connect=connect_timeout_s, pool=None)
        self._patient = httpx.Timeout(timeout_s, connect=connect_timeout_s, read=timeout_s * _PATIENCE, pool=None)
        self._lock = threading.Lock()
        self._clients: dict[str, httpx.Client] = {}

    def close(self) -> None:
        with self._lock:
            clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            client.close()

    def send(self, ask: Ask) -> Answer:
        """Any answer but those that asking again may better. Raises: RegistryUnreachable."""
        failures = 0
        while True:
            failures += 1
            answer = None
            try:
                answer = self._once(ask)
                if not ask.repeatable or not is_worth_retrying(answer.status):
                    return answer
                failure = _failing(answer)
            except httpx.RequestError as error:
                failure = self.unreachable(ask.url, error)
                if not ask.repeatable or _is_certain(error):
                    raise failure from error
            self.pause(failures, failure, answer)

    def pause(self, failures: int, failure: RegistryError, answer: Answer | None = None) -> None:
        """Wait as is due after so many failures, or as the last answer asks for, or raise the last failure."""
        after = answer.headers.get("Retry-After", "") if answer is not None else ""
        after_s = retry_after_s(after, now_s=time.time()) if after else None
        silent = isinstance(failure, RegistryUnreachable) and failure.silent
        wait_s = self._retry.wait_s(failures, silent=silent, retry_after_s=after_s, chance=random.random())
        if wait_s is None:
            raise failure
        self._wait(wait_s)

    def answers(self, url: httpx.URL) -> bool:
        """Whether somebody speaks HTTP there, whatever they say."""
        try:
            self._once(Ask("GET", url))
        except httpx.RequestError:
            return False
        return True

    def _once(self, ask: Ask) -> Answer:
        client = self._client(ask.url)
        content = ask.content() if callable(ask.content) else ask.content
        timeout = self._patient if ask.patient else self._timeout
        request = client.build_request(ask.method, ask.url, headers=ask.headers, content=content, timeout=timeout)
        response = client.send(request, stream=True, follow_redirects=False)
        if ask.streamed and response.is_success:
            return Answer(response.status_code, response.headers, ask.url, stream=response)
        try:
            return Answer(response.status_code, response.headers, ask.url, _read(response))
        finally:
            response.close()

    def _client(self, url: httpx.URL) -> httpx.Client:
        host = url.netloc.decode()
        key = f"{url.scheme}://{host}"
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._make(url.scheme, host)
            return self._clients[key]

    def _make(self, scheme: str, host: str) -> httpx.Client:
        loopback = tls.is_loopback(host)
        verified = not (self._insecure or loopback)
        verify: ssl.SSLContext | bool = tls.make_context(host, verified=verified) if scheme == "https" else False
        # A proxy of the environment reaches another machine's loopback, never ours.
        try:
            return httpx.Client(verify=verify, trust_env=not loopback, headers=_HEADERS)
        except (ImportError, ValueError, httpx.InvalidURL) as error:  # SOCKS, or no URL at all
            reason = f"cannot be reached through the proxy that the environment names: {error}"
            raise RegistryUnreachable(registry_of(host), reason) from error

    def unreachable(self, url: httpx.URL, error: httpx.RequestError) -> RegistryUnreachable:
        host = registry_of(url.netloc.decode())
        match error:
            case httpx.ConnectTimeout():
                reason = f"cannot be reached: no answer within {self._timeout.connect:g} s"
                return RegistryUnreachable(host, reason, silent=True)
            case httpx.TimeoutException():
                return RegistryUnreachable(host, f"has said nothing for {self._timeout.read:g} s", silent=True)
            case httpx.ConnectError() if "CERTIFICATE_VERIFY_FAILED" in str(error):
                hint = (
                    f"Put its authority's certificate into {tls.CERTIFICATES[0]}/{host}/ca.crt, "
                    f"or name it with SSL_CERT_FILE. For a registry of your own: {_INSECURE}."
                )
                return RegistryUnreachable(host, f"has a certificate that nobody vouches for: {error}", hint)
            case httpx.ConnectError() if "WRONG_VERSION_NUMBER" in str(error):
                return RegistryUnreachable(host, "does not speak TLS", f"If it may be plain HTTP: {_INSECURE}.")
            case httpx.ConnectError():
                return RegistryUnreachable(host, f"cannot be reached: {error}")
            case httpx.ProxyError():
                return RegistryUnreachable(host, f"cannot be reached through the proxy: {error}")
        return RegistryUnreachable(host, f"has lost the connection: {error or type(error).__name__}")


def _read(response: httpx.Response) -> bytes:
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > LARGEST_DOCUMENT:
            host = registry_of(response.url.netloc.decode())
            raise RegistryError(host, f"sends a document of more than {LARGEST_DOCUMENT >> 20} MiB")
    return bytes(body)


def _failing(answer: Answer) -> RegistryUnreachable:
    host = registry_of(answer.url.netloc.decode())
    if answer.status == 429:
        after = answer.headers.get("Retry-After", "")
        hint = f"It asks to come back after {after} s." if after.isdigit() else "Log in, or try again later."
        return RegistryUnreachable(host, "has had too many requests from here (429)", hint)
    return RegistryUnreachable(host, f"answers {answer.status} to {answer.url.path}")


def _is_certain(error: httpx.RequestError) -> bool:
    """Whether it would happen again: a certificate does not get better, and an unknown name seldom."""
    signs = ("CERTIFICATE_VERIFY_FAILED", "Name or service not known", "WRONG_VERSION_NUMBER")
    return isinstance(error, httpx.ConnectError) and any(sign in str(error) for sign in signs)
