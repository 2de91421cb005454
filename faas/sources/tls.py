"""TLS towards upstream from credentials that are values of the environment, not files."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path
from types import TracebackType

from faas.sources.environment import Secrets
from faas.sources.errors import ConfigurationError


class CredentialFiles:
    """The client's certificate and key as files only we can read, as long as the block runs: OpenSSL wants files."""

    def __init__(self, secrets: Secrets) -> None:
        """Raises: ConfigurationError: one without the other."""
        if bool(secrets.cert) != bool(secrets.key):
            raise ConfigurationError("FAAS_SOURCE_CERT and FAAS_SOURCE_KEY go together: one of them is missing")
        self._secrets = secrets
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self.cert: str | None = None
        self.key: str | None = None

    def __enter__(self) -> CredentialFiles:
        if self._secrets.cert:
            self._folder = tempfile.TemporaryDirectory(prefix="faas-source-")  # 0700
            self.cert = self._write("cert.pem", self._secrets.cert)
            self.key = self._write("key.pem", self._secrets.key)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._folder:
            self._folder.cleanup()

    def _write(self, name: str, content: str) -> str:
        assert self._folder is not None
        path = Path(self._folder.name, name)
        path.write_text(content)
        return str(path)


def make_tls_context(secrets: Secrets) -> ssl.SSLContext:
    """A client's context: upstream's certificate is checked, against `secrets.ca` where there is one.

    Raises: ConfigurationError: a credential is no PEM, or key and certificate do not belong together.
    """
    try:
        context = ssl.create_default_context(cadata=secrets.ca or None)
        with CredentialFiles(secrets) as files:
            if files.cert:
                context.load_cert_chain(files.cert, files.key)
    except ssl.SSLError as error:
        raise ConfigurationError(f"FAAS_SOURCE_CA, FAAS_SOURCE_CERT or FAAS_SOURCE_KEY: {error}") from None
    return context
