"""Data as commands print it."""

from __future__ import annotations

import pytest

from faas.cli.explanation import Explanation
from faas.cli.output import note, print_facts, print_table, to_yaml
from faas.cli.terminal import harmless


@pytest.mark.parametrize("text", ["12345e67", "08", "0o17", "y", "yes"])
def test_text_that_kubectl_would_read_as_something_else_is_quoted(text: str) -> None:
    assert to_yaml({"value": text}) == f"value: '{text}'\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("\x1b]0;title\x07\x1b[2J\x1b[1A", "�]0;title��[2J�[1A", id="escape-sequences"),
        pytest.param("\x9b2J", "�2J", id="C1"),
        pytest.param("all is well\rerror", "all is well�error", id="overwritten"),
        pytest.param("\x1b[1;31mred\x1b[0m\tcell\nline", "\x1b[1;31mred\x1b[0m\tcell\nline", id="colours-stay"),
        pytest.param("from Windows\r\nhere\r", "from Windows\nhere", id="line-ends"),
        pytest.param("\u202egnp.exe", "�gnp.exe", id="turned-around"),
        pytest.param("Grüße 😀", "Grüße 😀", id="letters"),
    ],
)
def test_text_of_others_moves_nothing_on_the_terminal(text: str, shown: str) -> None:
    assert harmless(text) == shown


def test_what_servers_say_is_printed_harmlessly(capsys: pytest.CaptureFixture[str]) -> None:
    """Colours are cut where no terminal is; the rest would have gone through."""
    bad = "a\x1b]0;t\x07b"
    print_table(["name"], [[bad]], empty="")
    print_facts([("Name", bad)])
    note(bad)
    said = "".join(capsys.readouterr()) + Explanation(bad, bad, bad).render(color=True)

    assert "\x1b]" not in said
    assert said.count("a�]0;t�b") == 6
