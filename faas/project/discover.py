"""Which functions a project declares, asked of a process that imports it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec
from faas_runtime.spec import Description, Problem

from faas.project.environment import Environment
from faas.project.errors import DiscoveryError

TIMEOUT_S = 60.0  # a module that loads a model takes its time; one that waits for input never ends

_BOOT = """
import json, runpy, sys
sys.path[:0] = json.loads(sys.argv[1])
sys.argv = ["faas_runtime.describe", *sys.argv[2:]]
runpy.run_module("faas_runtime.describe", run_name="__main__", alter_sys=True)
"""


def describe(
    root: Path, environment: Environment, *, variables: Mapping[str, str] | None = None, timeout_s: float = TIMEOUT_S
) -> Description:
    """Import the project in a process of its own and return its functions.

    Args:
        variables: the environment the user's code is imported with; the process's own when None.
    Raises: DiscoveryError: with every problem found, each with the user's own traceback.
    """
    command = [
        environment.interpreter.base,
        "-I",
        "-S",
        "-c",
        _BOOT,
        json.dumps([str(p) for p in environment.sys_path]),
    ]
    try:
        done = subprocess.run(
            [*command, str(root)],
            cwd=root,
            env={**(os.environ if variables is None else variables), "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        output = (error.stderr or b"").decode(errors="replace")
        raise DiscoveryError((_hangs(timeout_s, output),)) from error
    try:
        description = msgspec.json.decode(done.stdout.strip().rpartition(b"\n")[2], type=Description)
    except msgspec.DecodeError as error:
        raise DiscoveryError((_died(done.returncode, done.stderr.decode(errors="replace")),)) from error
    if done.stderr:
        # What the user's modules print while they are imported is for the user.
        sys.stderr.write(done.stderr.decode(errors="replace"))
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
