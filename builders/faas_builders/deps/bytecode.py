"""Compile modules once, so that no instance has to."""

from __future__ import annotations

import contextlib
import json
import os
import py_compile
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from faas_builders.cache import cache_dir, cached, key_of
from faas_builders.deps.interpreter import Interpreter
from faas_builders.errors import BuildError
from faas_builders.files import ProjectFile

# Folders that get content under a fixed mtime need no check of it; and imports then save a stat for each module.
_MODE = "unchecked-hash"

_FORMAT = "1"  # part of every key: raise it when the same sources come to give other bytes


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


def compile_files(files: Iterable[ProjectFile], interpreter: Interpreter, prefix: str) -> list[ProjectFile]:
    """The bytecode of the modules among `files`, as more files for the same layer; the same sources, the same bytes.

    Args:
        interpreter: of the minor that will import it.
        prefix: where the files will lie inside the image (/app): tracebacks name their sources there.
    Returns: nothing for what does not compile, which the import will complain about. Warm, no process is started.
    Raises: BuildError: the interpreter does not start.
    """
    modules = sorted((file for file in files if _is_module(file)), key=lambda file: file.path)
    if not modules:
        return []
    contents = [part for file in modules for part in (file.path.encode(), file.source.read_bytes())]
    key = key_of(_FORMAT, interpreter.abi, interpreter.version, prefix, *contents)

    def fill(folder: Path) -> None:
        _compile(
            [(file.source, folder / _pyc(file.path, interpreter), file.path) for file in modules], interpreter, prefix
        )

    made = cached(cache_dir() / "bytecode" / key, fill)
    compiled = ((path, made / path) for path in (_pyc(file.path, interpreter) for file in modules))
    return [ProjectFile(path, source) for path, source in compiled if source.exists()]


def compile_folder(folder: Path, interpreter: Interpreter, prefix: str) -> None:
    """Write bytecode beside the sources of a folder that will be at `prefix` inside the image.

    Raises: BuildError: the interpreter does not start.
    """
    sources = sorted(path for path in folder.rglob("*.py") if path.is_file() and not path.is_symlink())
    paths = [source.relative_to(folder).as_posix() for source in sources]
    jobs = [(folder / path, folder / _pyc(path, interpreter), path) for path in paths]
    _compile(jobs, interpreter, prefix)


def _is_module(file: ProjectFile) -> bool:
    return file.path.endswith(".py") and not file.link


def _pyc(path: str, interpreter: Interpreter) -> str:
    folder, _, name = path.rpartition("/")
    compiled = f"__pycache__/{name.removesuffix('.py')}.{interpreter.tag}.pyc"
    return f"{folder}/{compiled}" if folder else compiled


# What marshal writes depends on the order of hashes and on which names are in use already: hence one process, started
# the same way each time, and the files in their order.
_COMPILE = """
import json, py_compile, sys
mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
for source, compiled, name in json.load(sys.stdin):
    try:
        py_compile.compile(source, compiled, name, doraise=True, quiet=2, invalidation_mode=mode)
    except (py_compile.PyCompileError, OSError, ValueError, RecursionError, MemoryError):
        pass
"""


def _compile(jobs: Sequence[tuple[Path, Path, str]], interpreter: Interpreter, prefix: str) -> None:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    named = [(str(source), str(compiled), f"{prefix.rstrip('/')}/{path}") for source, compiled, path in jobs]
    try:
        # Not -I: it would leave out PYTHONHASHSEED.
        subprocess.run(
            [interpreter.base, "-s", "-S", "-P", "-B", "-W", "ignore", "-c", _COMPILE],
            input=json.dumps(named),
            env={**variables, "PYTHONHASHSEED": "0"},
            text=True,
            capture_output=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        said = error.stderr.strip() if isinstance(error, subprocess.CalledProcessError) else str(error)
        raise BuildError(f"{interpreter.base} cannot compile modules: {said}") from error
