"""A function that greets. Scalars come from the path or the query, a dataclass from the JSON body."""

from __future__ import annotations

from faas import function


@function
def hello(name: str = "World") -> dict[str, str]:
    return {"message": f"Hello {name}!"}
