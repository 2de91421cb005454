"""The smallest project: one file, one function."""

from faas import function


@function
def hello(name: str = "World") -> str:
    return f"Hello {name}!\n"
