"""When a cron expression is due, in its time zone, as a function of values. Importing it costs 50 ms."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import CroniterBadDateError, croniter
from faas_runtime.options import cron


class ScheduleError(ValueError):
    """The expression or the time zone is none."""


class Schedule:
    """What `faas_runtime.options.cron` reads, in a time zone.

    A local time that a clock change leaves out is due when the clock has passed it; one that comes twice is due twice.
    """

    def __init__(self, expression: str, timezone: str = "") -> None:
        """Raises: ScheduleError."""
        self.zone = _zone(timezone)
        try:
            plain = _plain(cron.parse(expression.strip()))
        except cron.ScheduleError as error:
            raise ScheduleError(f"{expression!r} is no schedule: {error}") from None
        # Kept, because reading an expression costs croniter more than finding a time.
        self._times = croniter(plain, datetime.now(self.zone), second_at_beginning=True)

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
        self._times.set_current(moment.astimezone(self.zone), force=True)
        return self._times


def _plain(schedule: cron.Schedule) -> str:
    """Without names, ranges and steps, which croniter reads in a way of its own here and there."""
    days = "*" if schedule.any_day else _list(schedule.days)
    weekdays = "*" if schedule.any_weekday else _list(schedule.weekdays)
    time = f"{_list(schedule.seconds, 60)} {_list(schedule.minutes, 60)} {_list(schedule.hours, 24)}"
    return f"{time} {days} {_list(schedule.months, 12)} {weekdays}"


def _list(values: frozenset[int], all: int | None = None) -> str:
    return "*" if len(values) == all else ",".join(map(str, sorted(values)))


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
