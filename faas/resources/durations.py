"""Go durations, as annotations and config maps have them: 90s, 1m30s, 1.5h, 250ms. Source: Go's time package."""

from __future__ import annotations

import re
from decimal import Decimal

_UNITS = {
    "ns": Decimal("1e-9"),
    "us": Decimal("1e-6"),
    "µs": Decimal("1e-6"),
    "μs": Decimal("1e-6"),
    "ms": Decimal("1e-3"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
}
_TERM = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_LONGEST_NS = 2**63 - 1  # Go counts nanoseconds in an int64: 292 years


class DurationError(ValueError):
    """The text is no Go duration."""


def parse_ns(text: str) -> int:
    """Nanoseconds of a duration. Raises DurationError with Go's words."""
    sign, rest = (-1, text[1:]) if text[:1] == "-" else (1, text.removeprefix("+"))
    if rest == "0":
        return 0
    if not rest:
        raise DurationError(f'time: invalid duration "{text}"')
    total, position = Decimal(0), 0
    while position < len(rest):
        term = _TERM.match(rest, position)
        if term is None:
            missing = re.fullmatch(r"(\d+\.?\d*|\.\d+)", rest[position:], re.ASCII) is not None
            raise DurationError(f'time: {"missing unit in" if missing else "invalid"} duration "{text}"')
        total += Decimal(term[1]) * _UNITS[term[2]]
        position = term.end()
    nanoseconds = int(total * 10**9)
    if nanoseconds > _LONGEST_NS:
        raise DurationError(f'time: invalid duration "{text}"')
    return sign * nanoseconds


def parse(text: str) -> float:
    """Seconds of a duration. Raises DurationError with Go's words."""
    return parse_ns(text) / 10**9


def is_whole_seconds(text: str) -> bool:
    """Whether a duration has no fraction of a second; it has to be one."""
    return parse_ns(text) % 10**9 == 0


def format_ns(nanoseconds: int) -> str:
    """The duration as Go writes it: 1m30s, 1.5s, 250ms, 0s."""
    if nanoseconds < 0:
        return "-" + format_ns(-nanoseconds)
    if nanoseconds == 0:
        return "0s"
    if nanoseconds < 10**9:
        for unit, size in (("ms", 10**6), ("µs", 10**3), ("ns", 1)):
            if nanoseconds >= size:
                return _decimal(nanoseconds, size) + unit
    minutes, rest = divmod(nanoseconds, 60 * 10**9)
    hours, minutes = divmod(minutes, 60)
    seconds = _decimal(rest, 10**9) + "s"
    if hours:
        return f"{hours}h{minutes}m{seconds}"
    return f"{minutes}m{seconds}" if minutes else seconds


def format(seconds: float) -> str:
    """The duration as Go writes it: 1m30s, 1.5s, 250ms, 0s."""
    return format_ns(round(seconds * 10**9))


def _decimal(value: int, size: int) -> str:
    whole, fraction = divmod(value, size)
    digits = str(fraction).rjust(len(str(size)) - 1, "0").rstrip("0") if fraction else ""
    return f"{whole}.{digits}" if digits else str(whole)
