"""When a cron expression is due, in its time zone, as a function of values."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import CroniterBadDateError, CroniterError, croniter


class ScheduleError(ValueError):
    """The expression or the time zone is none."""


class Schedule:
    """Five fields, or six with the seconds first; names; @daily and its like, as in Knative (robfig/cron).

    A local time that a clock change leaves out is due when the clock has passed it; one that comes twice is due twice.
    """

    def __init__(self, expression: str, timezone: str = "") -> None:
        """Raises: ScheduleError."""
        self._zone = _zone(timezone)
        self._expression = expression.strip().replace("?", "*")
        try:
            croniter(self._expression, second_at_beginning=True)
        except (CroniterError, ValueError) as error:
            raise ScheduleError(f"{expression!r} is no schedule: {error}") from None

    def next_after(self, moment: datetime) -> datetime | None:
        """The first due time after a moment, in UTC; None when it is never due (30 February)."""
        try:
            due: datetime = self._from(moment).get_next(datetime)
        except CroniterBadDateError:
            return None
        return due.astimezone(UTC)

    def newest(self, after: datetime, until: datetime) -> datetime | None:
        """The last due time later than `after` and not later than `until`; None when there is none."""
        try:
            due: datetime = self._from(until + timedelta(microseconds=1)).get_prev(datetime)
        except CroniterBadDateError:
            return None
        return due.astimezone(UTC) if due > after else None

    def _from(self, moment: datetime) -> croniter:
        return croniter(self._expression, moment.astimezone(self._zone), second_at_beginning=True)


def _zone(name: str) -> ZoneInfo:
    """Without a name UTC; `Local` is the machine's own. Raises: ScheduleError."""
    if name == "Local":
        with contextlib.suppress(OSError, ValueError), open("/etc/localtime", "rb") as file:
            return ZoneInfo.from_file(file)
        name = ""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ScheduleError(f"{name!r} is no time zone; names are as in Europe/Berlin") from None
