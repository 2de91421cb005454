"""Whether a request whose instance failed may be given to another one: a function of how it failed."""

from __future__ import annotations

from dataclasses import dataclass

# A Unix socket's end that dies with unread bytes resets its peer; one that had read them all just ends. A request
# this small is read whole or not at all, so a reset says that it was never read.
_ONE_READ_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Failure:
    """How a connection to an instance ended before an answer began. `written` 0: nothing was handed over."""

    connected: bool = True
    reused: bool = False  # the connection had served another request before
    written_bytes: int = 0
    reset: bool = False  # ECONNRESET or EPIPE, not an orderly end
    unix: bool = False
    answered: bool = False  # any byte of an answer was seen
    refused_stream: bool = False  # HTTP/2 says that it was not begun (RFC 9113, 8.7)
    description: str = ""


def was_handed_over(failure: Failure) -> bool:
    """Whether the instance may have begun with the request."""
    if failure.answered:
        return True
    if not failure.connected or not failure.written_bytes or failure.refused_stream:
        return False
    return not (failure.reset and failure.unix and failure.written_bytes <= _ONE_READ_BYTES)


def may_retry(failure: Failure, *, idempotent: bool, attempt: int, attempts: int) -> bool:
    """Whether to try again: always what was not handed over; what may be repeated, up to `attempts` times."""
    if not was_handed_over(failure):
        return True
    return idempotent and not failure.answered and attempt < attempts
