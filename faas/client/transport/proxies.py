"""Which proxy lies on the way to an API server. Rules as Go's, so that kubectl and faas go the same way. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit


def proxy_of(server: str, variables: Mapping[str, str]) -> str:
    """The URL of the proxy that the environment names for a server; "": none.

    Never one for this machine itself: neither the engine nor a cluster in containers here is behind it.
    """
    url = urlsplit(server)
    host = (url.hostname or "").lower().rstrip(".")
    port = url.port or (443 if url.scheme == "https" else 80)
    if _is_loopback(host) or _is_excepted(host, port, _variable(variables, "NO_PROXY")):
        return ""
    proxy = _variable(variables, f"{url.scheme.upper()}_PROXY") or _variable(variables, "ALL_PROXY")
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"


def _variable(variables: Mapping[str, str], name: str) -> str:
    return (variables.get(name) or variables.get(name.lower()) or "").strip()


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return host == "localhost" or host.endswith(".localhost") or (address is not None and address.is_loopback)


def _is_excepted(host: str, port: int, exceptions: str) -> bool:
    return any(_matches(host, port, word.strip().lower()) for word in exceptions.split(",") if word.strip())


def _matches(host: str, port: int, word: str) -> bool:
    """`*`, an address, a network in CIDR, a domain (and all below it), `.domain` (only below it); each with :port."""
    if word == "*":
        return True
    if "/" in word:
        address, network = _address(host), _network(word)
        return address is not None and network is not None and address in network
    name, _, wanted = word.rpartition(":") if word.count(":") == 1 or word.startswith("[") else (word, "", "")
    if wanted and not wanted.isdigit():
        name, wanted = word, ""  # [::1] without a port
    if wanted and int(wanted) != port:
        return False
    name = name.strip("[]")
    if (address := _address(name)) is not None:
        return address == _address(host)
    name = name.removeprefix("*")
    return host.endswith(name) and host != name if name.startswith(".") else host == name or host.endswith(f".{name}")


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
