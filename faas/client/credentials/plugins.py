"""Programs that print credentials for a cluster: aws, gke-gcloud-auth-plugin, kubelogin and their like.

Source: Kubernetes, client-go credential plugins (client.authentication.k8s.io v1 and v1beta1).
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from faas.client.kubeconfigs.cluster import Plugin
from faas.client.kubeconfigs.files import KubeconfigError

_ENDING_S = 5.0
_REST_S = 1.0
_MOST_BYTES = 1024 * 1024  # of what it prints; a token has a few thousand
_MOST_SAID = 2000  # characters of what it says, its last ones
_PATIENCE_S = 120.0  # of one that asks nobody; who is asked may take as long as that takes
_SAY_S = 10.0  # then whoever waits is told what for

_log = logging.getLogger(__name__)  # warnings go to stderr where nobody has said otherwise


@dataclass(frozen=True, slots=True)
class Printed:
    """What a plugin printed: a token, or a certificate and its key (PEM, one text), or both."""

    token: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)
    expires: datetime | None = None  # None: good until it is refused

    def is_good(self, now: datetime) -> bool:
        return self.expires is None or now < self.expires


async def ask_plugin(plugin: Plugin) -> Printed:
    """Run it. Raises: KubeconfigError."""
    interactive = plugin.interactive != "Never" and sys.stdin is not None and sys.stdin.isatty()
    if plugin.interactive == "Always" and not interactive:
        raise _failed(plugin, "it asks its user, and there is no terminal", "Run this command in a terminal")
    program = shutil.which(plugin.command)
    if program is None:
        raise _failed(plugin, "there is no such program", plugin.install_hint or "Install it, or put it on PATH")
    info: dict[str, Any] = {"interactive": interactive}
    if plugin.cluster:
        info["cluster"] = json.loads(plugin.cluster)
    asked = {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": info}
    code, printed, said = await _run(plugin, program, json.dumps(asked), interactive)
    if code != 0:
        raise _failed(plugin, f"it ended with {code}" + (f": {said}" if said else ""), plugin.install_hint)
    return parse_credential(plugin, printed)


async def _run(plugin: Plugin, program: str, asked: str, interactive: bool) -> tuple[int, bytes, str]:
    """Its exit code, stdout, and what it said on stderr; on a terminal it says that there. Raises: KubeconfigError."""
    terminal = interactive and sys.stderr.isatty()
    loop = asyncio.get_running_loop()
    try:
        process, output = await loop.subprocess_exec(
            _Output,
            program,
            *plugin.arguments,
            env={**os.environ, **dict(plugin.environment), "KUBERNETES_EXEC_INFO": asked},
            stdin=None if interactive else DEVNULL,
            stdout=PIPE,
            stderr=None if terminal else PIPE,
            start_new_session=not interactive,  # who cannot be asked has no terminal either, and ends with its children
        )
    except (OSError, ValueError) as error:  # ValueError: a NUL in what it is given
        why = getattr(error, "strerror", None) or error
        raise _failed(plugin, f"it does not start: {why}", plugin.install_hint) from error
    telling = loop.call_later(_SAY_S, _log.warning, "waiting for %r, which gets the credentials", plugin.command)
    try:
        async with asyncio.timeout(None if interactive else _PATIENCE_S):
            await output.enough.wait()
        with suppress(TimeoutError):  # what it has started itself may hold its pipes open; all of its own is in them
            async with asyncio.timeout(_REST_S):
                await output.closed.wait()
    except TimeoutError:
        raise _failed(plugin, f"it printed no credentials within {_PATIENCE_S:g} s", plugin.install_hint) from None
    finally:
        telling.cancel()
        if process.get_returncode() is None:
            _kill(process, alone=interactive)
            with suppress(TimeoutError):
                async with asyncio.timeout(_ENDING_S):
                    await output.exited.wait()
        process.close()
    if len(output.printed) > _MOST_BYTES:
        raise _failed(plugin, f"it printed more than {_MOST_BYTES} bytes", plugin.install_hint)
    said = output.said.decode(errors="replace").strip()[-_MOST_SAID:]
    return process.get_returncode() or 0, bytes(output.printed), said


class _Output(asyncio.SubprocessProtocol):
    """What it writes, as far as that is of use; `enough` when it has exited, or printed too much."""

    def __init__(self) -> None:
        self.printed, self.said = bytearray(), bytearray()
        self.enough, self.exited, self.closed = asyncio.Event(), asyncio.Event(), asyncio.Event()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        kept = self.printed if fd == 1 else self.said
        if fd != 1:
            kept += data
            del kept[:-_MOST_BYTES]
        elif len(kept) <= _MOST_BYTES:
            kept += data
            if len(kept) > _MOST_BYTES:
                self.enough.set()
                self.closed.set()

    def process_exited(self) -> None:
        self.exited.set()
        self.enough.set()

    def connection_lost(self, error: Exception | None) -> None:
        self.closed.set()


def _kill(process: asyncio.SubprocessTransport, *, alone: bool) -> None:
    """Args: alone: its children are of our own session, and see the same terminal."""
    with suppress(ProcessLookupError):
        if alone:
            process.kill()
        else:
            os.killpg(process.get_pid(), signal.SIGKILL)


def parse_credential(plugin: Plugin, printed: bytes) -> Printed:
    """Read an ExecCredential. Raises: KubeconfigError, which quotes nothing of it."""
    try:
        document = json.loads(printed)
    except (ValueError, RecursionError):
        raise _failed(plugin, "what it printed is not JSON", plugin.install_hint) from None
    if not isinstance(document, dict) or document.get("kind") != "ExecCredential":
        raise _failed(plugin, "what it printed is no ExecCredential", plugin.install_hint)
    if document.get("apiVersion") != plugin.api_version:
        reason = f"it answered {str(document.get('apiVersion'))[:80]}, and was asked for {plugin.api_version}"
        raise _failed(plugin, reason, "Set apiVersion of the user's exec to what it speaks")
    status = document.get("status")
    if not isinstance(status, dict):
        status = {}
    token = str(status.get("token") or "")
    certificate, key = str(status.get("clientCertificateData") or ""), str(status.get("clientKeyData") or "")
    if not token and not (certificate and key):
        raise _failed(plugin, "it printed neither a token nor a certificate with its key", plugin.install_hint)
    return Printed(token, f"{certificate}\n{key}\n" if certificate else "", _expires(plugin, status))


def _expires(plugin: Plugin, status: dict[str, Any]) -> datetime | None:
    text = status.get("expirationTimestamp")
    if not text:
        return None
    try:
        time = datetime.fromisoformat(str(text))
    except ValueError:
        raise _failed(plugin, f"its expirationTimestamp is no time: {str(text)[:80]!r}", "") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _failed(plugin: Plugin, reason: str, hint: str) -> KubeconfigError:
    return KubeconfigError(Path(plugin.source), f"the credentials come from {plugin.command!r}: {reason}", hint)
