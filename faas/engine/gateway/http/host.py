"""The Host header: what is well formed, and the name in it. Pure."""

from __future__ import annotations

import ipaddress
import re

# RFC 3986 reg-name or IP literal, and a port; stricter than the RFC in that userinfo is refused.
_HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9\-._~%!$&'()*+,;=]{0,255})(?::[0-9]{0,5})?")


def is_valid_host(host: bytes) -> bool:
    """Whether this is a well-formed Host header (RFC 9110, 7.2)."""
    return _HOST.fullmatch(host) is not None


def host_name(host: bytes) -> str:
    """The name in a Host header, as the table has it: lower case, without port and trailing dot."""
    if host.startswith(b"["):
        return host[: host.find(b"]") + 1].decode("latin-1").lower()
    return host.partition(b":")[0].decode("latin-1").lower().rstrip(".")


def is_ip_literal(name: str) -> bool:
    """Whether this name is an address; IPv6 in brackets, as in a Host header, or without."""
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
