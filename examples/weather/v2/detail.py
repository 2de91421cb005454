"""Version 2 of the service `detail`: it also says how windy it gets and what to wear."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date

from forecast import Forecast, forecast, wind

from faas import HTTPError, function


@dataclass(frozen=True)
class Advice(Forecast):
    wind: int = 0  # km/h
    wear: str = ""
    version: str = "v2"


@function.http("/{city}/{day}", methods=["GET"])
def detail(city: str, day: str, latitude: float = 45.0) -> Advice:
    try:
        when = date.fromisoformat(day)
    except ValueError:
        raise HTTPError(400, f"{day} is no date, write it as 2026-12-05") from None
    found = forecast(city, when, latitude)
    return Advice(**{**asdict(found), "version": "v2"}, wind=wind(city, when), wear=_wear(found))


def _wear(found: Forecast) -> str:
    if found.sky in ("rain", "storm"):
        return "a raincoat"
    if found.high < 5:
        return "a warm coat"
    return "a pullover" if found.high < 20 else "a T-shirt"
