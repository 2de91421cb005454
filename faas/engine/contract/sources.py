"""A source as the engine has to run it, and what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from faas.engine.contract.revision import EnvVar, RevisionKey

OPTION_PREFIX = "FAAS_OPTION_"  # of a plan's variables that become fields of FAAS_SOURCE when the adapter starts


@dataclass(frozen=True, slots=True)
class SourceKey:
    """Names a source object; its text form is `plural.group/namespace/name`."""

    resource: str  # as in `pingsources.sources.knative.dev`
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.resource}/{self.namespace}/{self.name}"


def endpoint_key(key: SourceKey) -> RevisionKey:
    """What stands for a source that receives HTTP where the gateway wants a revision; no Revision's name has a dot."""
    return RevisionKey(key.namespace, f"{key.name}.{key.resource}")


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """All that is needed to run a source. Written by its controller, once its sink is resolved.

    `adapter` is a word of `python -m faas.sources ADAPTER`, which runs as a process, or `ping` and `kubernetes`, which
    are tasks of the engine. `env` holds the adapter's options (FAAS_SOURCE, FAAS_SOURCE_* for secrets, FAAS_OPTION_*
    for fields of FAAS_SOURCE whose values are in Secrets), K_SINK and K_CE_OVERRIDES.
    """

    key: SourceKey
    uid: str
    adapter: str
    env: tuple[EnvVar, ...] = ()
    args: tuple[str, ...] = ()
    spec: str = ""  # the object's spec as JSON, for tasks of the engine
    receives: bool = False  # it listens: for HTTP on FAAS_SOURCE_LISTEN, behind the gateway's target NAMESPACE/NAME
    replicas: int = 1


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """Written by the part that runs sources."""

    state: Literal["starting", "running", "failing", "idle"]
    reason: str = ""  # one word, as for a condition
    message: str = ""
    events: int = 0  # accepted by the sink since it started
    restarts: int = 0


class AdapterReport(msgspec.Struct, frozen=True):
    """One JSON line that an adapter's process writes to the file descriptor FAAS_SOURCE_REPORT, when its state changes
    or each second while it has sent events."""

    state: Literal["connecting", "running", "failing"]
    reason: str = ""
    message: str = ""
    events: int = 0
