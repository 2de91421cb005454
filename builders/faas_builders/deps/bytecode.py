"""Compile modules once, so that no instance has to."""

from __future__ import annotations

import contextlib
import os
import py_compile
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from faas_builders.cache import cache_dir, cached, key_of
from faas_builders.deps.interpreter import Interpreter
from faas_builders.errors import BuildError
from faas_builders.files import ProjectFile
from faas_builders.processors import processors

FORMAT = "3"
"""Part of the key of what holds bytecode: raise it when the same sources come to give other bytes."""

_Job = tuple[Path, Path, str]
"""A source, where its bytecode goes, and its path in the image."""


def compile_tree(folder: Path, interpreter: Interpreter) -> None:
    """Write .pyc files beside the sources. What does not compile is left for the import to complain about."""
    jobs = _jobs(folder, interpreter)
    if interpreter.tag == sys.implementation.cache_tag and len(jobs) <= _IN_PROCESS:
        for source, _, _ in jobs:
            with contextlib.suppress(py_compile.PyCompileError, OSError, ValueError):
                mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
                py_compile.compile(str(source), doraise=True, quiet=2, invalidation_mode=mode)
        return
    with contextlib.suppress(BuildError):
        _compile(jobs, interpreter, str(folder))


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
    key = key_of(FORMAT, interpreter.abi, interpreter.version, prefix, *contents)

    def fill(folder: Path) -> None:
        _compile(
            [(file.source, folder / _pyc(file.path, interpreter), file.path) for file in modules], interpreter, prefix
        )

    made = cached(cache_dir() / "bytecode" / key, fill)
    compiled = ((path, made / path) for path in (_pyc(file.path, interpreter) for file in modules))
    return [ProjectFile(path, source) for path, source in compiled if source.exists()]


def compile_folder(folder: Path, interpreter: Interpreter, prefix: str) -> None:
    """Write bytecode beside the sources of installed packages that will be at `prefix` inside the image.

    Their own tests, a tenth of all and half of some packages, get none: no function imports them.
    Raises: BuildError: the interpreter does not start.
    """
    jobs = [job for job in _jobs(folder, interpreter) if "tests" not in job[2].split("/")[:-1]]
    _compile(jobs, interpreter, prefix)


def _jobs(folder: Path, interpreter: Interpreter) -> list[_Job]:
    sources = sorted(path for path in folder.rglob("*.py") if path.is_file() and not path.is_symlink())
    paths = [source.relative_to(folder).as_posix() for source in sources]
    return [(folder / path, folder / _pyc(path, interpreter), path) for path in paths]


def _is_module(file: ProjectFile) -> bool:
    return file.path.endswith(".py") and not file.link


def _pyc(path: str, interpreter: Interpreter) -> str:
    folder, _, name = path.rpartition("/")
    compiled = f"__pycache__/{name.removesuffix('.py')}.{interpreter.tag}.pyc"
    return f"{folder}/{compiled}" if folder else compiled


# What marshal writes depends on the order of hashes, and on which names are in use already. Hence hashes begin the same
# way each time, and each group is compiled by a copy of a process that has compiled nothing: neither what else there is
# to compile, nor how many processes share it, changes a byte.
_COMPILE = """
import errno, gc, importlib.util, marshal, os, sys  # and nothing else: it is started for each save of a file

HEADER = importlib.util.MAGIC_NUMBER + (0b01).to_bytes(4, "little")  # by hash, unchecked: imports save a stat for each

def work(group):
    for source, compiled, name in group:
        try:
            with open(source, "rb") as file:
                data = file.read()
            code = marshal.dumps(compile(data, name, "exec", dont_inherit=True))
        except Exception:
            continue
        try:
            os.makedirs(os.path.dirname(compiled), exist_ok=True)
            with open(compiled, "wb") as file:
                file.write(HEADER + importlib.util.source_hash(data) + code)
        except OSError as error:
            if os.path.lexists(compiled):
                os.unlink(compiled)
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise

def end_one():
    global running, failed
    running -= 1
    failed = os.waitstatus_to_exitcode(os.wait()[1]) or failed

running = failed = 0
groups = [group.split("\\0") for group in os.fsdecode(sys.stdin.buffer.read()).split("\\0\\0")]
gc.disable()
for group in groups:
    if running == int(sys.argv[1]):
        end_one()
    if os.fork() == 0:
        try:
            work(zip(group[::3], group[1::3], group[2::3]))
            os._exit(0)
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
    running += 1
while running:
    end_one()
if failed:
    sys.exit(f"ended with {failed}")
"""


def _compile(jobs: Sequence[_Job], interpreter: Interpreter, prefix: str) -> None:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    named = ["\0".join((*map(str, job[:2]), f"{prefix.rstrip('/')}/{job[2]}")) for job in jobs]
    groups = ["\0".join(named[first:end]) for first, end in _groups([path for _, _, path in jobs])]
    if not groups:
        return
    try:
        # Not -I: it would leave out PYTHONHASHSEED.
        subprocess.run(
            [interpreter.base, "-s", "-S", "-P", "-B", "-W", "ignore", "-c", _COMPILE, str(processors())],
            input=os.fsencode("\0\0".join(groups)),
            env={**variables, "PYTHONHASHSEED": "0"},
            capture_output=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        said = (
            error.stderr.decode(errors="replace").strip()
            if isinstance(error, subprocess.CalledProcessError)
            else str(error)
        )
        raise BuildError(f"{interpreter.base} cannot compile modules: {said}") from error


def _groups(paths: Sequence[str]) -> Iterator[tuple[int, int]]:
    """From where to where: modules of one package, few enough that the groups take about as long as each other."""
    first = 0
    for at in range(1, len(paths) + 1):
        if at == len(paths) or at - first == _GROUP or _package(paths[at]) != _package(paths[first]):
            yield first, at
            first = at


_GROUP = 32  # modules; some 80 ms


def _package(path: str) -> str:
    return path.partition("/")[0]
