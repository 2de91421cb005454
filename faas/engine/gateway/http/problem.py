"""What the gateway itself answers: RFC 9457 problem documents that tell nothing of the inside."""

from __future__ import annotations

from http import HTTPStatus

import msgspec


class Refused(Exception):
    """A request the gateway answers itself. `detail` is for the client."""

    def __init__(self, status: int, detail: str, *, retry_after_s: int | None = None, close: bool = False) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.close = close  # the connection's framing can no longer be trusted


def problem_body(refused: Refused, request_id: bytes) -> bytes:
    document = {
        "type": "about:blank",
        "title": reason_phrase(refused.status).decode(),
        "status": refused.status,
        "detail": refused.detail,
    }
    if request_id:
        document["request_id"] = request_id.decode("latin-1")
    return msgspec.json.encode(document)


def problem_headers(refused: Refused, request_id: bytes) -> list[tuple[bytes, bytes]]:
    """Header fields of the answer, Content-Length not among them."""
    headers = [(b"content-type", b"application/problem+json"), (b"cache-control", b"no-store")]
    if request_id:
        headers.append((b"x-request-id", request_id))
    if refused.retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % refused.retry_after_s))
    return headers


def reason_phrase(status: int) -> bytes:
    try:
        return HTTPStatus(status).phrase.encode()
    except ValueError:
        return b""
