"""Which API server a kubeconfig's context means, and as whom. Source: Kubernetes' client configuration, v1."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path

from faas.client.kubeconfigs.cluster import Cluster
from faas.client.kubeconfigs.files import Entry, KubeconfigError, Kubeconfigs, read_kubeconfigs
from faas.client.kubeconfigs.servers import parse_server
from faas.client.kubeconfigs.users import impersonation_headers, legacy_token, parse_plugin

_ENGINE_HINT = "Repair it, or have the engine write it again:  faas down && faas up"


def load(path: Path, context: str = "") -> Cluster:
    """Read the cluster of `context`, or of the file's current context. Raises: KubeconfigError."""
    found = read_kubeconfigs([path], hint=_ENGINE_HINT, required=True)
    name = context or found.current
    if not name:
        raise KubeconfigError(path, "it has no current-context", _choose(found))
    if name not in found.contexts:
        raise KubeconfigError(path, f"it has no context {name!r}", _choose(found))
    return make_cluster(found, name)


def make_cluster(found: Kubeconfigs, name: str) -> Cluster:
    """The cluster of a context that is there. Raises: KubeconfigError."""
    context = found.contexts[name]
    cluster = _named(found, context, "cluster", found.clusters)
    user = _named(found, context, "user", found.users)
    try:
        server = parse_server(cluster.content.get("server"))
    except ValueError as error:
        raise KubeconfigError(cluster.path, f"cluster {cluster.name!r} has {error}", found.hint) from None
    if server.startswith("http://"):
        user = Entry(user.path, user.name, {})  # as kubectl: credentials go over no line that anybody reads along
    said, hint = user.content, found.hint
    ca_data = _text(cluster, "certificate-authority", hint)
    return Cluster(
        server=server,
        namespace=str(context.content.get("namespace") or "default"),
        context=name,
        ca_data=ca_data,
        token=str(said.get("token") or "") or legacy_token(user),
        client_cert=user.beside(said.get("client-certificate")),
        client_key=user.beside(said.get("client-key")),
        insecure=bool(cluster.content.get("insecure-skip-tls-verify", False)),
        source=str(context.path),
        user=user.name,
        client_cert_data=_inline(user, "client-certificate", hint),
        client_key_data=_inline(user, "client-key", hint),
        token_file=user.beside(said.get("tokenFile")),
        username=str(said.get("username") or ""),
        password=str(said.get("password") or ""),
        plugin=parse_plugin(user, said["exec"], cluster, ca_data) if said.get("exec") else None,
        impersonation=impersonation_headers(said),
        tls_server_name=str(cluster.content.get("tls-server-name") or ""),
        proxy_url=str(cluster.content.get("proxy-url") or ""),
    )


def _named(found: Kubeconfigs, context: Entry, key: str, entries: Mapping[str, Entry]) -> Entry:
    name = str(context.content.get(key) or "")
    if not name and key == "user":
        return Entry(context.path, "", {})
    if name not in entries:
        reason = f"context {context.name!r} names {key} {name!r}, which is not there"
        raise KubeconfigError(context.path, reason, found.hint)
    return entries[name]


def _choose(found: Kubeconfigs) -> str:
    return f"Contexts it has: {', '.join(found.contexts)}" if found.contexts else found.hint


def _inline(entry: Entry, key: str, hint: str) -> str:
    data = entry.content.get(f"{key}-data")
    try:
        return base64.b64decode(str(data), validate=True).decode() if data else ""
    except ValueError as error:
        raise KubeconfigError(entry.path, f"{key}-data is not base64 of a PEM file", hint) from error


def _text(entry: Entry, key: str, hint: str) -> str:
    """`KEY-data` in base64, or the content of the file that `KEY` names."""
    if data := _inline(entry, key, hint):
        return data
    file = entry.beside(entry.content.get(key))
    try:
        return file.read_text(encoding="utf-8") if file else ""
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise KubeconfigError(entry.path, f"{key} names {file}, which cannot be read: {why}", hint) from error
