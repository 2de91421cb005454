"""Cron schedules as PingSource takes them: five fields, seconds before them if wanted, or @daily and its like.

Read, not evaluated: whoever has a clock does that. No L, W, #, no @every, and Sunday is 0 only.

Source: github.com/robfig/cron/v3 parser.go, which Knative uses, in what it takes and in its words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
DESCRIPTORS = {
    "@yearly": "0 0 0 1 1 *",
    "@annually": "0 0 0 1 1 *",
    "@monthly": "0 0 0 1 * *",
    "@weekly": "0 0 0 * * 0",
    "@daily": "0 0 0 * * *",
    "@midnight": "0 0 0 * * *",
    "@hourly": "0 0 * * * *",
}


class ScheduleError(ValueError):
    """The text is no schedule. `field`: which part of it; `hint`: what to write; both may be ""."""

    def __init__(self, message: str, *, field: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.field, self.hint = field, hint


@dataclass(frozen=True, slots=True)
class _Bounds:
    field: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    first_name: int = 0

    def wrong(self, message: str, hint: str = "") -> ScheduleError:
        names = f", or {', '.join(self.names)}" if self.names else ""
        return ScheduleError(message, field=self.field, hint=hint or f"it takes {self.low} to {self.high}{names}")


_BOUNDS = (
    _Bounds("second", 0, 59),
    _Bounds("minute", 0, 59),
    _Bounds("hour", 0, 23),
    _Bounds("day of the month", 1, 31),
    _Bounds("month", 1, 12, tuple(_MONTHS), 1),
    _Bounds("day of the week", 0, 6, tuple(_DAYS), 0),
)
_ORDER = "five are minute, hour, day of the month, month, day of the week; a sixth in front is the second"


@dataclass(frozen=True, slots=True)
class Schedule:
    """When something is due: the values that each field of the time may have.

    As in every cron: where neither the day of the month nor that of the week is a star, one of them is enough.
    """

    seconds: frozenset[int]
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]  # of the month
    months: frozenset[int]
    weekdays: frozenset[int]  # 0 is Sunday
    any_day: bool
    any_weekday: bool


def parse(text: str) -> Schedule:
    """Read a schedule. Raises ScheduleError."""
    if not text:
        raise ScheduleError("empty spec string")
    if text.startswith("@"):
        if text not in DESCRIPTORS:
            raise ScheduleError(f"unrecognized descriptor: {text}")
        text = DESCRIPTORS[text]
    words = text.split()
    if len(words) not in (5, 6):
        raise ScheduleError(f"expected 5 to 6 fields, found {len(words)}: [{' '.join(words)}]", hint=_ORDER)
    if len(words) == 5:
        words.insert(0, "0")
    second, minute, hour, day, month, weekday = (
        _values(word, bounds) for word, bounds in zip(words, _BOUNDS, strict=True)
    )
    return Schedule(second, minute, hour, day, month, weekday, _is_any(words[3]), _is_any(words[5]))


def _values(word: str, bounds: _Bounds) -> frozenset[int]:
    return frozenset(value for part in word.split(",") if part for value in _range(part, bounds))


def _range(part: str, bounds: _Bounds) -> range:
    ends, *steps = part.split("/")
    low, *highs = ends.split("-")
    if low in ("*", "?"):
        first, last = bounds.low, bounds.high
    else:
        if len(highs) > 1:
            raise bounds.wrong(f"too many hyphens: {part}")
        first = _number(low, bounds)
        last = _number(highs[0], bounds) if highs else first
    if len(steps) > 1:
        raise bounds.wrong(f"too many slashes: {part}")
    step = 1
    if steps:
        step = _integer(steps[0], bounds)
        if not highs:  # N/STEP goes on to the end
            last = bounds.high
    if first < bounds.low:
        raise bounds.wrong(f"beginning of range ({first}) below minimum ({bounds.low}): {part}")
    if last > bounds.high:
        raise bounds.wrong(f"end of range ({last}) above maximum ({bounds.high}): {part}")
    if first > last:
        words = f"beginning of range ({first}) beyond end of range ({last}): {part}"
        raise bounds.wrong(words, f"write {last}-{first}, or two ranges")
    if step == 0:
        raise bounds.wrong(f"step of range should be a positive number: {part}", "write */15 for every fifteenth")
    return range(first, last + 1, step)


def _number(word: str, bounds: _Bounds) -> int:
    if word.lower() in bounds.names:
        return bounds.names.index(word.lower()) + bounds.first_name
    return _integer(word, bounds)


def _integer(word: str, bounds: _Bounds) -> int:
    if not re.fullmatch(r"[+-]?\d{1,9}", word, re.ASCII):
        raise bounds.wrong(f'failed to parse int from {word}: strconv.Atoi: parsing "{word}": invalid syntax')
    number = int(word)
    if number < 0:
        raise bounds.wrong(f"negative number ({number}) not allowed: {word}")
    return number


def _is_any(word: str) -> bool:
    return any(part.split("/")[0] in ("*", "?") and part in ("*", "?", "*/1") for part in word.split(","))
