"""Programs of others that build for minutes: what they print is passed on as it comes, and none outlives its caller."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import IO


def run_reading(
    command: Sequence[str],
    read: Callable[[str], None],
    *,
    input: IO[bytes] | None = None,
    env: Mapping[str, str] | None = None,
    stderr_only: bool = False,
) -> int:
    """Run it, hand each line to `read` as it comes, and return its exit code.

    What `read` raises, and Ctrl-C, ends the program first: SIGTERM, and as long as it takes to clear away.

    Args:
        input: what it gets for standard input; nothing otherwise.
        env: its environment, else this process's.
        stderr_only: its standard output is thrown away; otherwise both are read, in the order that they were written.
    """
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL if input is None else input,
        stdout=subprocess.DEVNULL if stderr_only else subprocess.PIPE,
        stderr=subprocess.PIPE if stderr_only else subprocess.STDOUT,
        env=env,
        text=True,
        errors="replace",
    )
    lines = process.stderr if stderr_only else process.stdout
    assert lines is not None
    try:
        for line in lines:
            read(line)
        return process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
        lines.close()
