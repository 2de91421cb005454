"""What keeps something from becoming ready, as a value. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Raw = Mapping[str, Any]

SIDECAR = "queue-proxy"  # Knative's own container beside the function's

Cause = Literal["", "ends", "pull", "pull refused", "missing", "refused", "room"]
"""What kind of trouble it is, for who decides how long to wait: it ends again and again, its image is not to be had (or
not for us), an object is missing, it is refused (quota, policy), there is no room for it yet; "": anything else."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """`reason` is Kubernetes' word for it; `pod` is whose log tells more, "" when it wrote none."""

    reason: str
    sentence: str
    advice: str = ""
    pod: str = ""
    container: str = ""
    restarted: bool = False  # what ended is the container before the one that is there now
    lines: tuple[str, ...] = ()  # the last it wrote, as far as the Pod's status tells
    cause: Cause = ""
    ends: int = 0  # how often it has ended

    def __str__(self) -> str:
        return self.sentence


def first_line(text: str) -> str:
    return text.strip().partition("\n")[0]
