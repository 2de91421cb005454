"""Which names are time zones."""

from __future__ import annotations

import pytest

from faas.resources.timezones import UnknownTimeZone, check_time_zone


def test_time_zones_are_those_of_the_database() -> None:
    for name in ("", "Local", "UTC", "Europe/Berlin"):
        check_time_zone(name)


@pytest.mark.parametrize("name", ["Mars/Olympus", "../../etc/passwd", "Europe", "/etc/localtime", "\0"])
def test_what_is_no_time_zone_is_refused(name: str) -> None:
    with pytest.raises(UnknownTimeZone):
        check_time_zone(name)
