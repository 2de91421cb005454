"""Which API server to talk to, and as whom: what kubeconfig files say. Source: Kubernetes' client configuration, v1."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from faas.client.kubeconfig_files import Entry, KubeconfigError, Kubeconfigs, read_kubeconfigs
from faas.client.servers import parse_server

__all__ = ["Cluster", "KubeconfigError", "Plugin", "load", "make_cluster"]

_ENGINE_HINT = "Repair it, or have the engine write it again:  faas down && faas up"
_PLUGIN_VERSIONS = tuple(f"client.authentication.k8s.io/{version}" for version in ("v1", "v1beta1"))
_MODES = ("Never", "IfAvailable", "Always")


@dataclass(frozen=True, slots=True)
class Plugin:
    """A program that prints credentials. Source: client.authentication.k8s.io, v1 and v1beta1."""

    command: str  # a name to be found on PATH, or a path
    arguments: tuple[str, ...] = field(default=(), repr=False)
    environment: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    api_version: str = _PLUGIN_VERSIONS[0]
    interactive: str = "IfAvailable"  # whether it may ask whoever sits there: Never, IfAvailable, Always
    install_hint: str = ""
    cluster: str = field(default="", repr=False)  # what it is told of the cluster, as JSON; "": nothing
    source: str = ""  # the kubeconfig


@dataclass(frozen=True, slots=True)
class Cluster:
    """An API server and the credentials for it, none of which its repr shows."""

    server: str  # https://127.0.0.1:6443
    namespace: str = "default"
    context: str = ""
    ca_data: str = field(default="", repr=False)  # PEM; empty: the system's authorities
    token: str = field(default="", repr=False)
    client_cert: Path | None = None
    client_key: Path | None = None
    insecure: bool = False
    source: str = ""  # the file it came from
    user: str = ""  # what the kubeconfig calls its credentials
    client_cert_data: str = field(default="", repr=False)  # PEM; wins over the files
    client_key_data: str = field(default="", repr=False)
    token_file: Path | None = None  # wins over the token; read again when it changes
    username: str = ""
    password: str = field(default="", repr=False)
    plugin: Plugin | None = None
    impersonation: tuple[tuple[str, str], ...] = ()  # headers
    tls_server_name: str = ""  # in its certificate, when that is not the host's
    proxy_url: str = field(default="", repr=False)  # wins over those of the environment


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
        token=str(said.get("token") or "") or _legacy_token(user),
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
        plugin=_plugin(user, said["exec"], cluster, ca_data) if said.get("exec") else None,
        impersonation=_impersonation(said),
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


# What came after the providers that were once built into kubectl; it has known only oidc since 1.26.
_SUCCESSORS = {
    "gcp": "gke-gcloud-auth-plugin:  gcloud container clusters get-credentials CLUSTER",
    "azure": "kubelogin:  kubelogin convert-kubeconfig",
    "oidc": "kubectl-oidc_login:  kubectl oidc-login setup",
}


def _legacy_token(user: Entry) -> str:
    """The token that oidc left in the kubeconfig, as long as it lasts. Raises: KubeconfigError."""
    provider = user.content.get("auth-provider")
    if not isinstance(provider, dict) or user.content.get("exec"):
        return ""
    name = str(provider.get("name"))
    config = provider.get("config")
    token = str(config.get("id-token") or "") if isinstance(config, dict) else ""
    if name == "oidc" and token:
        return token  # once it has ended the server says 401
    reason = f"user {user.name!r} has credentials of the auth-provider {name!r}, which is a thing of the past"
    raise KubeconfigError(user.path, reason, f"Its successor is {_SUCCESSORS.get(name, 'a plugin of your provider')}")


def _plugin(user: Entry, given: object, cluster: Entry, ca_data: str) -> Plugin:
    who = f"user {user.name!r}"
    if not isinstance(given, dict) or not isinstance(command := given.get("command"), str) or not command:
        raise KubeconfigError(user.path, f"the plugin of {who} has no command", "Name it:  exec: {command: …}")
    version, mode = given.get("apiVersion"), str(given.get("interactiveMode") or "IfAvailable")
    if version not in _PLUGIN_VERSIONS:
        spoken = f"speaks {version}, which is no longer supported" if version else "has no apiVersion"
        hint = f"Write the user anew with your provider's command, or try apiVersion: {_PLUGIN_VERSIONS[0]}"
        raise KubeconfigError(user.path, f"the plugin of {who} {spoken}", hint)
    if mode not in _MODES:
        raise KubeconfigError(user.path, f"interactiveMode of {who} is {mode!r}", f"Known: {', '.join(_MODES)}")
    variables = [each for each in _several(given.get("env")) if isinstance(each, dict) and each.get("name")]
    return Plugin(
        command=str(user.beside(command)) if os.sep in command else command,
        arguments=tuple(map(str, _several(given.get("args")))),
        environment=tuple((str(each["name"]), str(each.get("value") or "")) for each in variables),
        api_version=version,
        interactive=mode,
        install_hint=str(given.get("installHint") or "").strip(),
        cluster=_told(cluster, ca_data) if given.get("provideClusterInfo") else "",
        source=str(user.path),
    )


def _told(cluster: Entry, ca_data: str) -> str:
    """What a plugin is told of its cluster."""
    said = cluster.content
    told: dict[str, Any] = {
        key: said[key]
        for key in ("server", "tls-server-name", "insecure-skip-tls-verify", "proxy-url")
        if said.get(key)
    }
    if ca_data:
        told["certificate-authority-data"] = base64.b64encode(ca_data.encode()).decode()
    for extension in _several(said.get("extensions")):
        if isinstance(extension, dict) and extension.get("name") == "client.authentication.k8s.io/exec":
            told["config"] = extension.get("extension")
    return json.dumps(told, sort_keys=True, default=str)


def _impersonation(user: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Source: Kubernetes, "User impersonation"."""
    headers = [("Impersonate-User", str(user["as"]))] if user.get("as") else []
    headers += [("Impersonate-Uid", str(user["as-uid"]))] if user.get("as-uid") else []
    headers += [("Impersonate-Group", str(group)) for group in _several(user.get("as-groups"))]
    extra = user.get("as-user-extra")
    for key, values in (extra if isinstance(extra, dict) else {}).items():
        headers += [(f"Impersonate-Extra-{quote(str(key).lower(), safe='')}", str(value)) for value in _several(values)]
    return tuple(headers)


def _several(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else []
