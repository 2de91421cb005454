"""Which API server to talk to, and as whom: kubeconfig files. Source: Kubernetes' client configuration, v1."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Cluster:
    """An API server and the credentials for it."""

    server: str  # https://127.0.0.1:6443
    namespace: str = "default"
    context: str = ""
    ca_data: str = ""  # PEM; empty: the system's authorities
    token: str = ""
    client_cert: Path | None = None
    client_key: Path | None = None
    insecure: bool = False
    source: str = ""  # the file it came from


class KubeconfigError(Exception):
    """A kubeconfig that cannot be used: `path` and `reason` say what is wrong with which file, `hint` what to do."""

    def __init__(self, path: Path, reason: str, hint: str = "") -> None:
        super().__init__(f"kubeconfig {path}: {reason}")
        self.path, self.reason, self.hint = path, reason, hint


def load(path: Path, context: str = "") -> Cluster:
    """Read the cluster of `context`, or of the file's current context. Raises: KubeconfigError."""
    document = _read(path)
    name = context or str(document.get("current-context") or "")
    if not name:
        raise KubeconfigError(path, "it has no current-context", _choose(document))
    chosen = _named(document, "contexts", name)
    if chosen is None:
        raise KubeconfigError(path, f"it has no context {name!r}", _choose(document))
    inner = _mapping(path, chosen.get("context"), f"context {name!r}")
    cluster = _entry(path, document, "clusters", "cluster", str(inner.get("cluster") or ""), f"context {name!r}")
    user_name = str(inner.get("user") or "")
    user = _entry(path, document, "users", "user", user_name, f"context {name!r}") if user_name else {}
    server = cluster.get("server")
    if not isinstance(server, str) or not server.startswith(("https://", "http://")):
        raise KubeconfigError(path, f"cluster {inner.get('cluster')!r} has no usable server: {server!r}")
    if "exec" in user or "auth-provider" in user:
        reason = f"user {user_name!r} gets its credentials from a plugin, which is not supported"
        raise KubeconfigError(path, reason, "Put a token or a client certificate for it into the kubeconfig")
    return Cluster(
        server=server.rstrip("/"),
        namespace=str(inner.get("namespace") or "default"),
        context=name,
        ca_data=_text(path, cluster, "certificate-authority"),
        token=_token(path, user),
        client_cert=_beside(path, user.get("client-certificate")),
        client_key=_beside(path, user.get("client-key")),
        insecure=bool(cluster.get("insecure-skip-tls-verify", False)),
        source=str(path),
    )


def _read(path: Path) -> Mapping[str, Any]:
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise KubeconfigError(path, "there is no such file", "Start the engine, which writes it:  faas up") from None
    except (OSError, UnicodeDecodeError) as error:
        raise KubeconfigError(path, f"it cannot be read: {error}", "It has to be yours, mode 0600") from error
    try:
        # The C parser where it is built in: ten times as fast, and this is on every command's way.
        document = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise KubeconfigError(path, f"it is not valid YAML{where}", _REWRITE) from error
    if not isinstance(document, dict):
        raise KubeconfigError(path, "it holds no mapping", _REWRITE)
    return document


_REWRITE = "Repair it, or have the engine write it again:  faas down && faas up"


def _entry(path: Path, document: Mapping[str, Any], section: str, key: str, name: str, who: str) -> Mapping[str, Any]:
    found = _named(document, section, name)
    if found is None:
        raise KubeconfigError(path, f"{who} names {key} {name!r}, which is not there", _REWRITE)
    return _mapping(path, found.get(key), f"{key} {name!r}")


def _named(document: Mapping[str, Any], section: str, name: str) -> Mapping[str, Any] | None:
    entries = document.get(section)
    if not isinstance(entries, list):
        return None
    return next((entry for entry in entries if isinstance(entry, dict) and entry.get("name") == name), None)


def _mapping(path: Path, value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise KubeconfigError(path, f"{what} is not a mapping", _REWRITE)
    return value


def _choose(document: Mapping[str, Any]) -> str:
    entries = document.get("contexts")
    names = (
        [str(entry.get("name")) for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    )
    return f"Contexts it has: {', '.join(names)}" if names else _REWRITE


def _text(path: Path, entry: Mapping[str, Any], key: str) -> str:
    """`KEY-data` in base64, or the content of the file that `KEY` names."""
    if data := entry.get(f"{key}-data"):
        try:
            return base64.b64decode(str(data), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise KubeconfigError(path, f"{key}-data is not base64 of a PEM file", _REWRITE) from error
    file = _beside(path, entry.get(key))
    try:
        return file.read_text(encoding="utf-8") if file else ""
    except OSError as error:
        raise KubeconfigError(path, f"{key} names {file}, which cannot be read: {error.strerror}") from error


def _token(path: Path, user: Mapping[str, Any]) -> str:
    if token := user.get("token"):
        return str(token)
    file = _beside(path, user.get("tokenFile"))
    try:
        return file.read_text(encoding="utf-8").strip() if file else ""
    except OSError as error:
        raise KubeconfigError(path, f"tokenFile names {file}, which cannot be read: {error.strerror}") from error


def _beside(path: Path, value: object) -> Path | None:
    """Relative paths in a kubeconfig are relative to its folder."""
    return Path(os.path.join(path.parent, str(value))) if value else None
