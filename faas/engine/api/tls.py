"""The API server's private CA, its certificate and its token: made at the first start, kept in the state directory."""

from __future__ import annotations

import os
import secrets
import ssl
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

CA = "ca.crt"
SERVER = "server.pem"  # when to renew it, its key, the certificate; written last, so with it everything is there
_RENEW = b"# renew after "  # text before the first BEGIN is a comment (RFC 7468, 5.2)
_RENEW_BEFORE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Where the server's key and certificate lie, the CA to trust, the token to present."""

    certificate: Path
    ca_pem: bytes
    token: str

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.certificate)
        return context


def ensure_credentials(directory: Path, token_file: Path, *, now: datetime | None = None) -> Credentials:
    """Load what is there, make what is missing, renew a server certificate that ends soon. Blocking.

    Args:
        directory: of the certificates; engines may share it.
        token_file: this engine's own.
    """
    for folder in (directory, token_file.parent):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not is_current(directory, now or datetime.now(UTC)):
        maker = [sys.executable, "-P", "-m", "faas.engine.api.certificates", str(directory)]
        subprocess.run(maker, stdin=subprocess.DEVNULL, check=True)
    if not token_file.exists():
        write_private(token_file, secrets.token_urlsafe(32).encode())
    return Credentials(directory / SERVER, (directory / CA).read_bytes(), token_file.read_text().strip())


def is_current(directory: Path, now: datetime) -> bool:
    """Whether there is a server certificate that need not be renewed yet."""
    try:
        with (directory / SERVER).open("rb") as file:
            line = file.readline()
        return line.startswith(_RENEW) and now < datetime.fromisoformat(line.removeprefix(_RENEW).decode().strip())
    except (OSError, ValueError):
        return False


def renew_line(ends: datetime) -> str:
    return f"{_RENEW.decode()}{(ends - _RENEW_BEFORE).isoformat(timespec='seconds')}\n"


def write_private(path: Path, data: bytes) -> None:
    """Replace a file as a whole, readable by its owner only."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
