"""What a server asks of those whom it turned away."""

from __future__ import annotations

from datetime import UTC, datetime


def retry_after_s(text: str, *, now: datetime) -> float:
    """Seconds that a Retry-After field asks for, a number or a date (RFC 9110, 10.2.3); 0 when it says nothing."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text[:18])
    from email.utils import parsedate_to_datetime  # imports half of email, for what hardly any server sends

    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # somebody else's text: a zone of a hundred digits, for example
        return 0.0
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds())
