"""ISO 8601 durations, as eventing's delivery has them: PT0.2S, PT1M30S, P1D.

Source: ISO 8601-1. What is taken and how long a month is follows github.com/rickb777/date/period, as Knative does.
"""

from __future__ import annotations

import re

_NUMBER = r"(\d+(?:[.,]\d+)?)"
_PERIOD = re.compile(
    rf"([+-]?)P(?=.)(?:{_NUMBER}Y)?(?:{_NUMBER}M)?(?:{_NUMBER}W)?(?:{_NUMBER}D)?"
    rf"(?:T(?=.)(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?",
    re.ASCII,
)
_DAY_S = 86_400.0
_UNITS_S = (365.2425 * _DAY_S, 30.436875 * _DAY_S, 7 * _DAY_S, _DAY_S, 3600.0, 60.0, 1.0)


class PeriodError(ValueError):
    """The text is no ISO 8601 duration."""


def parse_s(text: str) -> float:
    """Seconds of a duration; a year has 365.2425 days and a month a twelfth of that. Raises PeriodError."""
    match = _PERIOD.fullmatch(text)
    if match is None:
        raise PeriodError(f"{text!r} is no ISO 8601 duration such as PT0.5S, PT1M30S or P1D")
    sign, *numbers = match.groups()
    amounts = zip(numbers, _UNITS_S, strict=True)
    seconds = sum(float(number.replace(",", ".")) * unit for number, unit in amounts if number)
    return -seconds if sign == "-" else seconds
