"""Cron expressions as Knative's PingSource takes them, checked and not evaluated: the engine's clock does that.

Source: the grammar of robfig/cron v3 with optional seconds in front, which PingSource uses: five or six fields, names
of months and days, lists, ranges, steps, `?`, and @hourly and its like; no L, W, #.
"""

from __future__ import annotations

import calendar
from itertools import product

from faas_runtime.options import OptionError, did_you_mean

_MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_abbr) if name}
_DAYS = {name: number for number, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))}
_NO_NAMES: dict[str, int] = {}
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("second", 0, 59, _NO_NAMES), ("minute", 0, 59, _NO_NAMES), ("hour", 0, 23, _NO_NAMES),
    ("day of the month", 1, 31, _NO_NAMES), ("month", 1, 12, _MONTHS), ("day of the week", 0, 7, _DAYS),
)  # fmt: skip
_ORDER = "five are minute, hour, day of the month, month, day of the week; a sixth in front is the second"
_WORDS = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_DAYS_OF = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def check(expression: str) -> str:
    """The expression with single spaces. Raises: OptionError: what is wrong with which field."""
    words = expression.split()
    if expression.startswith("@"):
        return _named(expression.strip())
    if words and words[0].startswith(("CRON_TZ=", "TZ=")):
        raise _wrong(expression, "a time zone is not part of it", 'say timezone="Europe/Berlin"')
    if len(words) not in (5, 6):
        raise _wrong(expression, f"it has {len(words)} fields", _ORDER)
    fields = zip(words, _FIELDS[-len(words) :], strict=True)
    days, months, _ = [_values(expression, word, *field) for word, field in fields][-3:]
    any_weekday = words[-1] in ("*", "?") or words[-1].startswith("*/1")
    possible = any(day <= _DAYS_OF[month - 1] for day, month in product(days, months))
    if any_weekday and not possible:
        raise _wrong(expression, "there is no such day", "no year has that day in that month")
    return " ".join(words)


def _named(expression: str) -> str:
    if expression in _WORDS:
        return expression
    if expression.startswith("@every"):
        raise _wrong(expression, "@every is not taken: it would begin anew with each restart",
                     'write "*/5 * * * *" for every five minutes')  # fmt: skip
    raise _wrong(expression, "there is no such word", did_you_mean(expression, _WORDS))


def _values(expression: str, word: str, name: str, low: int, high: int, names: dict[str, int]) -> set[int]:
    found: set[int] = set()
    for part in word.split(","):
        span, slash, step_text = part.partition("/")
        step = 1
        if slash:
            if not step_text.isdecimal() or int(step_text) == 0:
                raise _wrong(expression, f"{name}: {part!r} has no step above 0", f"write */15 in the field {name}")
            step = int(step_text)
        first, dash, last = span.partition("-")
        if span in ("*", "?"):
            start, end = low, high
        else:
            start = _number(expression, first, name, low, high, names)
            end = _number(expression, last, name, low, high, names) if dash else (high if slash else start)
        if start > end:
            raise _wrong(expression, f"{name}: {span!r} runs backwards", f"write {last}-{first}, or two ranges")
        found.update(range(start, end + 1, step))
    return found


def _number(expression: str, text: str, name: str, low: int, high: int, names: dict[str, int]) -> int:
    if text.isdecimal() and low <= int(text) <= high:
        return int(text)
    if text.lower() in names:
        return names[text.lower()]
    known = f", or {', '.join(names)}" if names else ""
    raise _wrong(expression, f"{name}: {text!r} is not from {low} to {high}{known}", "see man 5 crontab for examples")


def _wrong(expression: str, message: str, hint: str) -> OptionError:
    return OptionError("schedule", f"the schedule {expression!r} is wrong: {message}", hint)
