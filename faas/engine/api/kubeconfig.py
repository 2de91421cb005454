"""The kubeconfig that kubectl, kn and our own commands use."""

from __future__ import annotations

import base64
from pathlib import Path

import yaml

from faas.engine.api.tls import Credentials, write_private

CONTEXT = "faas"


def write_kubeconfig(path: Path, credentials: Credentials, port: int) -> None:
    """Write it (0600), unless it says the same already, so that its time does not change at every start."""
    text = yaml.safe_dump(make_kubeconfig(credentials, port), sort_keys=False).encode()
    if not path.exists() or path.read_bytes() != text:
        write_private(path, text)


def make_kubeconfig(credentials: Credentials, port: int) -> dict[str, object]:
    """client-go takes the token only for an https server, which is why the API speaks TLS on loopback too."""
    cluster = {
        "server": f"https://127.0.0.1:{port}",
        "certificate-authority-data": base64.b64encode(credentials.ca_pem).decode(),
    }
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": CONTEXT, "cluster": cluster}],
        "users": [{"name": CONTEXT, "user": {"token": credentials.token}}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": CONTEXT, "namespace": "default"}}],
        "current-context": CONTEXT,
    }
