"""Which types of events a Broker has, and who wants them."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from faas_runtime.events.matching import Matcher, TriggerIndex, compile_filters

from faas.engine.broker.inspect.streams import Streams
from faas.engine.broker.jetstream.records import NotARecord, decode_event
from faas.engine.broker.jetstream.stream import stream_info
from faas.engine.contract.eventing import SeenType, TriggerConfig

_MOST = 1000  # types whose newest event is read


@dataclass(frozen=True, slots=True)
class StoredType:
    """What the log has of one type: how many events, and the newest of them."""

    count: int
    time: str
    attributes: Mapping[str, Any]


async def stored_types(streams: Streams) -> list[StoredType]:
    """Raises: LogUnavailable."""
    names, connection = streams.names, streams.connection
    info = await stream_info(connection, names.events, subjects_filter=names.events_prefix + ">")
    subjects: dict[str, int] = info["state"].get("subjects") or {}
    found = []
    for subject, count in sorted(subjects.items())[:_MOST]:
        answer = await connection.request(f"STREAM.MSG.GET.{names.events}", {"last_by_subj": subject})
        message = answer.get("message")
        if message is None:  # it was forgotten meanwhile
            continue
        try:
            event = decode_event(base64.b64decode(message.get("data", "")), int(message["seq"]), 0.0)
        except NotARecord:
            continue
        found.append(StoredType(count, message["time"], event.attributes))
    return found


def make_types(
    stored: Iterable[StoredType], seen: Iterable[SeenType], triggers: Sequence[TriggerConfig]
) -> list[dict[str, Any]]:
    """One entry for each type that is stored or was received since the broker's process started, by name.

    `wantedBy` has the triggers that the newest event has passed; `mayWant` those that name the type, and whose filters
    this event has not passed.
    """
    rows: dict[str, dict[str, Any]] = {}
    newest: dict[str, Mapping[str, Any]] = {}
    for each in stored:
        kind = str(each.attributes["type"])
        newest[kind] = each.attributes
        row = _row(rows, kind)
        row["stored"], row["lastTime"] = each.count, each.time
        row["sources"].add(str(each.attributes["source"]))
    for one in seen:
        newest.setdefault(one.type, {"type": one.type, "source": one.source})
        row = _row(rows, one.type)
        row["received"] += one.count
        row["sources"].add(one.source)
        row["schema"] = row["schema"] or one.schema
    matchers = {trigger.key.partition("/")[2]: compile_filters(trigger.filters) for trigger in triggers}
    index: TriggerIndex[str] = TriggerIndex()
    for name, matcher in matchers.items():
        index.add(name, matcher)
    for kind, row in rows.items():
        row["sources"] = sorted(row["sources"])
        row["wantedBy"] = sorted(index.wanting(newest[kind]))
        row["mayWant"] = sorted(
            name for name, matcher in matchers.items() if _names(matcher, kind) and name not in row["wantedBy"]
        )
    return [rows[kind] for kind in sorted(rows)]


def _row(rows: dict[str, dict[str, Any]], kind: str) -> dict[str, Any]:
    fresh = {"type": kind, "stored": 0, "received": 0, "lastTime": "", "schema": "", "sources": set()}
    return rows.setdefault(kind, fresh)


def _names(matcher: Matcher, kind: str) -> bool:
    return kind in matcher.required.get("type", ())
