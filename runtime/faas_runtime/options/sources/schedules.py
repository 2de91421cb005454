"""What `@function.schedule` and `@function.kubernetes` take: the sources that are a clock and an API server."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from itertools import product
from typing import Any

import msgspec

from faas_runtime.errors import OptionError
from faas_runtime.events.event import JSON
from faas_runtime.events.shapes.making import BYTES, TEXT
from faas_runtime.options import cron
from faas_runtime.options.option import Option, did_you_mean, table
from faas_runtime.options.sources.words import SECRET_NAME, text, texts, words
from faas_runtime.options.values import matching, one_of

_RESOURCE = re.compile(
    r"(?:(?P<group>[a-z0-9.-]+)/)?(?P<version>v\d+(?:(?:alpha|beta)\d+)?)/(?P<kind>[A-Z][A-Za-z0-9]*)\Z"
)
_CHANGES = ("add", "update", "delete")
_DAYS_OF = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _schedule(value: Any) -> str:
    """With single spaces."""
    expression = text(value).strip()
    if expression.startswith(("CRON_TZ=", "TZ=")):
        raise _no_schedule(expression, "a time zone is not part of it", 'say timezone="Europe/Berlin"')
    if expression.startswith("@every"):
        words = "@every is not taken: it would begin anew with each restart"
        raise _no_schedule(expression, words, 'write "*/5 * * * *" for every five minutes')
    if expression.startswith("@") and expression not in cron.DESCRIPTORS:
        raise _no_schedule(expression, "there is no such word", did_you_mean(expression, list(cron.DESCRIPTORS)))
    try:
        schedule = cron.parse(expression)
    except cron.ScheduleError as error:
        what = f"{error.field}: {error}" if error.field else str(error)
        raise _no_schedule(expression, what, error.hint) from None
    if schedule.any_weekday and not any(
        day <= _DAYS_OF[month - 1] for day, month in product(schedule.days, schedule.months)
    ):
        raise _no_schedule(expression, "there is no such day", "no year has that day in that month")
    return " ".join(expression.split())


def _no_schedule(expression: str, message: str, hint: str) -> OptionError:
    return OptionError("schedule", f"the schedule {expression!r} is wrong: {message}", hint)


def _timezone(value: Any) -> str:
    import zoneinfo  # loads the machine's table of zones, which only a schedule with a zone needs

    name = text(value)
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        if known := zoneinfo.available_timezones():  # none: an image without tzdata, where nothing can be said
            raise OptionError("timezone", f"there is no time zone {name!r}", _close(name, known)) from None
    return name


def _close(name: str, known: set[str]) -> str:
    by_city = {zone.rpartition("/")[2].lower(): zone for zone in sorted(known)}
    city = name.rpartition("/")[2].lower().replace(" ", "_")
    if city in by_city:
        return f"did you mean {by_city[city]!r}?"
    hint = did_you_mean(name, sorted(known))
    return hint if hint.startswith("did") else "for example 'Europe/Berlin', 'Asia/Shanghai' or 'UTC'"


def _resources(value: Any) -> list[dict[str, str]]:
    found = []
    for item in texts(value):
        match = _RESOURCE.match(item)
        if match is None:
            raise OptionError("resources", f"{item!r} is no kind of object",
                              'write it as "v1/Pod", "apps/v1/Deployment"')  # fmt: skip
        version = f"{match['group']}/{match['version']}" if match["group"] else match["version"]
        found.append({"apiVersion": version, "kind": match["kind"]})
    return found


def _selector(value: Any) -> dict[str, str]:
    if isinstance(value, str):
        value = dict(part.split("=", 1) for part in value.replace("==", "=").split(","))
    if not isinstance(value, Mapping) or not value:
        raise ValueError
    return {text(str(key).strip()): str(item).strip() for key, item in value.items()}


SCHEDULE = table(
    Option("schedule", "when", "a cron expression: '*/5 * * * *', '0 9 * * mon-fri'", _schedule, False),
    Option("timezone", "whose clock; UTC without it", "a name as 'Europe/Berlin'", _timezone, False),
    Option("data", "what the event brings along", "text, bytes, or anything with a JSON form", lambda value: value,
           False),
    Option("content_type", "of the data", "a media type, 'application/json'", text, False),
)  # fmt: skip

KUBERNETES = table(
    Option("resources", "the kinds of objects", '"v1/Pod", "apps/v1/Deployment", or a list of them', _resources,
           False),
    Option("mode", "whole objects, or only which one", "'resource' or 'reference'", one_of("resource", "reference"),
           False),
    Option("on", "which changes", f"one or more of {', '.join(_CHANGES)}", words(*_CHANGES), False),
    Option("selector", "labels that an object must have", "a mapping, or 'app=web,tier=front'", _selector, False),
    Option("namespaces", "other namespaces than the function's own", "a name or a list of names", texts, False),
    Option("service_account", "as whom a cluster is asked", "the name of a ServiceAccount", matching(SECRET_NAME),
           False),
)  # fmt: skip


def complete_schedule(options: dict[str, Any]) -> dict[str, Any]:
    """The data as the text or base64 that a PingSource has, with the content type that it is then."""
    found = {name: value for name, value in options.items() if name != "data"}
    if "data" not in options:
        return found
    data, given = options["data"], options.get("content_type")
    if isinstance(data, bytes):
        return {**found, "data_base64": base64.b64encode(data).decode(), "content_type": given or BYTES}
    if isinstance(data, str) and given != JSON:
        return {**found, "data": data, "content_type": given or TEXT}
    try:
        encoded = data if isinstance(data, str) else msgspec.json.encode(data).decode()
        msgspec.json.decode(encoded)
    except (TypeError, msgspec.DecodeError) as error:
        raise OptionError("data", f"data={data!r} is no JSON: {error}", "give text, bytes, or a dict of them") from None
    return {**found, "data": encoded, "content_type": given or JSON}
