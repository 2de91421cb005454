"""What counts as a save under `faas run`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from watchfiles import Change

from faas.cli.dev.changes import _OfProject, is_save


def test_what_the_command_itself_writes_is_no_save(tmp_path: Path) -> None:
    log, module = tmp_path / "run.log", tmp_path / "main.py"
    module.write_text("x = 1\n")
    with log.open("w") as stream:
        before = os.dup(2)
        os.dup2(stream.fileno(), 2)
        try:
            of_project = _OfProject(tmp_path)
        finally:
            os.dup2(before, 2)
            os.close(before)

    assert not of_project(Change.modified, str(log))
    assert of_project(Change.modified, str(module))
    assert of_project(Change.deleted, str(tmp_path / "gone.py"))


@pytest.mark.parametrize("name", ["main.py~", ".main.py.swp", ".venv/lib/x.py", "__pycache__/main.pyc"])
def test_what_editors_and_python_leave_is_no_save(tmp_path: Path, name: str) -> None:
    assert not _OfProject(tmp_path)(Change.added, str(tmp_path / name))


def test_what_arrives_in_a_folder_that_a_function_watches_is_no_save(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"

    assert not is_save(inbox / "of-today" / "a.csv", {inbox})
    assert is_save(inbox / "handler.py", {inbox})
    assert is_save(tmp_path / "inbox.csv", {inbox})
    assert is_save(inbox / "a.csv", set())
