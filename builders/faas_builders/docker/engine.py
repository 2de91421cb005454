"""Reach the Docker engine that the usual variables name."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

from faas_builders.errors import ToolMissing

if TYPE_CHECKING:
    from docker import DockerClient

_TIMEOUT_S = 600  # between two lines of a build; a silent compilation takes minutes


def connect() -> DockerClient:
    """A client of the engine of DOCKER_HOST (and DOCKER_TLS_VERIFY, DOCKER_CERT_PATH), else of the current context.

    The caller closes it. Raises: ToolMissing: the SDK is not installed, or no engine answers.
    """
    try:
        import docker
        from docker.errors import DockerException
    except ImportError as error:
        raise ToolMissing(
            "docker", "the Docker SDK for Python is not installed", "pip install 'faas-builders[docker]'"
        ) from error
    address = _address()
    try:
        _knock(engine_address())
        if "DOCKER_HOST" in os.environ or not address:
            client = docker.from_env(timeout=_TIMEOUT_S, use_ssh_client=True)
        else:
            client = docker.DockerClient(address, tls=_context_tls(), timeout=_TIMEOUT_S, use_ssh_client=True)
        client.ping()
    except (DockerException, OSError) as error:
        raise ToolMissing(
            "docker",
            f"no Docker engine answers at {engine_address()}: {_reason(error)}",
            "Install and start Docker, or name the engine: DOCKER_HOST=ssh://user@machine; "
            "the oci builder needs none: --builder oci",
        ) from error
    return client


def engine_address() -> str:
    """Where `connect` looks for the engine."""
    return os.environ.get("DOCKER_HOST") or _address() or "unix:///var/run/docker.sock"


def _knock(address: str) -> None:
    """Raises: OSError: nobody listens on that socket. Asked first, since the SDK would leave its own one open then."""
    if address.startswith("unix:"):
        with socket.socket(socket.AF_UNIX) as knocking:
            knocking.connect("/" + address.removeprefix("unix:").lstrip("/"))


def _address() -> str:
    """The endpoint of the current context of the Docker CLI ("" for the default one)."""
    context = _current_context()
    return str(context.Host or "") if context is not None else ""


def _context_tls() -> Any:
    context = _current_context()
    return (context.TLSConfig or False) if context is not None else False


def _current_context() -> Any:
    from docker.context import ContextAPI
    from docker.errors import DockerException

    try:
        context = ContextAPI.get_current_context()
    except (DockerException, OSError, ValueError):  # a context that is named and not there: the default is as good
        return None
    return None if context is None or context.name == "default" else context


def _reason(error: BaseException) -> str:
    """The innermost cause: what the SDK says around it is several libraries' reprs."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).strip() or type(error).__name__
