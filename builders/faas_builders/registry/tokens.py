"""The Authorization header that a registry wants. Source: the distribution project's token specifications."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import urlencode

import msgspec

from faas_builders.errors import RegistryDenied, RegistryError
from faas_builders.registry._httpx import httpx
from faas_builders.registry.challenges import Challenge, parse_challenges
from faas_builders.registry.connections import Answer, Ask, Connections
from faas_builders.registry.credentials import Credential, Keychain
from faas_builders.registry.refusals import reason_of

Scopes = tuple[str, ...]
"""`repository:library/python:pull`, ..."""

_CLIENT = "faas-builders"
_SHORTEST_S = 60.0  # what a token lives when its server does not say; the specification's default
_MARGIN_S = 5.0  # a token that ends on its way is of no use


class _Token(msgspec.Struct, frozen=True):
    token: str = ""
    access_token: str = ""
    expires_in: float | None = None


@dataclass(frozen=True, slots=True)
class _Header:
    value: str
    until_s: float


class Authenticator:
    """Keeps the headers for one registry, by scope; credentials are looked up only when it asks who we are."""

    def __init__(
        self, registry: str, connections: Connections, keychain: Keychain, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._registry, self._connections, self._keychain, self._clock = registry, connections, keychain, clock
        self._lock = threading.Lock()
        self._headers: dict[Scopes, _Header] = {}

    def header(self, scopes: Scopes) -> str:
        """What is known to be wanted; "" before the registry has said."""
        known = self._headers.get(scopes)
        return known.value if known is not None and self._clock() < known.until_s else ""

    def answer(self, refused: Answer, sent: str, scopes: Scopes) -> str:
        """The header that the registry's 401 asks for.

        Args: sent: the header that it refused.
        Raises: RegistryDenied: there is none that it would take; CredentialsError; RegistryError.
        """
        with self._lock:
            current = self.header(scopes)
            if current and current != sent:
                return current  # another thread was refused for the same reason, and first
            credential = self._keychain.find(self._registry, _repository(scopes))
            made = self._make(refused, credential, scopes)
            if made.value == sent:
                raise self._denied(refused, credential)
            self._headers[scopes] = made
            return made.value

    def denied(self, refused: Answer, scopes: Scopes) -> RegistryDenied:
        """Why not even the right header helps."""
        return self._denied(refused, self._keychain.find(self._registry, _repository(scopes)))

    def _make(self, refused: Answer, credential: Credential | None, scopes: Scopes) -> _Header:
        challenges = parse_challenges(refused.headers.get_list("WWW-Authenticate"))
        for challenge in challenges:
            if challenge.scheme == "bearer" and challenge.parameters.get("realm"):
                if credential is not None and credential.registry_token:
                    return _Header(f"Bearer {credential.registry_token}", float("inf"))
                return self._token(refused, challenge, credential, scopes)
            if challenge.scheme == "basic" and credential is not None and credential.password:
                return _Header(_basic(credential), float("inf"))
        raise self._denied(refused, credential)

    def _token(self, refused: Answer, challenge: Challenge, credential: Credential | None, scopes: Scopes) -> _Header:
        realm = self._realm(refused, challenge)
        service = challenge.parameters.get("service", "")
        wanted = scopes or tuple(challenge.parameters.get("scope", "").split())
        if credential is not None and credential.identity_token:
            ask = _oauth2(realm, service, wanted, credential)
        else:
            ask = _get(realm, service, wanted, credential)
        answer = self._connections.send(ask)
        if answer.status in (400, 401, 403):
            raise self._denied(answer, credential)
        try:
            found = msgspec.json.decode(answer.body, type=_Token)
        except (msgspec.DecodeError, UnicodeDecodeError):
            found = _Token()
        token = found.token or found.access_token
        if answer.status != 200 or not token:
            host = realm.netloc.decode()
            raise RegistryError(self._registry, f"cannot be used: its token server {host} gives none ({answer.status})")
        lives_s = max(found.expires_in or _SHORTEST_S, _SHORTEST_S)
        return _Header(f"Bearer {token}", self._clock() + lives_s - _MARGIN_S)

    def _realm(self, refused: Answer, challenge: Challenge) -> httpx.URL:
        text = challenge.parameters["realm"]
        try:
            realm = refused.url.join(text)
        except httpx.InvalidURL as error:
            raise RegistryError(self._registry, f"names a token server that is no URL: {text!r}") from error
        # Whoever can read along may have what they read already, but not more.
        if realm.scheme != "https" and not (realm.scheme == "http" and refused.url.scheme == "http"):
            reason = f"names a token server that one must not send credentials to: {realm.scheme}://{realm.host}"
            raise RegistryError(self._registry, reason)
        return realm

    def _denied(self, refused: Answer, credential: Credential | None) -> RegistryDenied:
        said = reason_of(refused)
        login = f"docker login {self._registry}"
        if credential is None:
            return RegistryDenied(self._registry, f"does not let everybody do this: {said}", f"Log in first: {login}")
        who = f" of {credential.username!r}" if credential.username else ""
        reason = f"does not accept the credentials{who} from {credential.origin}: {said}"
        return RegistryDenied(self._registry, reason, f"Log in again, or as somebody with more rights: {login}")


def _get(realm: httpx.URL, service: str, scopes: Iterable[str], credential: Credential | None) -> Ask:
    query = [("service", service)] if service else []
    query += [("scope", scope) for scope in scopes]
    if credential is None or not credential.password:
        return Ask("GET", realm.copy_with(params=[*realm.params.multi_items(), *query]))
    query.append(("account", credential.username))
    url = realm.copy_with(params=[*realm.params.multi_items(), *query])
    return Ask("GET", url, {"Authorization": _basic(credential)})


def _oauth2(realm: httpx.URL, service: str, scopes: Iterable[str], credential: Credential) -> Ask:
    form = {
        "grant_type": "refresh_token",
        "refresh_token": credential.identity_token,
        "service": service,
        "scope": " ".join(scopes),
        "client_id": _CLIENT,
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return Ask("POST", realm, headers, urlencode(form).encode())


def _basic(credential: Credential) -> str:
    return "Basic " + base64.b64encode(f"{credential.username}:{credential.password}".encode()).decode()


def _repository(scopes: Scopes) -> str:
    """Of the first scope, which is what the request is about; others may only be read from."""
    return scopes[0].split(":")[1] if scopes else ""
