"""What is watched: filters for the Trigger of a collector, and which collectors were left behind."""

from __future__ import annotations

from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

import pytest
from faas_runtime.events.matching import compile_filters
from hypothesis import given
from hypothesis import strategies as st

from faas.deploy.programs.collecting import DEADLINE, filters_of, is_left_behind, make_collector, make_collector_trigger

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("glob", "expected"),
    [
        ("com.acme", {"exact": {"type": "com.acme"}}),
        ("com.acme.*", {"prefix": {"type": "com.acme."}}),
        ("*.created", {"suffix": {"type": ".created"}}),
        ("com.*.created", {"cesql": "type LIKE 'com.%.created'"}),
        ("a_b?", {"cesql": "type LIKE 'a\\_b_'"}),
        ("*", {"cesql": "type LIKE '%'"}),
    ],
)
def test_a_glob_becomes_the_plainest_filter(glob: str, expected: dict[str, Any]) -> None:
    assert filters_of({"type": glob}, None) == [expected]


@pytest.mark.parametrize("glob", ["a\\*", "[ab]*"])
def test_a_pattern_that_no_filter_can_say_is_refused(glob: str) -> None:
    with pytest.raises(ValueError, match="only \\* and \\?"):
        filters_of({"type": glob}, None)


def test_all_that_is_said_has_to_hold() -> None:
    assert filters_of({"type": "a", "source": "b", "subject": None}, "x = 1") == [
        {"exact": {"type": "a"}}, {"exact": {"source": "b"}}, {"cesql": "x = 1"},
    ]  # fmt: skip


@given(
    st.text("ab*?%_'", min_size=1, max_size=8),
    st.text("ab%_'", min_size=1, max_size=8),
)
def test_what_a_glob_matches_its_filter_passes(glob: str, value: str) -> None:
    matcher = compile_filters(filters_of({"type": glob}, None), None)

    assert matcher.matches({"type": value, "source": "s", "id": "1", "specversion": "1.0"}) == fnmatchcase(value, glob)


def test_a_collectors_trigger_goes_with_it() -> None:
    service = {**make_collector("faas-tail-1", "team", "image", NOW)}
    service["metadata"] = {**service["metadata"], "uid": "u-1"}

    trigger = make_collector_trigger(service, "default", [])

    (owner,) = trigger["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("Service", "faas-tail-1", "u-1")
    assert trigger["spec"]["delivery"] == {"retry": 0}
    assert "filters" not in trigger["spec"]


@pytest.mark.parametrize(
    ("deadline", "expected"),
    [("2026-11-23T11:59:59Z", True), ("2026-11-23T12:00:01Z", False), ("", False), ("when I say so", False)],
)
def test_a_collector_is_left_behind_when_its_deadline_is_over(deadline: str, expected: bool) -> None:
    assert is_left_behind({"metadata": {"annotations": {DEADLINE: deadline}}}, NOW) is expected
