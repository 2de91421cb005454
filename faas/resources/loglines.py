"""Reading the structured lines that functions log. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec


def parse_record(line: str) -> Mapping[str, Any] | None:
    """The members of a structured line; None for any other line."""
    if not line.startswith("{"):
        return None
    try:
        record = msgspec.json.decode(line)
    except msgspec.DecodeError:
        return None
    return record if isinstance(record, dict) and "message" in record else None


def in_words(line: str) -> str:
    """What a line says, for a message or a terminal: no JSON, an exception below its message."""
    record = parse_record(line)
    if record is None:
        return line
    exception = str(record.get("exception") or "").rstrip()
    return f"{record['message']}\n{exception}" if exception else str(record["message"])
