"""What a request for events or dead letters asks, from its query."""

from __future__ import annotations

import fnmatch
import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime

from faas.client.errors import BadRequest
from faas.engine.contract.inspecting import Attributes, EventQuery, LetterQuery

Matches = Callable[[Attributes], bool]
_MOST_LETTERS = 10_000
_MOST_DIGITS = 18  # of a position: JetStream's have 64 bits
_LATEST_S = 4_102_444_800.0  # the year 2100: what is later overflows where a moment is added to it


def parse_event_query(query: Mapping[str, str]) -> EventQuery:
    """Raises BadRequest."""
    return EventQuery(
        wanted=parse_wanted(query),
        after=_count(query, "after"),
        since_s=parse_time(query, "sinceTime"),
        until_s=parse_time(query, "untilTime"),
        limit=_count(query, "limit"),
        follow=query.get("follow") == "true",
    )


def parse_wanted(query: Mapping[str, str]) -> Matches:
    """`type`, `source` and `subject` are patterns with * and ?; `sql` is a CESQL expression. Raises BadRequest."""
    tests = [_glob(name, query[name]) for name in ("type", "source", "subject") if query.get(name)]
    if query.get("sql"):
        tests.append(_sql(query["sql"]))
    return lambda attributes: all(test(attributes) for test in tests)


def parse_letter_query(query: Mapping[str, str], namespace: str) -> LetterQuery:
    """Raises BadRequest."""
    words = [word for word in query.get("sequences", "").split(",") if word]
    if not all(_is_count(word) and int(word) for word in words):
        raise BadRequest(f"sequences are numbers from 1 with commas between them, not {query['sequences']!r}")
    trigger = query.get("trigger", "")
    return LetterQuery(
        stream=query.get("stream"),
        sequences=tuple(int(word) for word in words),
        trigger=f"{namespace}/{trigger}" if trigger else "",
        type=query.get("type", ""),
        event_id=query.get("id", ""),
        until_s=parse_time(query, "untilTime"),
    )


def parse_limit(query: Mapping[str, str]) -> int:
    """Raises BadRequest."""
    limit = _count(query, "limit")
    return _MOST_LETTERS if limit is None else min(limit, _MOST_LETTERS)


def parse_span(query: Mapping[str, str]) -> tuple[float, float]:
    """From when until when, now if it is not said. Raises BadRequest."""
    since_s, until_s = parse_time(query, "sinceTime"), parse_time(query, "untilTime")
    if since_s is None:
        raise BadRequest("which events? Name the time they were stored since: sinceTime=2026-11-23T12:00:00Z")
    until_s = time.time() if until_s is None else until_s
    if until_s <= since_s:
        raise BadRequest("untilTime is not later than sinceTime: no event was stored between them")
    return since_s, until_s


def parse_time(query: Mapping[str, str], name: str) -> float | None:
    """RFC 3339. Raises BadRequest."""
    text = query.get(name)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadRequest(f"{name} is a time as in 2026-11-23T12:00:00Z, not {text!r}")
    return min(max(moment.timestamp(), 0.0), _LATEST_S)


def _count(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not _is_count(text):
        raise BadRequest(f"{name} must be a whole number, not {text!r}")
    return int(text)


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS


def _glob(name: str, pattern: str) -> Matches:
    matches = re.compile(fnmatch.translate(pattern)).match
    return lambda attributes: matches(str(attributes.get(name, ""))) is not None


def _sql(text: str) -> Matches:
    from faas_runtime.events import cesql  # a parser, which only those who write SQL need

    try:
        expression = cesql.parse(text)
    except cesql.CESQLSyntaxError as error:
        raise BadRequest(f"sql: {error.explain()}") from error
    for message, position in expression.faults:
        raise BadRequest(f"sql: {cesql.explain(message, position, text)}")
    return expression.matches
