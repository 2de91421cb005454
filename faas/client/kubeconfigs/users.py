"""What a kubeconfig says of a user: plugins, acting as somebody else, and what came before plugins."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from faas.client.kubeconfigs.cluster import PLUGIN_VERSIONS, Plugin
from faas.client.kubeconfigs.files import Entry, KubeconfigError

_MODES = ("Never", "IfAvailable", "Always")

# What came after the providers that were once built into kubectl; it has known only oidc since 1.26.
_SUCCESSORS = {
    "gcp": "gke-gcloud-auth-plugin:  gcloud container clusters get-credentials CLUSTER",
    "azure": "kubelogin:  kubelogin convert-kubeconfig",
    "oidc": "kubectl-oidc_login:  kubectl oidc-login setup",
}


def legacy_token(user: Entry) -> str:
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


def parse_plugin(user: Entry, given: object, cluster: Entry, ca_data: str) -> Plugin:
    who = f"user {user.name!r}"
    if not isinstance(given, dict) or not isinstance(command := given.get("command"), str) or not command:
        raise KubeconfigError(user.path, f"the plugin of {who} has no command", "Name it:  exec: {command: …}")
    version, mode = given.get("apiVersion"), str(given.get("interactiveMode") or "IfAvailable")
    if version not in PLUGIN_VERSIONS:
        spoken = f"speaks {version}, which is no longer supported" if version else "has no apiVersion"
        hint = f"Write the user anew with your provider's command, or try apiVersion: {PLUGIN_VERSIONS[0]}"
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


def impersonation_headers(user: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
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
