"""Where the Docker engine listens, and the one error when it does not."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

DEFAULT_SOCKET = "unix:///var/run/docker.sock"
_WITHOUT_WORDS = "it takes connections and does not answer"  # what time-outs are
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class DockerUnavailable(Exception):
    """The Docker engine does not answer; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the Docker engine listens, as the docker command finds it."""

    url: str
    ca: str = ""
    certificate: tuple[str, str] | None = None
    verify: bool = True

    @property
    def is_local(self) -> bool:
        parts = urlsplit(self.url)
        return parts.scheme in ("unix", "http+unix") or parts.hostname in _LOOPBACK

    @property
    def path(self) -> str:
        """Of its Unix socket; "": it listens on TCP."""
        return urlsplit(self.url).path if self.url.startswith(("unix:", "http+unix:")) else ""

    @property
    def tls(self) -> ssl.SSLContext | None:
        if not (self.ca or self.certificate):
            return None
        context = ssl.create_default_context(cafile=self.ca or None)
        if not self.verify:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if self.certificate:
            context.load_cert_chain(*self.certificate)
        return context


def find_place(environ: Mapping[str, str] = os.environ) -> Place:
    """DOCKER_HOST with DOCKER_TLS_VERIFY and DOCKER_CERT_PATH, else the current context.

    Raises: DockerUnavailable: the SDK is missing, or what is named cannot be used.
    """
    try:
        from docker.context import ContextAPI
        from docker.errors import DockerException
        from docker.utils import kwargs_from_env
    except ImportError as error:
        raise DockerUnavailable("the Docker SDK is not installed: pip install docker") from error
    try:
        found = dict(kwargs_from_env(environment=dict(environ)))
        if not found.get("base_url"):
            found = dict(ContextAPI.kwargs_from_context(environment=dict(environ)))
    except (DockerException, OSError, ValueError) as error:
        raise DockerUnavailable(f"the Docker engine's settings cannot be used: {error}") from error
    tls = found.get("tls")
    place = Place(
        str(found.get("base_url") or DEFAULT_SOCKET).replace("tcp://", "https://" if tls else "http://", 1),
        ca=str(getattr(tls, "ca_cert", None) or ""),
        certificate=getattr(tls, "cert", None),
        verify=bool(getattr(tls, "verify", True)),
    )
    if not place.is_local:
        raise DockerUnavailable(
            f"the Docker engine at {place.url} is not on this machine, so its containers cannot be reached; "
            "unset DOCKER_HOST or choose a local context: docker context use default"
        )
    return place


def unavailable(place: Place, error: BaseException) -> DockerUnavailable:
    """Names the innermost cause: what is said around it are several libraries' words."""
    cause = error
    while (inner := cause.__cause__ or cause.__context__) is not None:
        cause = inner
    reason = (isinstance(cause, OSError) and cause.strerror) or str(cause).strip() or _WITHOUT_WORDS
    if isinstance(cause, PermissionError):
        return DockerUnavailable(
            f"this user may not use the Docker engine at {place.url}: add it to the group docker and log in again, or "
            "name another engine with DOCKER_HOST"
        )
    return DockerUnavailable(
        f"no Docker engine answers at {place.url}: {reason}; install and start Docker, or name one with DOCKER_HOST"
    )
