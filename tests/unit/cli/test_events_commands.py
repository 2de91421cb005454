"""What the commands about events make of options, files and answers, without an engine."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from faas.cli.errors import CommandError
from faas.cli.eventing.letters import print_letter, row
from faas.cli.eventing.options import parse_moment
from faas.cli.eventing.send import in_batches, parse_events, read_data
from faas.cli.eventing.tail import one_line, preview
from faas.cli.main import group
from faas.cli.source import next_ticks
from faas.cli.texts import reason_text, size_text, span_text

LETTER: dict[str, Any] = {
    "sequence": 12,
    "storedTime": "2026-11-23T12:00:00.000Z",
    "broker": "default/default",
    "stream": "",
    "trigger": "default/on-order",
    "error": {
        "code": 500,
        "destination": "http://on-order.default.svc.cluster.local/_faas/events/on-order",
        "data": '{"title":"Internal Server Error","detail":"the function failed","request_id":"abc"}',
    },
    "origin": {"sequence": 7, "storedTime": "2026-11-23T11:59:00.000Z"},
    "event": {"specversion": "1.0", "type": "t", "source": "s", "id": "i", "data": {"a": 1}, "knativeerrorcode": 500},
}


@pytest.mark.parametrize(
    ("text", "content_type", "document"),
    [
        pytest.param(None, None, {}, id="none"),
        pytest.param('{"a": 1}', None, {"datacontenttype": "application/json", "data": {"a": 1}}, id="object"),
        pytest.param("7", None, {"datacontenttype": "application/json", "data": 7}, id="number"),
        pytest.param("hello", None, {"datacontenttype": "text/plain", "data": "hello"}, id="text"),
        pytest.param("{ not", "text/plain", {"datacontenttype": "text/plain", "data": "{ not"}, id="as it is"),
        pytest.param("<a/>", "application/xml", {"datacontenttype": "application/xml", "data": "<a/>"}, id="xml"),
    ],
)
def test_data_becomes_members_of_the_event(
    text: str | None, content_type: str | None, document: dict[str, Any]
) -> None:
    assert read_data(text, content_type) == document


def test_bytes_travel_as_base64(tmp_path: Any) -> None:
    (tmp_path / "x.bin").write_bytes(b"\xff\x00")
    assert read_data(f"@{tmp_path / 'x.bin'}", None) == {
        "datacontenttype": "application/octet-stream",
        "data_base64": "/wA=",
    }


@pytest.mark.parametrize("text", ["{broken", "[1,"])
def test_what_looks_like_json_and_is_none_is_not_sent_as_text(text: str) -> None:
    with pytest.raises(click.BadParameter, match="this looks like JSON and is none"):
        read_data(text, None)


def test_a_file_holds_one_event_or_several() -> None:
    assert parse_events(b'{"type": "a"}', "f") == [{"type": "a"}]
    assert parse_events(b'[{"type": "a"}, {"type": "b"}]', "f") == [{"type": "a"}, {"type": "b"}]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"nothing", "f is not JSON"),
        (b"[]", "f holds no event"),
        (b"[1]", "f holds no event"),
        (b'[{"type": "a"}, {"id": "1"}]', "event 2 of f has no type"),
    ],
)
def test_a_file_without_events_is_refused(raw: bytes, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        parse_events(raw, "f")


@given(st.lists(st.integers(0, 3_000_000).map(lambda size: {"id": "x", "data": "y" * size}), max_size=8))
def test_batches_keep_order_and_lose_nothing(documents: list[dict[str, Any]]) -> None:
    batches = in_batches(documents)
    assert [document for batch in batches for document in batch] == documents
    assert all(batches)


def test_events_of_an_ordinary_size_go_in_batches() -> None:
    assert [len(batch) for batch in in_batches([{"id": "x"}] * 450)] == [200, 200, 50]


@pytest.mark.parametrize(
    ("event", "shown"),
    [
        ({}, ""),
        ({"data": {"a": 1}}, '{"a": 1}'),
        ({"data": "two\n  lines\x07"}, "two lines�"),
        ({"data": "x" * 30}, "x" * 19 + "…"),
        ({"data_base64": "/wA=", "datacontenttype": "image/png"}, "(2 bytes of image/png)"),
    ],
)
def test_data_is_shown_on_one_line(event: dict[str, Any], shown: str) -> None:
    assert preview(event, 20) == shown


def test_an_event_is_one_line() -> None:
    event = {"type": "t", "source": "s", "subject": "eu/7", "id": "i", "data": {"a": 1}}
    line = click.unstyle(one_line({"storedTime": "2026-11-23T12:00:00.123Z", "event": event}, 80))
    assert line.split("  ")[1:] == ["t", "s", "eu/7", "i", '{"a": 1}']


def test_a_moment_is_a_time_or_so_long_ago() -> None:
    assert parse_moment("2026-11-23T13:00:00+01:00", "--since") == "2026-11-23T12:00:00.000Z"
    ago = datetime.now(UTC) - datetime.fromisoformat(parse_moment("10m", "--since"))
    assert 600 <= ago.total_seconds() < 660
    with pytest.raises(click.BadParameter, match="neither a duration"):
        parse_moment("yesterday", "--since")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("connection refused", "connection refused"),
        ("500: boom\nTraceback", "500: boom …"),
        ('500: {"title": "Internal Server Error", "detail": "it failed"}', "500: it failed"),
        ('{"title": "Too Large"}', "Too Large"),
        ('["a"]', '["a"]'),
        ('422: {"title":"Unprocessable Entity","detail":"not \\"x\\"","errors":[{"in":"da', '422: not "x"'),
        ('422: {"title":"Unprocessable Entity","deta', '422: {"title":"Unprocessable Entity","deta'),
    ],
)
def test_an_error_is_one_line(text: str, shown: str) -> None:
    assert reason_text(text) == shown


def test_spans_and_sizes_are_short() -> None:
    assert [span_text(seconds) for seconds in (0, 0.2, 60, 90, 86400, 3660)] == [
        "0s", "200ms", "1m", "1m30s", "24h", "1h1m",
    ]  # fmt: skip
    assert [size_text(size) for size in (0, 1023, 1536, 1 << 30)] == ["0 B", "1023 B", "1.5 KiB", "1.0 GiB"]


def test_a_schedule_says_when_it_is_due_in_its_time_zone() -> None:
    spec = {"schedule": "0 9 * * mon-fri", "timezone": "Europe/Berlin"}
    assert next_ticks(spec, datetime(2026, 11, 20, 12, tzinfo=UTC), 2) == [
        "2026-11-23 09:00:00+01:00",
        "2026-11-24 09:00:00+01:00",
    ]
    assert next_ticks({}, datetime.now(UTC)) == []
    assert next_ticks({"schedule": "0 0 30 2 *"}, datetime.now(UTC))[0].startswith("never")


def test_a_dead_letter_is_a_row_and_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert row(LETTER)[2:] == ["on-order", "t", "i", "500", "the function failed"]
    print_letter(LETTER, " --stage live")
    page = capsys.readouterr().out
    assert "knativeerrorcode" not in page
    assert '"a": 1' in page
    assert "faas logs on-order --stage live -o json | jq 'select(.record.request_id == \"abc\")'" in page


@pytest.mark.parametrize(
    ("destination", "number"),
    [
        ("http://on-order.default.svc.cluster.local/", "x'; touch /tmp/owned; '"),
        ("http://$(touch$IFS/tmp/owned).default.svc.cluster.local/", "abc"),
        ("http://[bad", "abc"),
    ],
)
def test_no_command_is_suggested_with_words_that_a_shell_would_carry_out(
    capsys: pytest.CaptureFixture[str], destination: str, number: str
) -> None:
    """Who answers for a function chooses its number, and people paste what is suggested."""
    print_letter(
        {**LETTER, "error": {"code": 500, "destination": destination, "data": f'{{"request_id": "{number}"}}'}},
        "",
    )
    assert "faas logs" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["events", "send"], "which event? Name its TYPE, or give a --file"),
        (["events", "send", "x", "--file", "f"], "--file has whole events"),
        (["events", "send", "x", "--id", "1", "--count", "2"], "ids of their own"),
        (["events", "tail", "--all", "--since", "1m"], "use one of them"),
        (["events", "replay", "--trigger", "t", "--since", "soon"], "neither a duration"),
        (["dlq", "replay"], "which ones? Name them by SEQ or an option, or replay --all"),
        (["dlq", "purge", "--all", "3"], "--all is every dead letter"),
    ],
)
def test_misuse_is_said_before_anything_is_asked(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(group, arguments)
    assert (result.exit_code, said in result.output) == (2, True), result.output


@pytest.mark.parametrize(
    "arguments",
    ["events send", "events tail", "events types", "events replay", "broker list", "broker describe", "broker create",
     "broker delete", "trigger list", "trigger describe", "source list", "source describe", "dlq list", "dlq show",
     "dlq replay", "dlq purge"],
)  # fmt: skip
def test_every_command_about_events_has_examples(arguments: str) -> None:
    result = CliRunner().invoke(group, [*arguments.split(), "--help"])
    assert (result.exit_code, "Examples:" in result.output) == (0, True)
