"""An API server and the credentials for it, as values: what kubeconfigs, and Pods inside a cluster, come to."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

# What plugins may speak, the one to choose first.
PLUGIN_VERSIONS: Final = tuple(f"client.authentication.k8s.io/{version}" for version in ("v1", "v1beta1"))


@dataclass(frozen=True, slots=True)
class Plugin:
    """A program that prints credentials. Source: client.authentication.k8s.io, v1 and v1beta1."""

    command: str  # a name to be found on PATH, or a path
    arguments: tuple[str, ...] = field(default=(), repr=False)
    environment: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    api_version: str = PLUGIN_VERSIONS[0]
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
