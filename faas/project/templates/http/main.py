"""A function that greets. Every parameter is filled from the path, the query or the JSON body, by its type."""

from __future__ import annotations

from faas import function


@function
def hello(name: str = "World") -> dict[str, str]:
    return {"message": f"Hello {name}!"}
