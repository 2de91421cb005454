"""What is made of a source object: which adapter, with which options, or why there is none."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from faas.engine.contract.revision import EnvVar
from faas.resources.duck import CloudEventAttributes


@dataclass(frozen=True, slots=True)
class Made:
    """What runs for a source object."""

    adapter: str
    env: tuple[EnvVar, ...] = ()
    spec: str = ""  # for tasks of the engine
    receives: bool = False
    path: str = ""  # where it takes requests, when that is not everywhere
    replicas: int = 1
    attributes: tuple[CloudEventAttributes, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """Why the engine cannot run it."""

    reason: str
    message: str


def attributes_of(source: str, *types: str) -> tuple[CloudEventAttributes, ...]:
    """What the source's events have, for its status."""
    return tuple(CloudEventAttributes(type=type, source=source) for type in types)


def options_variable(options: dict[str, Any]) -> EnvVar:
    """The adapter's options, by the names that it has for them."""
    return EnvVar("FAAS_SOURCE", json.dumps(options))
