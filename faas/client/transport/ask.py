"""One request to an API server, and what it answers, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Ask:
    """`idempotent`: carried out twice it leaves what it leaves when carried out once, or the second try says so.

    `relayed`: it is for a Service behind the API server, whose 429 or 503 does not say that nothing was done.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = field(default=None, repr=False)
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    idempotent: bool = True
    relayed: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    content: bytes = field(repr=False)
    headers: Mapping[str, str]
