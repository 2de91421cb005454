"""A forecast from a city's id, its latitude and the date alone: always the same one, and nobody is asked."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import date

_SKIES = ("sunny", "fair", "cloudy", "rain", "storm")
_COLD_SKIES = ("sunny", "fair", "cloudy", "snow", "blizzard")


@dataclass(frozen=True)
class Forecast:
    city: str
    date: date
    sky: str
    low: int  # degrees Celsius
    high: int
    version: str = "v1"


def forecast(city: str, day: date, latitude: float) -> Forecast:
    dice = random.Random(f"{city} {day}")
    # -1 in the middle of January, +1 in the middle of July; the other way round south of the equator
    season = -math.cos((day.timetuple().tm_yday - 15) / 365 * 2 * math.pi) * math.copysign(1, latitude)
    mean = 28 - abs(latitude) / 2.2 + season * abs(latitude) / 4 + dice.gauss(0, 3)
    spread = dice.uniform(3, 7)
    skies = _COLD_SKIES if mean < 1 else _SKIES
    sky = dice.choices(skies, weights=(30, 30, 25, 12, 3))[0]
    return Forecast(city, day, sky, round(mean - spread), round(mean + spread))
