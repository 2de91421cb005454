"""Requests to one registry: where it is, who we are there, and where it sends us."""

from __future__ import annotations

import threading
from dataclasses import replace

from faas_builders.errors import RegistryDenied, RegistryError, RegistryUnreachable
from faas_builders.registry import tls
from faas_builders.registry._httpx import httpx
from faas_builders.registry.connections import Answer, Ask, Connections, Content
from faas_builders.registry.credentials import Keychain
from faas_builders.registry.names import registry_of
from faas_builders.registry.refusals import reason_of
from faas_builders.registry.tokens import Authenticator, Scopes

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5


class Transport:
    """Sends requests as the registry wants them. Our credentials go to its own origin and its token server, only."""

    def __init__(self, host: str, *, insecure: bool, keychain: Keychain, connections: Connections) -> None:
        self.registry = registry_of(host)
        self.connections = connections
        self._host, self._insecure = host, insecure
        self._authenticator = Authenticator(self.registry, connections, keychain)
        self._lock = threading.Lock()
        self._base: httpx.URL | None = None

    def request(
        self,
        method: str,
        place: str | httpx.URL,
        scopes: Scopes,
        *,
        headers: dict[str, str] | None = None,
        content: Content = None,
        streamed: bool = False,
        repeatable: bool = True,
        patient: bool = False,
    ) -> Answer:
        """Any answer but a redirect, a 401, or what is worth retrying. Raises: RegistryError, CredentialsError.

        Args: place: a path below /v2/, or where the registry itself has sent us.
        """
        url = self.base().join("v2/" + place) if isinstance(place, str) else place
        ask = Ask(method, url, dict(headers or {}), content, streamed, repeatable, patient)
        for _ in range(_MOST_REDIRECTS + 1):
            answer = self._authenticated(ask, scopes) if self._is_own(ask.url) else self.connections.send(ask)
            if answer.status not in _REDIRECTS or "Location" not in answer.headers:
                return answer
            ask = self._redirected(ask, answer)
        raise RegistryError(self.registry, f"redirects more than {_MOST_REDIRECTS} times from {url.path}")

    def location(self, answer: Answer) -> httpx.URL:
        """Where an answer says to go on. Raises: RegistryError: nowhere."""
        try:
            url = answer.url.join(answer.headers["Location"])
        except (KeyError, httpx.InvalidURL) as error:
            raise RegistryError(self.registry, f"does not say where to go on after {answer.url.path}") from error
        base = self.base()
        if (url.scheme, base.scheme, url.host) == ("http", "https", base.host) and url.port in (None, base.port):
            # It does not know of the proxy with its certificate, which we came through.
            url = url.copy_with(scheme="https", port=base.port)
        return url

    def refusal(self, answer: Answer, what: str) -> RegistryError:
        """The error for an answer that is not what was asked for. Args: what: as in `does not take …`."""
        registry, reason = registry_of(answer.url.netloc.decode()), f"{what}: {reason_of(answer)}"
        if answer.status in (401, 403):
            return RegistryDenied(registry, reason, f"Log in as somebody who may do this: docker login {registry}")
        return RegistryError(registry, reason)

    def base(self) -> httpx.URL:
        """Where the registry is: HTTPS, or plain HTTP where that is allowed and nobody answers TLS."""
        with self._lock:
            if self._base is None:
                self._base = self._find()
            return self._base

    def _find(self) -> httpx.URL:
        try:
            secure = httpx.URL(f"https://{self._host}/")
        except httpx.InvalidURL as error:
            raise RegistryUnreachable(self.registry, f"is not the host of a registry: {error}") from error
        if not (self._insecure or tls.is_loopback(self._host)):
            return secure
        return secure if self.connections.answers(secure.join("v2/")) else secure.copy_with(scheme="http")

    def _is_own(self, url: httpx.URL) -> bool:
        base = self.base()
        return (url.scheme, url.host, url.port) == (base.scheme, base.host, base.port)

    def _authenticated(self, ask: Ask, scopes: Scopes) -> Answer:
        sent = self._authenticator.header(scopes)
        for _ in range(3):  # without, with a token that turns out to have ended, with a new one
            headers = {**ask.headers, "Authorization": sent} if sent else ask.headers
            answer = self.connections.send(replace(ask, headers=headers))
            if answer.status != 401:
                return answer
            sent = self._authenticator.answer(answer, sent, scopes)
        raise self._authenticator.denied(answer, scopes)

    def _redirected(self, ask: Ask, answer: Answer) -> Ask:
        url = self.location(answer)
        if url.scheme not in ("http", "https") or (ask.url.scheme == "https" != url.scheme and not self._insecure):
            raise RegistryError(self.registry, f"redirects to where nothing is protected: {url.scheme}://{url.host}")
        if answer.status == 303:
            return replace(ask, method="GET", url=url, content=None)
        return replace(ask, url=url)
