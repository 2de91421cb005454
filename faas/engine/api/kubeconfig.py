"""The kubeconfig that kubectl, kn and our own commands use."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from faas.engine.api.tls import Credentials, write_private

CONTEXT = "faas"


def write_kubeconfig(path: Path, credentials: Credentials, port: int) -> None:
    """Write it (0600), unless it says the same already, so that its time does not change at every start."""
    text = make_kubeconfig(credentials, port).encode()
    if not path.exists() or path.read_bytes() != text:
        write_private(path, text)


def make_kubeconfig(credentials: Credentials, port: int) -> str:
    """client-go takes the token only for an https server, which is why the API speaks TLS on loopback too."""
    authority = base64.b64encode(credentials.ca_pem).decode()
    # Base64 and our own names need no quotes, and the engine no YAML library to start with.
    return f"""apiVersion: v1
kind: Config
clusters:
- name: {CONTEXT}
  cluster:
    server: https://127.0.0.1:{port}
    certificate-authority-data: {authority}
users:
- name: {CONTEXT}
  user:
    token: {_quoted(credentials.token)}
contexts:
- name: {CONTEXT}
  context:
    cluster: {CONTEXT}
    user: {CONTEXT}
    namespace: default
current-context: {CONTEXT}
"""


def _quoted(token: str) -> str:
    """A token may begin with a dash; a JSON text is a YAML text."""
    return json.dumps(token)
