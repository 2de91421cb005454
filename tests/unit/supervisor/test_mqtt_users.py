"""Which devices may connect."""

from __future__ import annotations

from pathlib import Path

import pytest

from faas.engine.supervisor.errors import InvalidUsers
from faas.engine.supervisor.mqtt_users import User, is_exposed, read_users

BCRYPT = "$2a$11$w4dRTU2pB4ftQ4aNRGUMJeZR0Ky3cc8XnTVQbGAgZVQMAJ8M6uzq6"


def test_a_line_is_a_name_and_a_password_or_its_hash(tmp_path: Path) -> None:
    (tmp_path / "users").write_text(f"# sensors\n\nsensor-1:se:cret word\nsensor-2:{BCRYPT}\n")

    assert read_users(str(tmp_path / "users")) == [User("sensor-1", "se:cret word"), User("sensor-2", BCRYPT)]


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        pytest.param("a:1\nb\n", 2, "a line is NAME:PASSWORD", id="no password"),
        pytest.param(":1\n", 1, "a line is NAME:PASSWORD", id="no name"),
        pytest.param("a:1\na:2\n", 2, "'a' is there twice", id="twice"),
        pytest.param("faas-source:1\n", 1, "the engine's own", id="a name of ours"),
        pytest.param("a:1\x07\n", 1, "cannot be printed", id="a control character"),
        pytest.param("# nobody\n", 0, "it names nobody", id="nobody"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, text: str, line: int, why: str) -> None:
    (tmp_path / "users").write_text(text)

    with pytest.raises(InvalidUsers, match=why) as refused:
        read_users(str(tmp_path / "users"))

    assert refused.value.facts["line"] == line


def test_a_file_that_others_can_read_is_exposed(tmp_path: Path) -> None:
    (tmp_path / "users").write_text("a:1")

    (tmp_path / "users").chmod(0o640)
    assert is_exposed(str(tmp_path / "users"))
    (tmp_path / "users").chmod(0o600)
    assert not is_exposed(str(tmp_path / "users"))
