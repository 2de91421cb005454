"""What a source says of itself. Source: knative/eventing pkg/apis/sources/v1, *_lifecycle.go."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec.structs import replace

from faas.engine.contract.sources import SourceStatus as RunStatus
from faas.engine.controllers.addressing import Unresolved
from faas.engine.controllers.marks import Marks
from faas.engine.controllers.source.kinds import SourceKind
from faas.engine.controllers.source.made import Made, Refused
from faas.resources.keys import SOURCE_URL

_SECRET_REASONS = frozenset({"SecretMissing", "ConfigMapMissing", "SecretNotText"})
_STARTING = RunStatus("starting", "Starting", "It is being started.")


def observed_status(
    kind: SourceKind,
    source: Any,
    made: Made | Refused,
    sink: str | Unresolved,
    running: RunStatus | None,
    *,
    url: str = "",
    now: datetime,
) -> Any:
    """The new status of a source object, of its own type.

    Args:
        running: what the part that runs sources says; None before it has said anything.
        url: where requests come in, of a source that receives them.
    """
    annotations = {name: value for name, value in source.status.annotations.items() if name != SOURCE_URL}
    status = replace(
        source.status,
        observed_generation=source.metadata.generation,
        annotations={**annotations, SOURCE_URL: url} if url else annotations,
        sink_uri=sink if isinstance(sink, str) else "",
        ce_attributes=made.attributes if isinstance(made, Made) and isinstance(sink, str) else (),
    )
    marks = Marks(kind.conditions, source.status.conditions, now)
    for type, reason in kind.always.items():
        marks.set(type, "True", reason)
    state = running or _STARTING
    secret_missing = state.state == "failing" and state.reason in _SECRET_REASONS
    for type in kind.runs:
        _mark_running(marks, type, made, sink, state)
    for type in kind.secrets:
        if secret_missing:
            marks.set(type, "False", state.reason, state.message)
        elif isinstance(made, Refused):
            marks.set(type, "Unknown")
        else:
            marks.set(type, "True")
    marks.unless(kind.sink, sink)
    return replace(status, conditions=marks.conditions)


def _mark_running(marks: Marks, type: str, made: Made | Refused, sink: str | Unresolved, state: RunStatus) -> None:
    if isinstance(made, Refused):
        marks.set(type, "False", made.reason, made.message)
    elif isinstance(sink, Unresolved):
        marks.set(type, "Unknown", "SinkNotResolved", "It runs once its sink has an address.")
    elif state.state in ("running", "idle"):
        marks.set(type, "True", state.reason, state.message)  # with a complaint: EventsDropped
    elif state.state == "starting":
        marks.set(type, "Unknown", state.reason or _STARTING.reason, state.message or _STARTING.message)
    else:
        marks.set(type, "False", state.reason, state.message)
