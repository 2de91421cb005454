"""What the ingress says to a request, as bytes."""

from __future__ import annotations

from http import HTTPStatus

import msgspec

ACCEPTED = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
ALLOWED = b"POST, OPTIONS"
# What a sender that asks first (the webhook specification's abuse protection, as CloudEvents 1.0 has it) is told.
MAY_SEND = (
    b"HTTP/1.1 200 OK\r\nallow: %b\r\nwebhook-allowed-origin: *\r\nwebhook-allowed-rate: *\r\ncontent-length: 0\r\n\r\n"
    % ALLOWED
)


class Refused(Exception):
    """A request that is answered with an error. `detail` is for the sender; it tells nothing of the inside."""

    def __init__(self, status: int, detail: str, *, retry_after_s: int = 0, close: bool = False) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.close = close  # where the next request begins can no longer be told


def refusal(refused: Refused) -> bytes:
    """An RFC 9457 problem document."""
    title = HTTPStatus(refused.status).phrase
    problem = {"type": "about:blank", "title": title, "status": refused.status, "detail": refused.detail}
    body = msgspec.json.encode(problem)
    head = b"HTTP/1.1 %d %b\r\ncontent-type: application/problem+json\r\ncontent-length: %d\r\n" % (
        refused.status, title.encode(), len(body)
    )  # fmt: skip
    if refused.status == 405:
        head += b"allow: " + ALLOWED + b"\r\n"
    if refused.retry_after_s:
        head += b"retry-after: %d\r\n" % refused.retry_after_s
    if refused.close:
        head += b"connection: close\r\n"
    return head + b"\r\n" + body


def last(answer: bytes) -> bytes:
    """The same answer, after which the connection is closed."""
    status, separator, rest = answer.partition(b"\r\n")
    return answer if b"\r\nconnection: close\r\n" in answer else status + separator + b"connection: close\r\n" + rest
