"""The service `city`: which cities there are."""

from __future__ import annotations

import cities
from cities import City

from faas import HTTPError, function


@function.http("/", methods=["GET"], service="city")
def list_cities(q: str = "") -> list[City]:
    """All cities, or those that match `q`."""
    return cities.search(q)


@function.http("/{id}", methods=["GET"], service="city")
def get_city(id: str) -> City:
    try:
        return cities.BY_ID[id]
    except KeyError:
        raise HTTPError(404, f"there is no city {id}") from None
