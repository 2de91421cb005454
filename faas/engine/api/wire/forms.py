"""The forms of an answer: lists, Tables, metadata only, watch events; as bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from faas.engine.api.wire.columns import PrintedColumn, columns_of
from faas.engine.api.wire.media import Wanted
from faas.engine.contract.storage import Record
from faas.resources.kinds import Kind

encode = msgspec.json.Encoder().encode


def list_meta(version: int | str, token: str = "", remaining: int = 0) -> dict[str, Any]:
    meta: dict[str, Any] = {"resourceVersion": str(version)}
    if token:
        meta |= {"continue": token, "remainingItemCount": remaining}
    return meta


def one(kind: Kind, record: Record, wanted: Wanted, include: str, now: datetime) -> bytes:
    match wanted.form:
        case "Table":
            meta = {"resourceVersion": str(record.version)}
            return encode(_table(kind, [record.object], meta, wanted, include, now))
        case "PartialObjectMetadata":
            return encode(_metadata_only(record.object, wanted.version))
    return record.raw


def many(
    kind: Kind, records: Sequence[Record], meta: dict[str, Any], wanted: Wanted, include: str, now: datetime
) -> bytes:
    objects = [record.object for record in records]
    match wanted.form:
        case "Table":
            return encode(_table(kind, objects, meta, wanted, include, now))
        case "PartialObjectMetadataList":
            return encode(
                {
                    "kind": "PartialObjectMetadataList",
                    "apiVersion": f"meta.k8s.io/{wanted.version}",
                    "metadata": meta,
                    "items": [_metadata_only(obj, wanted.version) for obj in objects],
                }
            )
    head = encode({"kind": f"{kind.kind}List", "apiVersion": kind.api_version, "metadata": meta})
    return head[:-1] + b',"items":[' + b",".join(record.raw for record in records) + b"]}\n"


def event(kind: Kind, type_: str, record: Record, wanted: Wanted, include: str, now: datetime, *, first: bool) -> bytes:
    """One line of a watch; a Table names its columns in the first event only."""
    if wanted.form == "Table":
        table = _table(kind, [record.object], {"resourceVersion": str(record.version)}, wanted, include, now)
        if not first:
            table["columnDefinitions"] = []
        return encode({"type": type_, "object": table}) + b"\n"
    if wanted.form.startswith("PartialObjectMetadata"):
        return encode({"type": type_, "object": _metadata_only(record.object, wanted.version)}) + b"\n"
    return b'{"type":"' + type_.encode() + b'","object":' + record.raw + b"}\n"


def bookmark(kind: Kind, version: int, wanted: Wanted, *, initial_end: bool) -> bytes:
    annotations = {"annotations": {"k8s.io/initial-events-end": "true"}} if initial_end else {}
    metadata = {"resourceVersion": str(version), "creationTimestamp": None, **annotations}
    if wanted.form == "Table":
        row = {"cells": [], "object": {**_partial(wanted.version), "metadata": metadata}}
        table = {
            "kind": "Table",
            "apiVersion": f"meta.k8s.io/{wanted.version}",
            "metadata": {"resourceVersion": str(version)},
            "columnDefinitions": [],
            "rows": [row],
        }
        return encode({"type": "BOOKMARK", "object": table}) + b"\n"
    named = (
        _partial(wanted.version)
        if wanted.form.startswith("PartialObjectMetadata")
        else {"kind": kind.kind, "apiVersion": kind.api_version}
    )
    return encode({"type": "BOOKMARK", "object": {**named, "metadata": metadata}}) + b"\n"


def failure(status: Mapping[str, Any]) -> bytes:
    return encode({"type": "ERROR", "object": status}) + b"\n"


def _table(
    kind: Kind, objects: Sequence[Mapping[str, Any]], meta: dict[str, Any], wanted: Wanted, include: str, now: datetime
) -> dict[str, Any]:
    columns = columns_of(kind)
    return {
        "kind": "Table",
        "apiVersion": f"meta.k8s.io/{wanted.version}",
        "metadata": meta,
        "columnDefinitions": [_definition(column) for column in columns],
        "rows": [_row(columns, obj, wanted.version, include, now) for obj in objects],
    }


def _definition(column: PrintedColumn) -> dict[str, Any]:
    return {
        "name": column.name,
        "type": column.type,
        "format": column.format,
        "description": column.description,
        "priority": column.priority,
    }


def _row(
    columns: Sequence[PrintedColumn], obj: Mapping[str, Any], version: str, include: str, now: datetime
) -> dict[str, Any]:
    row: dict[str, Any] = {"cells": [column.cell(obj, now) for column in columns]}
    if include == "Object":
        row["object"] = obj
    elif include != "None":
        row["object"] = _metadata_only(obj, version)
    return row


def _partial(version: str) -> dict[str, Any]:
    return {"kind": "PartialObjectMetadata", "apiVersion": f"meta.k8s.io/{version}"}


def _metadata_only(obj: Mapping[str, Any], version: str) -> dict[str, Any]:
    return {**_partial(version), "metadata": obj["metadata"]}
