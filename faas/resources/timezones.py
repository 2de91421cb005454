"""Names of time zones, as PingSource takes them."""

from __future__ import annotations


class UnknownTimeZone(ValueError):
    """There is no such time zone."""


def check_time_zone(name: str) -> None:
    """Raises UnknownTimeZone, with Knative's words."""
    import zoneinfo  # it reads the time zone's data, and only PingSources with a time zone need it

    if name in ("", "Local"):
        return
    try:
        zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError) as error:  # a path, or a folder of zones
        raise UnknownTimeZone(f"provided bad location {name}: unknown time zone {name}") from error
