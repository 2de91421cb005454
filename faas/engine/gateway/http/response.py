"""An instance's answer as it goes back to the client: end-to-end fields only, framed anew. Pure."""

from __future__ import annotations

from faas.engine.gateway.http.problem import reason_phrase
from faas.engine.gateway.http.request import Headers, Request

_HOP_BY_HOP = frozenset({
    b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate", b"te", b"upgrade",
})  # fmt: skip
_SPECIAL = _HOP_BY_HOP | {b"content-length", b"transfer-encoding", b"x-request-id"}
# RFC 9110, 6.5.1: what frames, routes or authorizes must not come after the body.
_NOT_IN_TRAILERS = _SPECIAL | {
    b"host", b"trailer", b"authorization", b"set-cookie", b"cache-control", b"content-encoding", b"content-type",
    b"content-range", b"expect", b"forwarded", b"x-forwarded-for",
}  # fmt: skip
_STATUS_LINES = {code: b"HTTP/1.1 %d %s\r\n" % (code, reason_phrase(code)) for code in range(100, 600)}


class MalformedResponse(Exception):
    """An instance answered something that cannot be framed with certainty; the client gets 502."""


class Response:
    """The head of an answer. `headers` has neither the request's id nor anything about framing."""

    __slots__ = (
        "chunked", "encoded", "headers", "length", "own_request_id", "reason", "request_id", "status", "upgrade",
    )  # fmt: skip

    def __init__(self, status: int, reason: bytes = b"") -> None:
        self.status = status
        self.reason = reason
        self.headers: Headers = []
        self.length: int | None = None
        self.chunked = False
        self.upgrade = b""  # what a 101 switches to
        self.request_id = self.own_request_id = b""  # own: set by the instance
        self.encoded = b""  # for an HTTP/1.1 client: all that does not depend on the request

    def again(self, request_id: bytes) -> Response:
        """The same head in answer to another request."""
        response = Response(self.status, self.reason)
        response.headers = self.headers
        response.length = self.length
        response.chunked = self.chunked
        response.upgrade = self.upgrade
        response.encoded = self.encoded
        response.own_request_id = self.own_request_id
        response.request_id = self.own_request_id or request_id
        return response


def make_response(status: int, reason: bytes, headers: Headers, request_id: bytes) -> Response:
    """Check and filter a parsed head; the request's id goes back, unless the instance has set one.

    Raises: MalformedResponse: contradictory framing.
    """
    response = Response(status, reason)
    kept: Headers = []
    named: set[bytes] = set()
    for field in headers:
        lower = field[0].lower()
        if lower not in _SPECIAL:
            kept.append(field)
        elif lower == b"content-length":
            if response.length is not None or not field[1].isdigit():
                raise MalformedResponse("Content-Length twice, or not a number")
            response.length = int(field[1])
        elif lower == b"transfer-encoding":
            if response.chunked or field[1].strip().lower() != b"chunked":
                raise MalformedResponse("a transfer coding other than chunked")
            response.chunked = True
        elif lower == b"connection":
            named.update(token.strip().lower() for token in field[1].split(b","))
        elif lower == b"upgrade":
            response.upgrade = field[1]
        elif lower == b"x-request-id":
            response.own_request_id = field[1]
    if response.chunked and response.length is not None:
        raise MalformedResponse("both Content-Length and Transfer-Encoding")
    named -= {b"close", b"keep-alive", b"upgrade"}
    if named:
        kept = [field for field in kept if field[0].lower() not in named]
    response.request_id = response.own_request_id or request_id
    response.headers = kept
    return response


def has_no_body(request: Request, status: int) -> bool:
    return request.is_head or status == 204 or status == 304 or status < 200


def safe_trailers(trailers: Headers) -> Headers:
    return [field for field in trailers if field[0].lower() not in _NOT_IN_TRAILERS]


def encode_head(response: Response, framing: bytes) -> bytes:
    """Status line and fields for an HTTP/1.1 client; `framing` is lines that each end in CRLF."""
    encoded = response.encoded or _encode_fields(response)
    if response.request_id:
        return b"%bx-request-id: %b\r\n%b\r\n" % (encoded, response.request_id, framing)
    return b"%b%b\r\n" % (encoded, framing)


def _encode_fields(response: Response) -> bytes:
    status = response.status
    parts = [_STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status]
    if response.reason and status in _STATUS_LINES and response.reason != reason_phrase_of(status):
        parts[0] = b"HTTP/1.1 %d %s\r\n" % (status, response.reason)
    for name, value in response.headers:
        parts += (name, b": ", value, b"\r\n")
    if response.length is not None and status >= 200 and status != 204:  # RFC 9110, 8.6
        parts.append(b"content-length: %d\r\n" % response.length)
    response.encoded = encoded = b"".join(parts)
    return encoded


def reason_phrase_of(status: int) -> bytes:
    return _STATUS_LINES[status][13:-2]


def encode_chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def encode_last_chunk(trailers: Headers) -> bytes:
    if not trailers:
        return b"0\r\n\r\n"
    return b"0\r\n" + b"".join(b"%b: %b\r\n" % field for field in trailers) + b"\r\n"


def encode_head_h2(response: Response) -> Headers:
    headers = [(b":status", b"%d" % response.status)]
    headers += [(name.lower(), value) for name, value in response.headers]
    if response.request_id:
        headers.append((b"x-request-id", response.request_id))
    if response.length is not None:
        headers.append((b"content-length", b"%d" % response.length))
    return headers
