"""A request's head as it goes on to an instance: checked, end-to-end fields only, forwarding fields added. Pure.

The one place that decides what a request is: both client protocols come through `make_request`, and both encoders write
only what is in a `Request`, so an instance never sees framing or hop-by-hop fields that a client wrote.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from faas.engine.gateway.http.host import is_valid_host
from faas.engine.gateway.http.problem import Refused
from faas.engine.gateway.http.traceparent import is_traceparent, new_request_id, new_traceparent, traceparent_of

Headers = list[tuple[bytes, bytes]]

# RFC 9110, 9.2.2: the effect of several is that of one, so they may be repeated when the answer is missing.
IDEMPOTENT = frozenset({b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"})
# Handled one by one below, or dropped: hop-by-hop (RFC 9110, 7.6.1), Knative's own signals between its proxies, and
# spellings that a WSGI server cannot tell from the forwarding fields we vouch for.
_DROPPED = frozenset({
    b"keep-alive", b"proxy-connection", b"proxy-authenticate", b"proxy-authorization", b"http2-settings",
    b"k-original-host", b"k-network-probe", b"k-network-hash", b"k-proxy-request", b"k-kubelet-probe",
    b"x_forwarded_for", b"x_forwarded_proto", b"x_forwarded_host", b"x_forwarded_prefix", b"x_request_id",
})  # fmt: skip
_SPECIAL = _DROPPED | {
    b"host", b"connection", b"content-length", b"transfer-encoding", b"te", b"upgrade", b"expect", b"forwarded",
    b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-forwarded-prefix", b"x-request-id",
    b"traceparent",
}  # fmt: skip
_ABSOLUTE = re.compile(rb"https?://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)
_TARGET = re.compile(rb"/[!-\"$-~]*")  # visible ASCII without a fragment
_REQUEST_ID = re.compile(rb"[!-~]{1,128}")
_UPGRADE = re.compile(rb"[!#-+\--.0-9A-Z^-z|~/]{1,64}")
_KEEP_ALIVE_OR_CLOSE = frozenset({b"keep-alive", b"close", b"Keep-Alive", b"Close"})


@dataclass(frozen=True, slots=True)
class Origin:
    """What a connection says of its client, made once a connection."""

    address: bytes  # as in X-Forwarded-For
    forwarded_for: bytes  # as in Forwarded: quoted where it has to be
    scheme: bytes

    @classmethod
    def of_peer(cls, peer: object, *, tls: bool) -> Origin:
        """`peer` is the transport's peername; a Unix socket's is this machine."""
        address = str(peer[0]).encode() if isinstance(peer, tuple) and peer else b"127.0.0.1"
        return cls(address, b'"[%s]"' % address if b":" in address else address, b"https" if tls else b"http")


class Request:
    """One request, as the instance gets it. `headers` has neither Host nor ids nor anything about framing."""

    __slots__ = (
        "chunked", "encoded", "expects_continue", "headers", "host", "is_head", "keep_alive", "length", "method",
        "own_request_id", "own_traceparent", "request_id", "target", "te_trailers", "traceparent", "upgrade",
        "version_1_1",
    )  # fmt: skip

    def __init__(self, method: bytes, target: bytes, host: bytes) -> None:
        self.method = method
        self.target = target
        self.host = host
        self.headers: Headers = []
        self.length: int | None = None  # Content-Length
        self.chunked = False  # a body of unknown length follows
        self.upgrade = b""  # protocol to switch to, as the client wrote it
        self.expects_continue = False
        self.keep_alive = True
        self.is_head = method == b"HEAD"
        self.request_id = self.own_request_id = b""  # own: the client's
        self.te_trailers = False
        self.traceparent = self.own_traceparent = b""
        self.version_1_1 = True
        self.encoded = b""  # for an HTTP/1.1 instance: all that does not change when only the request line does

    def again(self, method: bytes, target: bytes) -> Request:
        """Another request with the same header fields."""
        request = Request(method, target, self.host)
        request.headers = self.headers
        request.length = self.length
        request.chunked = self.chunked
        request.upgrade = self.upgrade
        request.expects_continue = self.expects_continue
        request.keep_alive = self.keep_alive
        request.te_trailers = self.te_trailers
        request.version_1_1 = self.version_1_1
        request.encoded = self.encoded
        request.identify(self.own_request_id, self.own_traceparent)
        return request

    def identify(self, request_id: bytes, traceparent: bytes) -> None:
        """Set the ids that the client gave (each may be empty), or new ones."""
        self.own_request_id = request_id
        self.own_traceparent = traceparent
        self.request_id = request_id or new_request_id()
        if traceparent:
            self.traceparent = traceparent
        else:
            # What we have made up ourselves may as well lead from the one to the other.
            self.traceparent = new_traceparent() if request_id else traceparent_of(self.request_id)

    @property
    def is_plain(self) -> bool:
        """Nothing about its connection or its framing needs more than its Content-Length."""
        return (
            self.version_1_1 and self.keep_alive and not self.chunked and not self.upgrade and not self.expects_continue
        )

    @property
    def has_body(self) -> bool:
        return self.chunked or bool(self.length)

    @property
    def is_idempotent(self) -> bool:
        return self.method in IDEMPOTENT


def make_request(
    method: bytes, target: bytes, headers: Headers, origin: Origin, *, authority: bytes | None = None
) -> Request:
    """Check a parsed head and make what goes on to the instance.

    Args:
        headers: as parsed, in order; names in any case.
        authority: HTTP/2's :authority.
    Raises: Refused: with the status that says why.
    """
    host = authority
    length: bytes | None = None
    coding: bytes | None = None
    connection: list[bytes] = []
    upgrade: bytes = b""
    forwarded: list[bytes] = []
    forwarded_for: list[bytes] = []
    forwarded_proto = forwarded_host = request_id = traceparent = b""
    kept: Headers = []
    expects_continue = te_trailers = False
    for field in headers:
        name, value = field
        lower = name.lower()
        if lower not in _SPECIAL:
            kept.append(field)
        elif lower == b"host":
            if host is not None and (authority is None or host != value):
                raise Refused(400, "more than one Host, or one that contradicts :authority", close=True)
            host = value
        elif lower == b"connection":
            connection.append(value)
        elif lower == b"content-length":
            if length is not None:
                raise Refused(400, "more than one Content-Length", close=True)
            length = value
        elif lower == b"transfer-encoding":
            if coding is not None:
                raise Refused(400, "more than one Transfer-Encoding", close=True)
            coding = value
        elif lower == b"te":
            te_trailers = te_trailers or b"trailers" in value.lower()
        elif lower == b"upgrade":
            upgrade = upgrade or value.strip()
        elif lower == b"expect":
            if value.lower() != b"100-continue":
                raise Refused(417, "the only expectation that can be met is 100-continue", close=True)
            expects_continue = True
        elif lower == b"forwarded":
            forwarded.append(value)
        elif lower == b"x-forwarded-for":
            forwarded_for.append(value)
        elif lower == b"x-forwarded-proto":
            forwarded_proto = forwarded_proto or value
        elif lower == b"x-forwarded-host":
            forwarded_host = forwarded_host or value
        elif lower == b"x-request-id":
            request_id = request_id or value
        elif lower == b"traceparent":
            traceparent = value if not traceparent else b"-"  # two are none (W3C: restart the trace)
    if not target.startswith(b"/") or _TARGET.fullmatch(target) is None:
        target, host = _special_target(method, target, host)
    if host is None or not is_valid_host(host):
        raise Refused(400, "the Host header is missing or malformed", close=True)

    request = Request(method, target, host)
    _set_framing(request, length, coding)
    if connection:
        kept = _without_connection_fields(request, connection, upgrade, kept)
    request.expects_continue = expects_continue and request.has_body
    request.te_trailers = te_trailers
    request.identify(
        request_id if _REQUEST_ID.fullmatch(request_id) else b"", traceparent if is_traceparent(traceparent) else b""
    )
    forwarded.append(b'for=%b;host="%b";proto=%b' % (origin.forwarded_for, host, origin.scheme))
    forwarded_for.append(origin.address)
    kept += (
        (b"x-forwarded-for", b", ".join(forwarded_for)),
        (b"x-forwarded-proto", forwarded_proto or origin.scheme),
        (b"x-forwarded-host", forwarded_host or host),
        (b"forwarded", b", ".join(forwarded)),
    )
    request.headers = kept
    return request


def _special_target(method: bytes, target: bytes, host: bytes | None) -> tuple[bytes, bytes | None]:
    """The absolute and the asterisk form (RFC 9112, 3.2); everything else is refused."""
    if method == b"OPTIONS" and target == b"*":
        return target, host
    if method == b"CONNECT":
        raise Refused(405, "CONNECT is for forward proxies, which this is not", close=True)
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is not None:
        authority, rest = absolute.groups()
        origin_form = rest if rest.startswith(b"/") else b"/" + rest
        if authority and _TARGET.fullmatch(origin_form):
            return origin_form, authority  # RFC 9112, 3.2.2: it replaces Host
    raise Refused(400, "the request target is malformed", close=True)


def _set_framing(request: Request, length: bytes | None, coding: bytes | None) -> None:
    """RFC 9112, 6.3, with no leniency: whatever two parsers could read in two ways is refused."""
    if coding is not None:
        if length is not None:
            raise Refused(400, "both Content-Length and Transfer-Encoding", close=True)
        if coding.strip().lower() != b"chunked":
            raise Refused(501, "the only transfer coding that is understood is chunked", close=True)
        request.chunked = True
    elif length is not None:
        if not length.isdigit() or len(length) > 18:
            raise Refused(400, "Content-Length is not a number", close=True)
        request.length = int(length)


def _without_connection_fields(request: Request, connection: list[bytes], upgrade: bytes, kept: Headers) -> Headers:
    """Apply Connection: its options to the request, and take out the fields it names."""
    if len(connection) == 1 and connection[0] in _KEEP_ALIVE_OR_CLOSE:
        return kept
    named = {token.strip().lower() for value in connection for token in value.split(b",")}
    if b"upgrade" in named and upgrade.lower() != b"h2c" and _UPGRADE.fullmatch(upgrade):
        if request.has_body:
            raise Refused(400, "a request that asks for an upgrade cannot have a body", close=True)
        request.upgrade = upgrade
    return [field for field in kept if field[0].lower() not in named]


def encode_request(request: Request, prefix: bytes = b"") -> bytes:
    """The head for an HTTP/1.1 instance; `prefix` is the part of the path that was ours (X-Forwarded-Prefix)."""
    encoded = request.encoded or _encode_fields(request)
    if prefix:
        encoded = b"%bx-forwarded-prefix: %b\r\n" % (encoded, prefix)
    return b"%b %b HTTP/1.1\r\n%bx-request-id: %b\r\ntraceparent: %b\r\n\r\n" % (
        request.method,
        request.target,
        encoded,
        request.request_id,
        request.traceparent,
    )


def _encode_fields(request: Request) -> bytes:
    parts = [b"host: ", request.host, b"\r\n"]
    for name, value in request.headers:
        parts += (name, b": ", value, b"\r\n")
    if request.length is not None:
        parts.append(b"content-length: %d\r\n" % request.length)
    elif request.chunked:
        parts.append(b"transfer-encoding: chunked\r\n")
    if request.expects_continue:
        parts.append(b"expect: 100-continue\r\n")
    if request.upgrade:
        parts += (b"connection: upgrade\r\nupgrade: ", request.upgrade, b"\r\n")
    request.encoded = encoded = b"".join(parts)
    return encoded


def encode_request_h2(request: Request, prefix: bytes = b"") -> Headers:
    """The same for an HTTP/2 instance (RFC 9113, 8.3.1)."""
    headers = [
        (b":method", request.method),
        (b":scheme", b"http"),
        (b":authority", request.host),
        (b":path", request.target),
    ]
    headers += [(name.lower(), value) for name, value in request.headers]
    if prefix:
        headers.append((b"x-forwarded-prefix", prefix))
    headers += ((b"x-request-id", request.request_id), (b"traceparent", request.traceparent))
    if request.length is not None:
        headers.append((b"content-length", b"%d" % request.length))
    if request.te_trailers:
        headers.append((b"te", b"trailers"))
    if request.expects_continue:
        headers.append((b"expect", b"100-continue"))
    return headers
