"""URLs of API servers as kubeconfigs write them: which can be used, and what of one may be shown. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit


def parse_server(given: object) -> str:
    """The URL that paths are put after. Raises: ValueError, which says what is wrong and quotes no password."""
    if not isinstance(given, str) or not given.startswith(("https://", "http://")):
        shown = repr(without_password(given)) if isinstance(given, str) else type(given).__name__
        raise ValueError(f"no usable server: {shown}")
    if not given.isprintable() or " " in given:
        raise ValueError("no usable server: there is a space or a control character in its URL")
    try:
        parts = urlsplit(given)
        has_host, _ = bool(parts.hostname), parts.port
    except ValueError:  # it may quote what comes before an @
        raise ValueError("no usable server: its URL has a port or an address that there cannot be") from None
    if "@" in parts.netloc:
        # It would be in every message that names the server.
        raise ValueError("a server with a password in its URL; it belongs to the user, as username and password")
    if not has_host or parts.query or parts.fragment:
        raise ValueError(f"no usable server: {given!r}")
    return given.rstrip("/")


def without_password(url: str) -> str:
    """A URL as it may be shown, whether it can be used or not."""
    scheme, separator, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}…@{host.rpartition('@')[2]}{slash}{path}" if "@" in host else url
