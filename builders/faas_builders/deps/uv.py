"""Runs uv."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from faas_builders.deps.credentials import without_credentials
from faas_builders.deps.failures import explain
from faas_builders.errors import DependencyError

Log = Callable[[str], None]

_finding = threading.Lock()

# What would make uv look at somebody else's environment than the one it is told, or install for another platform.
_FOREIGN = frozenset(
    {
        "CONDA_PREFIX", "PYTHONHOME", "PYTHONPATH", "UV_COMPILE_BYTECODE", "UV_FROZEN", "UV_LOCKED", "UV_NO_EDITABLE",
        "UV_PROJECT", "UV_PROJECT_ENVIRONMENT", "UV_PYTHON", "UV_REQUIRE_HASHES", "UV_SYSTEM_PYTHON", "UV_WORKING_DIR",
        "VIRTUAL_ENV",
    }
)  # fmt: skip


def run_uv(
    arguments: Sequence[str],
    cwd: Path | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    destination: str = "",
) -> str:
    """Run uv and return what it printed.

    Args: environment: more variables; credentials go this way, which other users of the machine do not see.
        destination: what the packages are for, in words.
    Raises: DependencyError: with what uv said, without credentials.
    """
    variables = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    # Debug information names the folder in which an extension was compiled, another one each time. CFLAGS would take
    # the place of what Python itself was compiled with, this is added to it.
    variables["CPPFLAGS"] = f"{variables.get('CPPFLAGS', '')} -g0".lstrip()
    try:
        done = subprocess.run(
            [_uv(), *arguments],
            cwd=cwd,
            env={**variables, **(environment or {})},
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except OSError as error:
        raise DependencyError(f"uv cannot be started: {error}") from error
    if done.returncode:
        raise explain(without_credentials(done.stderr.strip()), destination)
    return done.stdout


def _uv() -> str:
    """Where uv is; one thread at a time, since it asks `sysconfig`, which in its first moments knows half of itself."""
    from uv import find_uv_bin

    with _finding:
        return os.fspath(find_uv_bin())
