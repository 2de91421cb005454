"""PingSource: an event each time a schedule is due.

A due time's event is sent until the sink has taken it. Due times that pass meanwhile, and while the machine sleeps,
are left out but for the newest one, so that nothing storms. After a restart the newest due time that was missed is made
up when it is no older than `MADE_UP_S`; one that was missed in a longer absence is not, as in Knative. The same due
time always has the same event id, so whoever gets it twice can tell.
"""

from __future__ import annotations

import base64
import binascii
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from faas_runtime.events.shapes import schedule as shape
from faas_runtime.events.shapes.making import content_type_of

from faas.engine.contract.clock import Clock
from faas.engine.contract.sources import SourcePlan
from faas.engine.sources.errors import ConfigurationError
from faas.engine.sources.notes import read_note, write_note
from faas.engine.sources.reporting import Reporter
from faas.engine.sources.sender import Sender
from faas.engine.sources.waiting import pause
from faas.resources.schedules import Schedule, ScheduleError

MADE_UP_S = 60.0  # an engine that crashed or was replaced is back long before
_LOOK_S = 30.0  # a clock that is set, or a machine that slept, is noticed within this
_NOTE = "last-tick.json"


class PingSpec(msgspec.Struct, rename="camel", frozen=True):
    """What of a PingSource's spec this part reads; the sink is in the plan's environment."""

    schedule: str = "* * * * *"
    timezone: str = ""
    data: str = ""
    data_base64: str = msgspec.field(default="", name="dataBase64")
    content_type: str = ""

    @property
    def payload(self) -> bytes:
        """Raises: ConfigurationError."""
        try:
            return base64.b64decode(self.data_base64, validate=True) if self.data_base64 else self.data.encode()
        except binascii.Error as error:
            raise ConfigurationError("InvalidData", f"dataBase64 is not base64: {error}") from None


async def run_ping(plan: SourcePlan, state: Path, sender: Sender, report: Reporter, clock: Clock) -> None:
    """Until cancelled. Raises: ConfigurationError: the schedule is none, or is never due."""
    spec = msgspec.json.decode(plan.spec, type=PingSpec)
    try:
        schedule = Schedule(spec.schedule, spec.timezone)
    except ScheduleError as error:
        raise ConfigurationError("InvalidSchedule", str(error)) from None
    payload, last = spec.payload, _last(state)
    due = first_due(schedule, last, clock.utc())
    report.say("running")
    while due is not None:
        await _until(due, clock)
        due = schedule.newest(due, clock.utc()) or due
        await sender.send(
            shape.make_event(
                plan.key.namespace,
                plan.key.name,
                due=due,
                data=payload,
                content_type=spec.content_type or content_type_of(payload),
            )
        )
        write_note(state / _NOTE, due.isoformat())
        due = next_due(schedule, due, clock.utc())
    raise ConfigurationError("NeverDue", f"the schedule {spec.schedule!r} names no time that will ever be")


def first_due(schedule: Schedule, last: datetime | None, now: datetime) -> datetime | None:
    """Args: last: the due time that was sent last, before a restart."""
    missed = schedule.newest(max(last, now - timedelta(seconds=MADE_UP_S)), now) if last is not None else None
    return missed or schedule.next_after(now)


def next_due(schedule: Schedule, sent: datetime, now: datetime) -> datetime | None:
    """The newest due time that passed while the last one was on its way, else the next."""
    return schedule.newest(sent, now) or schedule.next_after(max(sent, now))


async def _until(due: datetime, clock: Clock) -> None:
    while (left_s := (due - clock.utc()).total_seconds()) > 0:
        await pause(clock, min(left_s, _LOOK_S))


def _last(state: Path) -> datetime | None:
    noted: Any = read_note(state / _NOTE)
    try:
        return datetime.fromisoformat(noted)
    except (TypeError, ValueError):  # a new source, or a damaged file
        return None
