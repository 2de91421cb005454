"""Credentials that users have given Docker or Podman for a registry: files, and programs that keep them.

Source: docker/cli's config file and credential helper protocol; containers-auth.json(5).
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import msgspec

from faas_builders.errors import CredentialsError
from faas_builders.registry.names import DOCKER_HUB, registry_of

_HUB_KEY = "https://index.docker.io/v1/"  # what Docker Hub's are stored under, since its first version
_NOT_FOUND = "credentials not found in native keychain"  # the protocol's words for: this program has none
_TOKEN_USER = "<token>"  # the protocol's user name for: the secret is an identity token
_HELPER_TIMEOUT_S = 60.0  # some ask the user, or a cloud
_HELPER_NAME = re.compile(r"[A-Za-z0-9._-]+")
_WRITE_AGAIN = "Correct it, or move it away and log in again: docker login"


@dataclass(frozen=True, slots=True)
class Credential:
    """One of: a user with a password, an identity token (to get tokens with), a registry token (sent as it is)."""

    origin: str  # the file or program that had it
    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)


class Keychain(Protocol):
    def find(self, registry: str, repository: str) -> Credential | None:
        """What there is for a repository; None: be anonymous. Raises: CredentialsError."""
        ...


class _Entry(msgspec.Struct, frozen=True):
    auth: str = ""
    username: str = ""
    password: str = ""
    identitytoken: str = ""
    registrytoken: str = ""


class _File(msgspec.Struct, frozen=True, rename="camel"):
    auths: dict[str, _Entry] = {}
    creds_store: str = ""
    cred_helpers: dict[str, str] = {}


class _Found(msgspec.Struct, frozen=True, rename="pascal"):
    username: str = ""
    secret: str = ""


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A config.json of Docker, an auth.json of Podman, or what a Secret of type dockerconfigjson holds."""

    origin: str
    _content: _File = field(repr=False)

    @classmethod
    def parse(cls, data: bytes, origin: str) -> ConfigFile:
        """Raises: CredentialsError."""
        try:
            return cls(origin, msgspec.json.decode(data or b"{}", type=_File))
        except msgspec.ValidationError as error:
            raise CredentialsError(origin, f"not a config.json of Docker: {error}", _WRITE_AGAIN) from None
        except (msgspec.DecodeError, UnicodeDecodeError):  # these may quote it
            raise CredentialsError(origin, "not a config.json of Docker: it is not JSON", _WRITE_AGAIN) from None

    def find(self, registry: str, repository: str) -> Credential | None:
        for helper, key in self._helpers(registry):
            found = _ask_helper(helper, key, self.origin)
            if found is not None:
                return found
        wanted = f"{registry}/{repository}"
        matches = [(place, entry) for place, entry in self._places() if _covers(place, wanted)]
        for _, entry in sorted(matches, key=lambda match: -len(match[0])):
            credential = _credential(entry, self.origin)
            if credential is not None:
                return credential
        return None

    def _helpers(self, registry: str) -> Iterable[tuple[str, str]]:
        for key, helper in self._content.cred_helpers.items():
            if _place(key) == registry and helper:
                return [(helper, key)]
        if self._content.creds_store:
            return [(self._content.creds_store, _HUB_KEY if registry == DOCKER_HUB else registry)]
        return []

    def _places(self) -> Iterable[tuple[str, _Entry]]:
        return ((_place(key), entry) for key, entry in self._content.auths.items())


class UserCredentials:
    """What this user has, where Docker and Podman look for it; read again each time, as users log in meanwhile."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment

    def find(self, registry: str, repository: str) -> Credential | None:
        for path in self.files():
            try:
                data = path.read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise CredentialsError(path, f"cannot be read: {error.strerror}") from error
            found = ConfigFile.parse(data, str(path)).find(registry, repository)
            if found is not None:
                return found
        return None

    def files(self) -> list[Path]:
        """In the order they are asked."""
        variables = self._environment
        home = Path(variables.get("HOME") or Path.home())
        config = Path(variables.get("XDG_CONFIG_HOME") or home / ".config")
        named, runtime = variables.get("REGISTRY_AUTH_FILE"), variables.get("XDG_RUNTIME_DIR")
        return [
            *([Path(named)] if named else []),
            Path(variables.get("DOCKER_CONFIG") or home / ".docker") / "config.json",
            *([Path(runtime) / "containers/auth.json"] if runtime else []),
            config / "containers/auth.json",
        ]


def _place(key: str) -> str:
    """What a key is for: a registry, or with Podman some of its repositories. Docker's older keys are whole URLs."""
    host, _, path = re.sub(r"^https?://", "", key).partition("/")
    path = path.strip("/")
    host = registry_of(host)
    return host if path in ("", "v1", "v2") else f"{host}/{path}"


def _covers(place: str, wanted: str) -> bool:
    return wanted == place or wanted.startswith(place + "/")


def _credential(entry: _Entry, origin: str) -> Credential | None:
    username, password = entry.username, entry.password
    if entry.auth:
        try:
            username, _, password = base64.b64decode(entry.auth, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise CredentialsError(origin, "an `auth` in it is not base64 of USER:PASSWORD", _WRITE_AGAIN) from None
        password = password.rstrip("\0")
    if not (password or entry.identitytoken or entry.registrytoken):
        return None  # a store has it, and `docker login` leaves an empty entry
    return Credential(origin, username, password, entry.identitytoken, entry.registrytoken)


def _ask_helper(name: str, key: str, named_by: str) -> Credential | None:
    program = f"docker-credential-{name}"
    if not _HELPER_NAME.fullmatch(name):
        raise CredentialsError(named_by, f"{name!r} is not the name of a credential helper")
    try:
        done = subprocess.run(
            [program, "get"], input=key.encode(), capture_output=True, timeout=_HELPER_TIMEOUT_S, check=False
        )
    except FileNotFoundError:
        hint = f"Install it, or take it out of {named_by} and log in again."
        raise CredentialsError(program, f"{named_by} names this program, and it is not on the PATH", hint) from None
    except OSError as error:
        raise CredentialsError(program, f"cannot be run: {error.strerror}") from error
    except subprocess.TimeoutExpired:
        raise CredentialsError(program, f"has not answered for {_HELPER_TIMEOUT_S:.0f} s") from None
    if done.returncode != 0:
        said = (done.stdout.strip() or done.stderr.strip()).decode(errors="replace")
        said = "".join(character if character.isprintable() else " " for character in said)
        if _NOT_FOUND in said.lower():
            return None
        raise CredentialsError(program, f"failed for {key}: {said[-300:] or f'exit code {done.returncode}'}")
    try:
        found = msgspec.json.decode(done.stdout, type=_Found)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise CredentialsError(program, f"its answer for {key} is not what credential helpers answer") from None
    if not found.secret:
        return None
    if found.username == _TOKEN_USER:
        return Credential(program, identity_token=found.secret)
    return Credential(program, found.username, found.secret)
