"""Which Pythons this machine has: one of the image's minor compiles its modules and builds its sdists."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec

from faas_builders.cache import cache_dir, key_of
from faas_builders.deps.interpreter import Interpreter, inspect
from faas_builders.deps.uv import run_uv
from faas_builders.disk import write_atomically
from faas_builders.errors import DependencyError, InterpreterError


def builder_python() -> Interpreter:
    """The Python that runs us."""
    return inspect(sys.executable)


def local_python(minor: str, project: Path | None = None) -> Interpreter | None:
    """A Python `minor` (3.12) of this machine: ours, the one of the project's .venv, or one that uv finds.

    Nothing is downloaded. What was found is remembered until the search path or the interpreter changes.
    """
    candidates = [Path(sys.executable)]
    if project is not None:
        candidates.append(project / ".venv" / "bin" / "python")
    for candidate in candidates:
        if (found := _inspected(candidate, minor)) is not None:
            return found
    path = _search_path()
    remembered = cache_dir() / "interpreters" / f"find-{key_of(minor, path, *_stamps(path))}.json"
    try:
        known = msgspec.json.decode(remembered.read_bytes(), type=str)
        if not known or (found := _inspected(Path(known), minor)) is not None:
            return found if known else None
    except (OSError, msgspec.DecodeError):
        pass
    found = _search(minor, path)
    write_atomically(remembered, msgspec.json.encode(found.executable if found else ""), durable=False)
    return found


def _search(minor: str, path: str) -> Interpreter | None:
    try:
        output = run_uv(
            ["python", "find", "--no-python-downloads", "--no-project", "--system", minor], environment={"PATH": path}
        )
    except DependencyError:
        return None
    return _inspected(Path(output.strip()), minor)


def _inspected(python: Path, minor: str) -> Interpreter | None:
    if not python.exists():
        return None
    try:
        interpreter = inspect(python)
    except InterpreterError:
        return None
    # By its tag: PyPy, or one without the GIL, makes other bytecode and other extensions.
    return interpreter if interpreter.tag == f"cpython-{minor.replace('.', '')}" else None


def _search_path() -> str:
    """PATH with pyenv's interpreters in place of its shims: a shim of a version that is not active ends uv's search."""
    folders = [folder for folder in os.environ.get("PATH", "").split(os.pathsep) if not folder.endswith("/shims")]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    folders += [str(folder) for folder in sorted(pyenv.glob("versions/*/bin"), reverse=True)]
    return os.pathsep.join(dict.fromkeys(folders))


def _stamps(path: str) -> list[str]:
    """When something came to or went from a folder of the search path."""
    stamps = []
    for folder in path.split(os.pathsep):
        try:
            stamps.append(str(os.stat(folder).st_mtime_ns))
        except OSError:
            stamps.append("")
    return stamps
