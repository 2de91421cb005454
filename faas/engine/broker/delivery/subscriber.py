"""Where a URI leads: through the gateway, when it is a service of this engine, or straight out."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from faas.engine.contract.eventing import BROKER_NAMESPACE, BROKER_SERVICE
from faas.engine.contract.settings import LOCAL_DOMAIN


class BadAddress(ValueError):
    """Nothing can be sent there."""


@dataclass(frozen=True, slots=True)
class Subscriber:
    """`prefix` is the request's head up to the fields of one event."""

    uri: str
    address: str  # "": the gateway; else HOST:PORT
    host: str  # of the address, without its port
    port: int
    tls: bool
    prefix: bytes

    @property
    def is_broker(self) -> bool:
        return self.is_local and self.host.startswith(f"{BROKER_SERVICE}.{BROKER_NAMESPACE}.")

    @property
    def is_local(self) -> bool:
        return not self.address


def make_subscriber(uri: str, *, domain: str, timeout_s: float | None = None) -> Subscriber:
    """Read a URI.

    Args:
        domain: the engine's own; services of it, and those of the cluster's local domain, go through the gateway.
        timeout_s: of an attempt; a function of this engine is told, so that it can stop by itself.
    Raises: BadAddress.
    """
    try:
        parts = urlsplit(uri)
        host, port = (parts.hostname or "").lower(), parts.port
        netloc = parts.netloc.rpartition("@")[2].encode("ascii")
    except ValueError as error:  # UnicodeEncodeError is one
        raise BadAddress(f"{uri!r} is no address: {error}") from None
    if parts.scheme not in ("http", "https") or not host:
        raise BadAddress(f"{uri!r} cannot be delivered to: events go to http:// and https:// addresses")
    target = quote(parts.path or "/", safe="/:@!$&'()*+,;=~-._%")
    if parts.query:
        target += "?" + quote(parts.query, safe="/:@!$&'()*+,;=~-._%?")
    local = host.endswith((f".{LOCAL_DOMAIN}", f".{domain.lower()}"))
    prefix = b"POST %b HTTP/1.1\r\nhost: %b\r\nprefer: reply\r\nuser-agent: faas\r\n" % (target.encode("ascii"), netloc)
    if local:
        prefix += b"accept: application/cloudevents-batch+json, */*\r\n"  # several replies at once
    if local and timeout_s:
        prefix += b"faas-timeout: %.3f\r\n" % timeout_s
    tls = parts.scheme == "https" and not local
    port = port or (443 if tls else 80)
    return Subscriber(uri, "" if local else f"{host}:{port}", host, port, tls, prefix)
