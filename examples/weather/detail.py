"""The service `detail`: the forecast for a city and a day."""

from __future__ import annotations

from datetime import date

from forecast import Forecast, forecast

from faas import HTTPError, function


@function.http("/{city}/{day}", methods=["GET"])
def detail(city: str, day: str, latitude: float = 45.0) -> Forecast:
    try:
        return forecast(city, date.fromisoformat(day), latitude)
    except ValueError:
        raise HTTPError(400, f"{day} is no date, write it as 2026-12-05") from None
