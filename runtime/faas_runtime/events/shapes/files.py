"""A change in a watched folder as an event."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from faas_runtime.errors import EventError
from faas_runtime.events.event import JSON, Event
from faas_runtime.events.shapes.making import event_of, stable_id

Change = Literal["created", "modified", "removed"]
PREFIX = "dev.faas.file."


class FileChange(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to which file: ask for it by annotation, `def on_file(found: FileChange)`."""

    path: str  # whole
    name: str  # in the watched folder, with `/`
    change: Change
    size: int | None = None  # bytes; removed files have none
    modified: datetime | None = None

    @classmethod
    def of_event(cls, event: Event[Any]) -> FileChange:
        """Raises: EventError: the event's data tells of no file."""
        try:
            return msgspec.convert(event.data, cls)
        except msgspec.ValidationError as error:
            raise EventError(f"the event {event.type!r} tells of no file: {error}") from None


def make_event(
    folder: str, name: str, change: Change, *, time: datetime, size: int | None = None, modified_ns: int | None = None
) -> Event[Any]:
    """The event of one change; the same state of the same file has the same id.

    Args:
        folder: absolute; name: of the file in it, with `/`.
        time: when it was seen; modified_ns: the file's own, None when it was removed.
    """
    modified = None if modified_ns is None else datetime.fromtimestamp(modified_ns / 1e9, UTC)
    found = FileChange(path=str(Path(folder, name)), name=name, change=change, size=size, modified=modified)
    seen = modified_ns if modified_ns is not None else time.timestamp()
    return event_of(
        PREFIX + change, Path(folder).as_uri(), stable_id(found.path, change, size, seen),
        msgspec.json.encode(found), JSON, subject=name, time=time,
    )  # fmt: skip
