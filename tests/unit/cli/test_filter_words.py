from __future__ import annotations

from typing import Any

import pytest

from faas.cli.eventing.filter_words import filter_words


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        pytest.param({}, "every event", id="none"),
        pytest.param({"filter": {"attributes": {"type": "a", "source": ""}}}, "type = a and source is there", id="old"),
        pytest.param(
            {"filters": [{"exact": {"type": "a"}}], "filter": {"attributes": {"type": "b"}}}, "type = a", id="new wins"
        ),
        pytest.param(
            {"filters": [{"exact": {"type": "a"}}, {"prefix": {"subject": "eu/"}}]},
            "type = a and subject begins with eu/",
            id="all of a list",
        ),
        pytest.param({"filters": [{"suffix": {"subject": ".jpg"}}]}, "subject ends with .jpg", id="suffix"),
        pytest.param(
            {"filters": [{"any": [{"exact": {"type": "a"}}, {"exact": {"type": "b"}}]}]}, "type = a or b", id="types"
        ),
        pytest.param(
            {"filters": [{"exact": {"type": "a"}}, {"any": [{"exact": {"x": "1"}}, {"prefix": {"y": "2"}}]}]},
            "type = a and (x = 1 or y begins with 2)",
            id="alternatives beside something",
        ),
        pytest.param(
            {"filters": [{"not": {"all": [{"exact": {"type": "a"}}, {"exact": {"source": "b"}}]}}]},
            "not (type = a and source = b)",
            id="not",
        ),
        pytest.param({"filters": [{"cesql": "amount > 1"}]}, "amount > 1", id="sql"),
        pytest.param(
            {"filters": [{"exact": {"type": "a"}}, {"cesql": "x > 1 OR y"}]}, "type = a and (x > 1 OR y)", id="sql too"
        ),
    ],
)
def test_filters_read_as_words(spec: dict[str, Any], words: str) -> None:
    assert filter_words({"spec": spec}) == words
