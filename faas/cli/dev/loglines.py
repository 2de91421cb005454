"""How a line that an instance printed looks in the terminal. Pure."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from rich.text import Text

from faas.resources.loglines import parse_record

_COLOURS = ("cyan", "green", "magenta", "blue", "yellow", "bright_cyan", "bright_green", "bright_magenta")
_LEVELS = {
    "debug": ("debug", "dim"),
    "info": ("info ", "default"),
    "warning": ("warn ", "yellow"),
    "error": ("error", "bold red"),
    "critical": ("fatal", "bold white on red"),
}
_SHOWN_ELSEWHERE = frozenset(
    {"time", "level", "message", "function", "revision", "request_id", "trace_id", "span_id", "exception", "logger"}
)
_REVISION = re.compile(r"-\d{5,}$")
_ID_LENGTH = 8  # enough to follow a request by eye; the whole id is in the log file


class Printed(msgspec.Struct, frozen=True):
    """A line of logs/NAMESPACE/REVISION/POD/RUN.jsonl."""

    time: datetime
    stream: str
    pod: str
    revision: str
    line: str


def parse(data: bytes) -> Printed | None:
    """None for a line that was cut short when the engine was killed."""
    try:
        return msgspec.json.decode(data, type=Printed)
    except msgspec.DecodeError:
        return None


def render(printed: Printed, *, width: int) -> Text:
    """Time, function, level, request, message, fields; what is no JSON of ours is shown as it is.

    Args:
        width: of the column of function names.
    """
    record = parse_record(printed.line)
    name = str(record.get("function") or _REVISION.sub("", printed.revision)) if record else None
    name = name or _REVISION.sub("", printed.revision)
    text = Text(no_wrap=False, overflow="fold")
    text.append(printed.time.astimezone().strftime("%H:%M:%S.%f")[:-3], style="dim")
    text.append(f" {name:<{width}} ", style=colour(name))
    if record is None:
        text.append("│ ", style="dim")
        text.append(printed.line, style="red" if printed.stream == "stderr" and _is_trouble(printed.line) else "")
        return text
    return text.append_text(render_record(record))


def render_record(record: Mapping[str, Any]) -> Text:
    """Level, request, message, fields, and the exception below."""
    text = Text(no_wrap=False, overflow="fold")
    level, style = _LEVELS.get(str(record.get("level", "info")).lower(), ("     ", "default"))
    text.append(f"{level} ", style=style)
    if request := str(record.get("request_id", "")):
        text.append(f"{request[:_ID_LENGTH]} ", style="dim")
    text.append(str(record["message"]), style="" if style == "default" else style)
    for key, value in record.items():
        if key not in _SHOWN_ELSEWHERE:
            text.append(f" {key}=", style="dim")
            text.append(value if isinstance(value, str) else msgspec.json.encode(value).decode())
    if exception := record.get("exception"):
        text.append("\n" + str(exception).rstrip(), style="red")
    return text


def colour(name: str) -> str:
    """The same for a function each time and in each terminal."""
    return _COLOURS[zlib.crc32(name.encode()) % len(_COLOURS)]


def _is_trouble(line: str) -> bool:
    return line.startswith("Traceback") or "Error" in line
