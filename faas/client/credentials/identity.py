"""What proves to an API server who asks, renewed when it changes, ends or is refused."""

from __future__ import annotations

import asyncio
import base64
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from weakref import WeakKeyDictionary

from faas.client.kubeconfigs.cluster import Cluster, Plugin
from faas.client.kubeconfigs.files import KubeconfigError

if TYPE_CHECKING:
    from faas.client.credentials.plugins import Printed


@dataclass(frozen=True, slots=True)
class Identity:
    authorization: str = field(default="", repr=False)  # a header's value
    certificate: str = field(default="", repr=False)  # PEM of a client certificate and key; "": the cluster's own


class Credentials(Protocol):
    async def identity(self) -> Identity:
        """As of now. Raises: KubeconfigError."""
        ...

    def renew(self, refused: Identity) -> bool:
        """These were refused: whether asking for them again may help."""
        ...


def credentials_of(cluster: Cluster) -> Credentials:
    """The first of what the kubeconfig has: a plugin, a file, a token, a password; a certificate may come besides."""
    if cluster.plugin is not None:
        return _FromPlugin(cluster.plugin)
    if cluster.token_file is not None:
        return _FromFile(cluster.token_file, Path(cluster.source))
    if cluster.token:
        return _Fixed(Identity(_bearer(cluster.token, f"the token of user {cluster.user!r}", Path(cluster.source))))
    if cluster.username:
        pair = f"{cluster.username}:{cluster.password}".encode()
        return _Fixed(Identity(f"Basic {base64.b64encode(pair).decode()}"))
    return _Fixed(Identity())


@dataclass(slots=True)
class _Fixed:
    value: Identity

    async def identity(self) -> Identity:
        return self.value

    def renew(self, refused: Identity) -> bool:
        return False


@dataclass(slots=True)
class _FromFile:
    """A service account's token is replaced within the hour, by a rename of what its path leads to."""

    path: Path
    source: Path
    _seen: tuple[int, int, int] | None = None
    _token: str = field(default="", repr=False)

    async def identity(self) -> Identity:
        try:
            status = os.stat(self.path)
            seen = (status.st_ino, status.st_mtime_ns, status.st_size)
            if seen != self._seen:
                self._token, self._seen = self.path.read_text(encoding="utf-8", errors="replace").strip(), seen
        except OSError as error:
            if not self._token:  # else what was read last is the best there is, as in the moment of the rename
                reason = f"tokenFile names {self.path}, which cannot be read: {error.strerror}"
                raise KubeconfigError(self.source, reason) from error
        return Identity(_bearer(self._token, f"what tokenFile names, {self.path},", self.source))

    def renew(self, refused: Identity) -> bool:
        self._seen = None
        return True


_printed: dict[Plugin, Printed] = {}  # of this process: a command may talk to a cluster several times
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


@dataclass(slots=True)
class _FromPlugin:
    """Requests that begin together ask it once, and so do those that are refused together, of whatever client.

    One at a time of all there are: they may ask on the same terminal. Another command asks for itself.
    """

    plugin: Plugin

    async def identity(self) -> Identity:
        from faas.client.credentials.plugins import ask_plugin  # imports what starts programs

        async with _turns.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
            found = _printed.get(self.plugin)
            if found is None or not found.is_good(datetime.now(UTC)):
                found = _printed[self.plugin] = await ask_plugin(self.plugin)
        return _identity(found, self.plugin)

    def renew(self, refused: Identity) -> bool:
        found = _printed.get(self.plugin)
        if found is not None and _identity(found, self.plugin) == refused:
            del _printed[self.plugin]
        return True


def _identity(printed: Printed, plugin: Plugin) -> Identity:
    token = printed.token
    bearer = _bearer(token, f"the token that {plugin.command!r} printed", Path(plugin.source)) if token else ""
    return Identity(bearer, printed.certificate)


def _bearer(token: str, what: str, source: Path) -> str:
    """Raises: KubeconfigError: it fits into no header; whoever is left to find out would quote it."""
    text = token.strip()
    if not text or not text.isascii() or not text.isprintable():
        raise KubeconfigError(source, f"{what} is no token: it is empty, or not one line of ASCII")
    return f"Bearer {text}"
