"""Runs uv, and says in one sentence what it did not like."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from faas_builders.errors import DependencyError

Log = Callable[[str], None]


def run_uv(arguments: list[str], cwd: Path | None = None) -> str:
    """Run uv and return what it printed. Raises: DependencyError: with what uv said."""
    environment = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    command = [_uv(), *arguments]
    try:
        done = subprocess.run(
            command, cwd=cwd, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
        )
    except OSError as error:
        raise DependencyError(f"uv cannot be started: {error}") from error
    if done.returncode:
        output = done.stderr.strip()
        raise DependencyError("the dependencies could not be installed", output, _advice(output))
    return done.stdout


# What would make uv look at somebody else's environment than the one it is told.
_FOREIGN = frozenset(
    {"VIRTUAL_ENV", "CONDA_PREFIX", "UV_PYTHON", "UV_PROJECT_ENVIRONMENT", "UV_SYSTEM_PYTHON", "PYTHONPATH"}
)


def _uv() -> str:
    from uv import find_uv_bin

    return os.fspath(find_uv_bin())


def _advice(output: str) -> str:
    if "No solution found" in output:
        return "Change the versions that the project asks for"
    if "dns error" in output or "Failed to fetch" in output or "error sending request" in output:
        return "Check the connection to the package index (UV_INDEX_URL names another), and try again"
    return ""
