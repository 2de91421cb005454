"""The cities, as a database would hold them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class City:
    id: str
    name: str
    country: str
    latitude: float


CITIES = tuple(
    City(*row)
    for row in (
        ("001", "Berlin", "Germany", 52.5),
        ("002", "Madrid", "Spain", 40.4),
        ("003", "Nairobi", "Kenya", -1.3),
        ("004", "Tokyo", "Japan", 35.7),
        ("005", "Lima", "Peru", -12.0),
        ("006", "Oslo", "Norway", 59.9),
        ("007", "Mumbai", "India", 19.1),
        ("008", "Sydney", "Australia", -33.9),
        ("009", "Toronto", "Canada", 43.7),
        ("010", "Hangzhou", "China", 30.3),
        ("011", "Reykjavik", "Iceland", 64.1),
        ("012", "Cape Town", "South Africa", -33.9),
        ("013", "Buenos Aires", "Argentina", -34.6),
        ("014", "San Francisco", "United States", 37.8),
        ("015", "Hanoi", "Vietnam", 21.0),
        ("016", "Lisbon", "Portugal", 38.7),
    )
)
BY_ID = {city.id: city for city in CITIES}


def search(words: str) -> list[City]:
    """Cities whose name or country has every one of the words."""
    wanted = words.lower().split()
    return [city for city in CITIES if all(word in f"{city.name} {city.country}".lower() for word in wanted)]
