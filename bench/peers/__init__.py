"""The frameworks we measure beside, each in an environment of its own (their requirements contradict each other)."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def python_of(peer: str) -> Path:
    """The interpreter of `functions_framework` or `func_python`'s environment, made when it is missing."""
    lock = HERE / f"{peer}.txt"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    home = cache / "faas-bench" / f"{peer}-{digest}"
    python = home / "bin" / "python"
    if not (home / ".complete").exists():
        uv = Path(sys.executable).with_name("uv")
        subprocess.run([uv, "venv", "-q", "--clear", "--python", sys.executable, home], check=True)
        subprocess.run([uv, "pip", "install", "-q", "--python", python, "--require-hashes", "-r", lock], check=True)
        (home / ".complete").touch()
    return python
