"""The cluster that this process runs in, as its Pod's service account. Source: Kubernetes, access from within a Pod."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from faas.client.kubeconfigs.cluster import Cluster
from faas.client.kubeconfigs.files import KubeconfigError

FOLDER = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def is_inside(variables: Mapping[str, str], folder: Path = FOLDER) -> bool:
    return bool(variables.get("KUBERNETES_SERVICE_HOST")) and (folder / "token").exists()


def load(variables: Mapping[str, str], folder: Path = FOLDER) -> Cluster:
    """Ask only where `is_inside`. The token is a file that is read again, since it is replaced within the hour.

    Raises: KubeconfigError.
    """
    host, port = variables["KUBERNETES_SERVICE_HOST"], variables.get("KUBERNETES_SERVICE_PORT") or "443"
    try:
        ca_data = (folder / "ca.crt").read_text(encoding="utf-8")
    except OSError as error:
        raise KubeconfigError(folder / "ca.crt", f"it cannot be read: {error.strerror}") from error
    return Cluster(
        server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        namespace=_namespace(folder),
        context="in-cluster",
        ca_data=ca_data,
        token_file=folder / "token",
        source=str(folder),
        user="the Pod's service account",
    )


def _namespace(folder: Path) -> str:
    try:
        return (folder / "namespace").read_text(encoding="utf-8").strip() or "default"
    except OSError:
        return "default"
