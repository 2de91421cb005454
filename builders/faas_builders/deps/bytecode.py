"""Compile a folder once, so that no instance has to."""

from __future__ import annotations

import contextlib
import py_compile
import subprocess
import sys
from pathlib import Path

from faas_builders.deps.interpreter import Interpreter

# Folders that get content under a fixed mtime need no check of it; and imports then save a stat for each module.
_MODE = "unchecked-hash"


def compile_tree(folder: Path, interpreter: Interpreter) -> None:
    """Write .pyc files beside the sources. What does not compile is left for the import to complain about."""
    if interpreter.tag == sys.implementation.cache_tag:
        sources = [path for path in folder.rglob("*.py") if not path.is_symlink()]
        if len(sources) <= _IN_PROCESS:
            for path in sources:
                with contextlib.suppress(py_compile.PyCompileError, OSError, ValueError):
                    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
                    py_compile.compile(str(path), doraise=True, quiet=2, invalidation_mode=mode)
            return
    command = [
        interpreter.base,
        "-I",
        "-S",
        "-m",
        "compileall",
        "-q",
        "-j",
        "0",
        "--invalidation-mode",
        _MODE,
        str(folder),
    ]
    subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)


_IN_PROCESS = 60  # sources; about 2 ms each, while a process of its own costs 100 ms to start
