"""What a build is asked for, whichever way it is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from faas_builders.target import Platform


@dataclass(frozen=True, slots=True)
class Order:
    tag: str
    platform: Platform | None = None
    build_args: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Path] = field(default_factory=dict)
    network: str = ""
    target: str = ""  # the stage to stop at
    no_cache: bool = False
    pull: bool = False  # of every FROM
