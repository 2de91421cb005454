"""How a printed line looks under `faas run`."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from faas.cli.dev.loglines import Printed, colour, parse, render

WHEN = datetime(2026, 11, 23, 12, 0, 1, 250_000, tzinfo=UTC)
CLOCK = WHEN.astimezone().strftime("%H:%M:%S") + ".250"


def printed(line: str, stream: str = "stderr", revision: str = "city-00001") -> Printed:
    return Printed(WHEN, stream, f"{revision}-pod", revision, line)


def text(line: str, **more: str) -> str:
    return render(printed(line, **more), width=6).plain


def test_a_structured_line_shows_function_level_request_message_and_fields() -> None:
    line = json.dumps(
        {"time": "x", "level": "info", "message": "stored", "function": "city", "request_id": "0123456789abcdef",
         "trace_id": "t", "span_id": "s", "order": 7, "to": "Ada"}
    )  # fmt: skip

    assert text(line) == f"{CLOCK} city   info  01234567 stored order=7 to=Ada"


def test_an_exception_follows_on_lines_of_its_own() -> None:
    line = json.dumps({"level": "error", "message": "failed", "exception": "Traceback ...\nValueError: no\n"})

    assert text(line) == f"{CLOCK} city   error failed\nTraceback ...\nValueError: no"


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("hello", id="plain"),
        pytest.param("{not json", id="broken"),
        pytest.param('{"a": 1}', id="json-of-somebody-else"),
        pytest.param('[bold]"', id="markup-is-no-markup"),
    ],
)
def test_what_is_no_record_of_ours_is_shown_as_it_is(line: str) -> None:
    assert text(line, stream="stdout") == f"{CLOCK} city   │ {line}"


def test_the_function_of_a_plain_line_is_the_revisions_service() -> None:
    assert "my-city-2 " in render(printed("x", revision="my-city-2-00017"), width=4).plain


def test_a_line_that_was_cut_short_is_left_out() -> None:
    assert parse(b'{"time":"2026-11-23T12:0') is None


def test_a_function_keeps_its_colour() -> None:
    assert colour("city") == colour("city")
