"""Structured log lines: one JSON object a line on stderr, with the ids of the request they belong to.

    {"time":"…Z","level":"info","message":"stored","function":"quote","request_id":"…","trace_id":"…","span_id":"…","order":7}

`ctx.log` writes them, and whatever goes through the standard `logging` comes out the same way.
"""

from __future__ import annotations

import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any

from faas_runtime.calls.call import Call, current
from faas_runtime.frames import from_users
from faas_runtime.jsonic import to_json

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
_STANDARD = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {"message", "asctime", "taskName"}
_threshold = 20


class Log:
    """The request's logger: `ctx.log.info("stored", order=order.id)`. Fields become members of the line."""

    __slots__ = ("_call", "_fields")

    def __init__(self, call: Call | None, fields: dict[str, Any] | None = None) -> None:
        self._call = call
        self._fields = fields or {}

    def bind(self, **fields: Any) -> Log:
        """A logger whose lines all have these fields."""
        return Log(self._call, {**self._fields, **fields})

    def debug(self, message: str, **fields: Any) -> None:
        self._write("debug", message, fields)

    def info(self, message: str, **fields: Any) -> None:
        self._write("info", message, fields)

    def warning(self, message: str, **fields: Any) -> None:
        self._write("warning", message, fields)

    def error(self, message: str, **fields: Any) -> None:
        self._write("error", message, fields)

    def exception(self, message: str, **fields: Any) -> None:
        """An error with the traceback of the exception that is being handled."""
        self._write("error", message, {"exception": traceback.format_exc(), **fields})

    def _write(self, level: str, message: str, fields: dict[str, Any]) -> None:
        if _LEVELS[level] >= _threshold:
            write_line(level, message, self._call, {**self._fields, **fields})


def write_line(level: str, message: str, call: Call | None, fields: dict[str, Any]) -> None:
    """One line on stderr, in one write so that lines of several threads stay whole."""
    line: dict[str, Any] = {
        "time": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "level": level,
        "message": message,
    }
    if call is not None:
        line["function"] = call.endpoint.function
        if call.instance.settings.revision:
            line["revision"] = call.instance.settings.revision
        line["request_id"] = call.request_id
        line["trace_id"], line["span_id"], _ = call.trace
    for name, value in fields.items():
        line.setdefault(name, value)
    try:
        text = to_json(line)
    except (TypeError, ValueError):
        text = to_json({name: value if isinstance(value, str) else repr(value) for name, value in line.items()})
    sys.stderr.write(text.decode("utf-8", "replace") + "\n")
    sys.stderr.flush()


def write_exception(message: str, error: BaseException) -> None:
    """An error that belongs to no request."""
    write_line("error", message, None, {"exception": traceback_of(error)})


def traceback_of(error: BaseException) -> str:
    """As Python prints it, from the user's first line on: how the runtime got there says nothing about the mistake."""
    trace = from_users(error.__traceback__)
    return "".join(traceback.format_exception(type(error), error, trace or error.__traceback__))


class _JsonHandler(logging.Handler):
    """Sends the standard library's records the same way."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            fields: dict[str, Any] = {"logger": record.name}
            if record.exc_info and record.exc_info[0] is not None:
                fields["exception"] = "".join(traceback.format_exception(*record.exc_info))
            fields.update((name, value) for name, value in record.__dict__.items() if name not in _STANDARD)
            write_line(record.levelname.lower(), record.getMessage(), current.get(), fields)
        except Exception:  # noqa: BLE001  # as logging itself: a broken log call never breaks the function
            self.handleError(record)


def configure(level: str) -> None:
    """Set the level, and give the root logger our handler unless the user has configured logging."""
    global _threshold
    _threshold = _LEVELS.get(level.lower(), 20)
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(_JsonHandler())
    if any(isinstance(handler, _JsonHandler) for handler in root.handlers):
        root.setLevel(_threshold)
