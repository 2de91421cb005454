from __future__ import annotations

import json

import pytest

from faas.resources.loglines import in_words


@pytest.mark.parametrize(
    ("line", "words"),
    [
        pytest.param("hello", "hello", id="plain"),
        pytest.param('{"a":1}', '{"a":1}', id="JSON that is not ours"),
        pytest.param('{"message":', '{"message":', id="cut short"),
        pytest.param(json.dumps({"message": "stored", "level": "info"}), "stored", id="a message"),
        pytest.param(json.dumps({"message": "failed", "exception": "E: no\n"}), "failed\nE: no", id="an exception"),
    ],
)
def test_a_line_is_told_in_words(line: str, words: str) -> None:
    assert in_words(line) == words
