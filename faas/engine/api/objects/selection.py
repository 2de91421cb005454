"""Selecting records, and following them as watch events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import msgspec

from faas.client.errors import BadRequest
from faas.client.protocol import Object, WatchEvent
from faas.engine.api.objects import refusals
from faas.engine.contract.storage import Change, Expired, Record, Store
from faas.resources.kinds import Kind
from faas.resources.selectors import FieldSelector, LabelSelector, SelectorError, parse_fields, parse_labels

EventType = Literal["ADDED", "MODIFIED", "DELETED"]

_decode = msgspec.json.Decoder().decode


def decode(record: Record) -> Object:
    """A copy of the object that its owner may change."""
    obj: Object = _decode(record.raw)
    return obj


class Step(NamedTuple):
    """A change as one watcher sees it."""

    type: EventType
    record: Record


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects a reader wants."""

    labels: LabelSelector = field(default_factory=LabelSelector)
    fields: FieldSelector = field(default_factory=FieldSelector)

    @property
    def everything(self) -> bool:
        return not self.labels.requirements and not self.fields.requirements

    def matches(self, record: Record) -> bool:
        return self.labels.matches(record.object) and self.fields.matches(record.object)

    def steps(self, changes: list[Change]) -> Iterator[Step]:
        """Changes as this reader sees them: what stops matching is deleted for it, what begins to is added."""
        for change in changes:
            before = change.previous is not None and self.matches(change.previous)
            after = not change.deleted and self.matches(change.record)
            if before and change.deleted:
                yield Step("DELETED", change.record)
            elif before and not after:
                assert change.previous is not None
                yield Step("DELETED", _at(change.previous, change.record.version))
            elif after:
                yield Step("MODIFIED" if before else "ADDED", change.record)


def make_selection(labels: str, fields: str) -> Selection:
    """Raises BadRequest."""
    try:
        return Selection(parse_labels(labels), parse_fields(fields))
    except SelectorError as error:
        raise BadRequest(str(error)) from error


def parse_version(text: str) -> int:
    """Read a resourceVersion. Raises BadRequest."""
    if not text.isascii() or not text.isdigit():
        raise BadRequest(f"invalid resource version {text!r}: use the one that a list or an object has")
    return int(text)


async def watch_changes(
    store: Store, kind: Kind, namespace: str, since: int | None, selection: Selection
) -> AsyncIterator[WatchEvent]:
    """Events after `since`; None: first an ADDED for each object that there is. Raises Gone."""
    namespace = namespace if kind.namespaced else ""
    try:
        start = store.version if since in (None, 0) else since
        with store.watch(str(kind), namespace, since=start) as subscription:
            if since in (None, 0):
                for record in store.list(str(kind), namespace):
                    if selection.matches(record):
                        yield WatchEvent("ADDED", decode(record))
            while changes := await subscription.next():
                for step in selection.steps(changes):
                    yield WatchEvent(step.type, decode(step.record))
    except Expired as error:
        raise refusals.gone(error) from error


def _at(record: Record, version: int) -> Record:
    """An older state, as it is reported at a newer version."""
    obj: dict[str, Any] = {**record.object, "metadata": {**record.object["metadata"], "resourceVersion": str(version)}}
    return Record(record.key, version, obj, msgspec.json.encode(obj))
