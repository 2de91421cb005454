"""What a Python interpreter is, asked once and remembered until it changes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import msgspec

from faas_builders.cache import cache_dir, key_of
from faas_builders.disk import write_atomically
from faas_builders.errors import InterpreterError

MINIMUM = (3, 11)

_ASK = """
import json, os, sys, sysconfig
stdlib = {os.path.realpath(p) for p in (
    sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), sysconfig.get_config_var("DESTSHARED") or "")}
zipped = "python%d%d.zip" % sys.version_info[:2]
site = [p for p in sys.path if p and os.path.realpath(p) not in stdlib and not p.endswith((zipped, "lib-dynload"))]
print(json.dumps({
    "base": os.path.realpath(getattr(sys, "_base_executable", "") or sys.executable),
    "version": "%d.%d.%d" % sys.version_info[:3],
    "tag": sys.implementation.cache_tag or "",
    "platform": sysconfig.get_platform(),
    "is_venv": sys.prefix != sys.base_prefix,
    "site": site,
}))
"""


class Interpreter(msgspec.Struct, frozen=True, kw_only=True):
    """A Python; two with the same `abi` can run the same installed packages."""

    executable: str  # as it was named
    base: str  # the interpreter itself, outside any virtual environment
    version: str  # 3.11.7
    tag: str  # cpython-311
    platform: str  # linux-x86_64
    is_venv: bool
    site: tuple[str, ...]  # what `site` adds to sys.path: site-packages and folders named in .pth files

    @property
    def abi(self) -> str:
        return f"{self.tag}-{self.platform}"

    @property
    def minor(self) -> str:
        return ".".join(self.version.split(".")[:2])


class _Remembered(msgspec.Struct, frozen=True):
    interpreter: Interpreter
    stamps: tuple[tuple[str, int], ...]


def inspect(python: Path | str) -> Interpreter:
    """Ask `python` what it is. Warm, this reads one small file; the answer is asked again when its site changes.

    Raises: InterpreterError: it does not exist, does not start, or is older than 3.11.
    """
    executable = os.path.abspath(python)
    remembered = cache_dir() / "interpreters" / f"{key_of(executable)}.json"
    try:
        known = msgspec.json.decode(remembered.read_bytes(), type=_Remembered)
        if known.stamps == _stamps(known.interpreter):
            return known.interpreter
    except (OSError, msgspec.DecodeError):
        pass
    interpreter = _ask(executable)
    record = msgspec.json.encode(_Remembered(interpreter, _stamps(interpreter)))
    write_atomically(remembered, record, durable=False)
    return interpreter


def _ask(executable: str) -> Interpreter:
    try:
        answer = subprocess.run(
            [executable, "-I", "-c", _ASK], capture_output=True, timeout=30, check=True, stdin=subprocess.DEVNULL
        )
        interpreter = msgspec.convert({"executable": executable, **json.loads(answer.stdout)}, Interpreter)
    except FileNotFoundError:
        raise InterpreterError(executable, "it does not exist", "Name another one with --python") from None
    except subprocess.CalledProcessError as error:
        raise InterpreterError(executable, error.stderr.decode(errors="replace").strip()) from error
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        raise InterpreterError(executable, str(error)) from error
    if tuple(int(part) for part in interpreter.version.split(".")[:2]) < MINIMUM:
        raise InterpreterError(
            executable,
            f"it is Python {interpreter.version}, functions need 3.11 or newer",
            "Name another one: --python",
        )
    return interpreter


def _stamps(interpreter: Interpreter) -> tuple[tuple[str, int], ...]:
    # A folder's mtime changes when a distribution or a .pth file comes or goes.
    watched = (interpreter.executable, interpreter.base, *interpreter.site)
    return tuple((path, _mtime_ns(path)) for path in watched)


def _mtime_ns(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return -1
