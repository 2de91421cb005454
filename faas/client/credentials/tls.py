"""Which certificates of an API server are believed, and what is shown to it."""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from faas.client.kubeconfigs.cluster import Cluster
from faas.client.kubeconfigs.files import KubeconfigError


def make_context(cluster: Cluster, certificate: str = "") -> ssl.SSLContext:
    """TLS for a cluster.

    Args: certificate: PEM of a client certificate and its key that a plugin gave; wins over the kubeconfig's.
    Raises: KubeconfigError: a certificate or a key cannot be used.
    """
    context = _believing(cluster)
    if cluster.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    try:
        if certificate := certificate or _inline(cluster):
            with _as_file(certificate) as path:
                context.load_cert_chain(path, password=_no_password)
        elif cluster.client_cert:
            context.load_cert_chain(cluster.client_cert, cluster.client_key, password=_no_password)
    except (OSError, ValueError) as error:  # ssl's own are OSErrors
        named = cluster.client_cert if not certificate and cluster.client_cert else "its data"
        reason = f"the client certificate of user {cluster.user!r} cannot be used ({named}): {_why(error)}"
        raise KubeconfigError(Path(cluster.source), reason, "Have your cluster's provider write it anew") from error
    return context


def _believing(cluster: Cluster) -> ssl.SSLContext:
    if not cluster.ca_data:
        from faas_builders.registry.tls import make_context as believing_this_machine

        return believing_this_machine("", verified=True, folders=())
    # Only this authority: loading the system's takes 20 ms and would trust more than the kubeconfig says.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=cluster.ca_data)
    except (OSError, ValueError) as error:
        reason = f"the certificate authority of context {cluster.context!r} cannot be used: {_why(error)}"
        raise KubeconfigError(Path(cluster.source), reason, "It has to be a PEM file of certificates") from error
    return context


def _inline(cluster: Cluster) -> str:
    """Certificate and key in one, when the kubeconfig has one of them inside."""
    if not cluster.client_cert_data and not cluster.client_key_data:
        return ""
    certificate = cluster.client_cert_data or _read(cluster.client_cert)
    return f"{certificate}\n{cluster.client_key_data or _read(cluster.client_key)}\n"


def _read(path: Path | None) -> str:
    return path.read_text(encoding="utf-8") if path else ""


@contextmanager
def _as_file(text: str) -> Iterator[str]:
    """A path for OpenSSL, which reads keys from files only: memory where there is such a thing, else a file of ours."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("faas-client-certificate", os.MFD_CLOEXEC)
        try:
            os.write(descriptor, text.encode())
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    with tempfile.NamedTemporaryFile("w", prefix="faas-", suffix=".pem") as file:  # mode 0600
        file.write(text)
        file.flush()
        yield file.name


def _no_password() -> str:
    """Else OpenSSL asks for one on the terminal."""
    raise ValueError("its key is encrypted, and there is nobody to ask for the password")


def _why(error: Exception) -> str:
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None)
    return str(reason or error)
