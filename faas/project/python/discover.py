"""Which functions a project declares, asked of a process that imports it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from faas_runtime.declaring.spec import Description, Problem

from faas.project.errors import DiscoveryError
from faas.project.python.environment import Environment

TIMEOUT_S = 60.0  # a module that loads a model takes its time; one that waits for input never ends

# Everything of ours is imported before the word to go comes; only then is the project looked at.
_BOOT = """
import json, os, sys
sys.path[:0] = json.loads(sys.argv[1])
from faas_runtime import describe
if not sys.stdin.buffer.read(1):
    os._exit(0)
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
code = describe.main(sys.argv[2:])
sys.stderr.flush()
os._exit(code)  # not held up by threads that the user's import has started
"""


def describe(
    root: Path, environment: Environment, *, variables: Mapping[str, str] | None = None, timeout_s: float = TIMEOUT_S
) -> Description:
    """Import the project in a process of its own and return its functions.

    Args:
        variables: the environment the user's code is imported with; the process's own when None.
    Raises: DiscoveryError: with every problem found, each with the user's own traceback.
    """
    return Describer(root, environment, variables=variables).ask(timeout_s=timeout_s)()


class Describer:
    """Asks for a project's functions again and again; `warm` has a process ready that only the project is missing in.

    That takes what our own imports cost out of a reload. A warm process ends with this one, or with `close`.
    """

    def __init__(self, root: Path, environment: Environment, *, variables: Mapping[str, str] | None = None) -> None:
        self.root, self.environment, self._variables = root, environment, variables
        self._next: subprocess.Popen[bytes] | None = None
        self._begun = False

    def warm(self) -> None:
        """Have the process for the next question ready."""
        if self._next is None:
            self._next, self._begun = self._start(), False

    def begin(self) -> None:
        """Have the project imported as it is now; the next `ask` is about this."""
        self._begin()

    def ask(self, *, timeout_s: float = TIMEOUT_S) -> Callable[[], Description]:
        """Have the project imported, unless `begin` did. What is returned waits for the answer, as `describe` does."""
        process, self._next = self._begin(), None
        return lambda: _answer(process, self.root, timeout_s)

    def _begin(self) -> subprocess.Popen[bytes]:
        if self._next is None:
            self._next, self._begun = self._start(), False
        if not self._begun:
            _say_go(self._next)
            self._begun = True
        return self._next

    def close(self) -> None:
        process, self._next = self._next, None
        if process is not None:
            process.kill()
            process.communicate()

    def _start(self) -> subprocess.Popen[bytes]:
        sys_path = json.dumps([str(path) for path in self.environment.sys_path])
        return subprocess.Popen(
            [self.environment.interpreter.base, "-I", "-S", "-c", _BOOT, sys_path, str(self.root)],
            cwd=self.root,
            env={**(os.environ if self._variables is None else self._variables), "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )


def _say_go(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):  # it died; the answer will say how
        process.stdin.write(b"!")
        process.stdin.flush()


def _answer(process: subprocess.Popen[bytes], root: Path, timeout_s: float) -> Description:
    try:
        stdout, stderr = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired as error:
        process.kill()
        _, stderr = process.communicate()
        raise DiscoveryError((_hangs(timeout_s, stderr.decode(errors="replace")),)) from error
    output = stderr.decode(errors="replace")
    try:
        description = msgspec.json.decode(stdout.strip().rpartition(b"\n")[2], type=Description)
    except msgspec.DecodeError as error:
        raise DiscoveryError((_died(process.returncode, output),)) from error
    if output:
        # What the user's modules print while they are imported is for the user.
        sys.stderr.write(output)
    if description.errors:
        raise DiscoveryError(description.errors)
    if not description.functions:
        raise DiscoveryError((_nothing(root, description),))
    return description


def _hangs(timeout_s: float, output: str) -> Problem:
    return Problem(
        message=f"importing the project did not end within {timeout_s:g} s",
        hint="Move what waits or computes out of the modules' top level, into @function.on_start",
        traceback=output,
    )


def _died(code: int, output: str) -> Problem:
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    return Problem(
        message=f"the process that imports the project {how}",
        hint="A module exits or crashes while it is imported",
        traceback=output,
    )


def _nothing(root: Path, description: Description) -> Problem:
    looked = ", ".join(description.modules) or "no module"
    return Problem(
        message=f"{root} declares no function (imported: {looked})",
        hint="Decorate a handler:  from faas import function",
    )
