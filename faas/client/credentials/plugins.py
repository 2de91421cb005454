"""Programs that print credentials for a cluster: aws, gke-gcloud-auth-plugin, kubelogin and their like.

Source: Kubernetes, client-go credential plugins (client.authentication.k8s.io v1 and v1beta1).
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
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
_MOST_BYTES = 1024 * 1024  # of what it prints; a token has a few thousand
_PATIENCE_S = 120.0  # of one that asks nobody; who is asked may take as long as that takes


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
    """Its exit code, stdout, and what it said on stderr; on a terminal it says that there."""
    terminal = interactive and sys.stderr.isatty()
    try:
        process = await asyncio.create_subprocess_exec(
            program,
            *plugin.arguments,
            env={**os.environ, **dict(plugin.environment), "KUBERNETES_EXEC_INFO": asked},
            stdin=None if interactive else DEVNULL,
            stdout=PIPE,
            stderr=None if terminal else PIPE,
        )
    except (OSError, ValueError) as error:  # ValueError: a NUL in what it is given
        why = getattr(error, "strerror", None) or error
        raise _failed(plugin, f"it does not start: {why}", plugin.install_hint) from error
    try:
        async with asyncio.timeout(None if interactive else _PATIENCE_S):
            async with asyncio.TaskGroup() as reading:
                printing = reading.create_task(_read(process.stdout, _MOST_BYTES + 1, process))
                saying = reading.create_task(_read(process.stderr, _MOST_BYTES))
            await process.wait()
    except TimeoutError:
        raise _failed(plugin, f"it printed no credentials within {_PATIENCE_S:g} s", plugin.install_hint) from None
    finally:
        if process.returncode is None:
            process.kill()
            with suppress(TimeoutError):  # what it has started itself may hold its pipes open
                async with asyncio.timeout(_ENDING_S):
                    await process.wait()
    printed, said = printing.result(), saying.result()
    if len(printed) > _MOST_BYTES:
        raise _failed(plugin, f"it printed more than {_MOST_BYTES} bytes", plugin.install_hint)
    return process.returncode or 0, printed, said.decode(errors="replace").strip()[-2000:]


async def _read(
    stream: asyncio.StreamReader | None, most: int, endless: asyncio.subprocess.Process | None = None
) -> bytes:
    """The last `most` bytes. Args: endless: the process to end when there are more."""
    kept = b""
    while stream is not None and (piece := await stream.read(65536)):
        kept = (kept + piece)[-most:]
        if endless is not None and len(kept) == most:
            endless.kill()
            break
    return kept


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
