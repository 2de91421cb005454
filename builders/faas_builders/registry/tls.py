"""Which certificates of registries are believed."""

from __future__ import annotations

import ipaddress
import os
import ssl
from pathlib import Path

from faas_builders.errors import RegistryError

CERTIFICATES = (Path("/etc/docker/certs.d"), Path("/etc/containers/certs.d"))
"""A folder HOST or HOST:PORT in these has *.crt (authorities), and *.cert with *.key (what we show)."""


def is_loopback(host: str) -> bool:
    """Whether HOST or HOST:PORT is this machine itself, so that nobody is between."""
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def make_context(host: str, *, verified: bool, folders: tuple[Path, ...] = CERTIFICATES) -> ssl.SSLContext:
    """Believe what this machine believes (SSL_CERT_FILE and SSL_CERT_DIR name others), and the folder for `host`.

    Raises: RegistryError: a file of that folder cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if verified:
        context.load_default_certs()
        if not _has_authorities(context):
            import certifi  # Pythons that were built elsewhere may look where this machine has none

            context.load_verify_locations(certifi.where())
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    for folder in folders:
        _add(context, folder / host, host)
    return context


def _has_authorities(context: ssl.SSLContext) -> bool:
    paths = ssl.get_default_verify_paths()
    # Those of a folder are read when they are needed, and not counted before.
    return context.cert_store_stats()["x509_ca"] > 0 or bool(paths.capath and os.listdir(paths.capath))


def _add(context: ssl.SSLContext, folder: Path, host: str) -> None:
    if not folder.is_dir():
        return
    for file in sorted(folder.iterdir()):
        try:
            if file.suffix == ".crt":
                context.load_verify_locations(file)
            elif file.suffix == ".cert":
                context.load_cert_chain(file, file.with_suffix(".key"))
        except (OSError, ssl.SSLError) as error:
            raise RegistryError(host, f"cannot be asked: {file} cannot be used as a certificate: {error}") from error
