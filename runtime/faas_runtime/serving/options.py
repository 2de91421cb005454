"""What the environment says about serving; the only place of this package that reads os.environ for settings."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Misused(Exception):
    """An option that makes no sense; the message says which, and what would be right."""


class ServeOptions(msgspec.Struct, frozen=True):
    """How one function is served."""

    function: str  # FAAS_FUNCTION, module:name
    bind: str  # tcp:HOST:PORT, unix:/path, or fd:N for a socket that listens already
    workers: int = 1  # FAAS_WORKERS; above 1 gunicorn's arbiter owns that many processes
    timeout_s: float = 300.0  # FAAS_TIMEOUT; how long a request may take, and a shutdown waits for those that run
    keepalive_s: int = 620  # FAAS_KEEPALIVE; longer than any proxy in front (600 s) keeps idle connections
    head_timeout_s: float = 30.0  # FAAS_HEAD_TIMEOUT; from connecting to the end of the first request's head


def read_options(environ: Mapping[str, str]) -> ServeOptions:
    """Raises: Misused."""
    function = environ.get("FAAS_FUNCTION", "").strip()
    if not function:
        raise Misused("FAAS_FUNCTION is not set\n  Name the function to serve, as FAAS_FUNCTION=main:hello")
    return ServeOptions(
        function=function,
        bind=_bind(environ),
        workers=int(_number(environ, "FAAS_WORKERS", 1, lowest=1)),
        timeout_s=_number(environ, "FAAS_TIMEOUT", 300.0, lowest=0.001),
        keepalive_s=int(_number(environ, "FAAS_KEEPALIVE", 620, lowest=0)),
        head_timeout_s=_number(environ, "FAAS_HEAD_TIMEOUT", 30.0, lowest=0.001),
    )


def _bind(environ: Mapping[str, str]) -> str:
    given = environ.get("FAAS_BIND", "")
    if given:
        if given.startswith("unix:/") or (given.startswith("fd:") and given[3:].isdecimal()):
            return given
        raise Misused(f"FAAS_BIND={given!r} is neither unix:/path nor fd:NUMBER\n  Leave it out to use PORT")
    port = int(_number(environ, "PORT", 8080, lowest=0))
    if port > 65535:
        raise Misused(f"PORT={port} is not a TCP port\n  Choose one from 1 to 65535, or 0 for any free one")
    # A cluster's network reaches a container only if it listens on all its addresses; elsewhere loopback is safer.
    in_cluster = "K_SERVICE" in environ or "KUBERNETES_SERVICE_HOST" in environ
    host = environ.get("FAAS_HOST") or ("0.0.0.0" if in_cluster else "127.0.0.1")
    return f"tcp:{host}:{port}"


def _number(environ: Mapping[str, str], name: str, default: float, *, lowest: float) -> float:
    text = environ.get(name, "")
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        raise Misused(f"{name}={text!r} is not a number") from None
    if not value >= lowest:
        raise Misused(f"{name}={text} is too small\n  It has to be {lowest:g} or more")
    return value
