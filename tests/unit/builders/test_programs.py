"""Programs that a build runs: read line by line, and never left behind."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest
from faas_builders.programs import run_reading

BOTH = "import sys; print('one', flush=True); print('two', file=sys.stderr, flush=True); print('three'); sys.exit(3)"


def test_lines_of_both_outputs_come_in_the_order_that_they_were_written() -> None:
    lines: list[str] = []

    assert run_reading([sys.executable, "-c", BOTH], lines.append) == 3
    assert lines == ["one\n", "two\n", "three\n"]


def test_where_only_complaints_are_wanted_the_rest_is_thrown_away() -> None:
    lines: list[str] = []

    assert run_reading([sys.executable, "-c", BOTH], lines.append, stderr_only=True) == 3
    assert lines == ["two\n"]


def test_it_gets_its_input_and_its_environment() -> None:
    program = "import os, sys; print(sys.stdin.read(), os.environ['WORD'])"
    lines: list[str] = []

    with tempfile.TemporaryFile() as file:
        file.write(b"context")
        file.seek(0)
        run_reading([sys.executable, "-c", program], lines.append, input=file, env={**os.environ, "WORD": "said"})

    assert lines == ["context said\n"]


def test_who_stops_reading_ends_the_program_and_lets_it_clear_away(tmp_path: Path) -> None:
    program = (
        "import pathlib, signal, sys\n"
        "def end(*_):\n"
        "    pathlib.Path(sys.argv[1]).touch()\n"
        "    sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "print('ready', flush=True)\n"
        "signal.pause()\n"
    )

    def stop(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_reading([sys.executable, "-c", program, str(tmp_path / "cleared")], stop)

    assert (tmp_path / "cleared").exists()
