"""Data as commands print it."""

from __future__ import annotations

import pytest

from faas.cli.output import to_yaml


@pytest.mark.parametrize("text", ["12345e67", "08", "0o17", "y", "yes"])
def test_text_that_kubectl_would_read_as_something_else_is_quoted(text: str) -> None:
    assert to_yaml({"value": text}) == f"value: '{text}'\n"
