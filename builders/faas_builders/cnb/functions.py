"""What a project declares, asked in a process of its own: the user's modules are imported there, not here."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from faas_builders.cnb.bindings import VARIABLES
from faas_builders.errors import BuildError, StepFailed

_TIMEOUT_S = 300  # a module that imports for longer would never start in time anyway


class _Function(msgspec.Struct, frozen=True):
    target: str
    service: str


class _Problem(msgspec.Struct, frozen=True):
    message: str
    hint: str = ""
    file: str = ""
    line: int = 0
    traceback: str = ""


class _Description(msgspec.Struct, frozen=True):
    functions: tuple[_Function, ...] = ()
    errors: tuple[_Problem, ...] = ()


def find_services(app: Path, path: Sequence[Path]) -> dict[str, str]:
    """Service -> what FAAS_FUNCTION has to be for it, in the order of declaration.

    Args: path: where the runtime, the app and its dependencies are. Raises: BuildError: the project does not import,
        or declares nothing; with the user's own traceback.
    """
    # The user's code gets none of what is for uv: indexes may hold passwords.
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    environment["PYTHONPATH"] = ":".join(map(str, path))
    command = [sys.executable, "-P", "-m", "faas_runtime.describe", str(app)]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise BuildError(f"the project's modules were not imported within {_TIMEOUT_S} s", _SAY_WHICH) from error
    if done.returncode:
        raise StepFailed("reading the project", f"exit code {done.returncode}", done.stderr.strip(), _SAY_WHICH)
    description = msgspec.json.decode(done.stdout, type=_Description)
    if description.errors:
        problem = description.errors[0]
        place = f"{problem.file}:{problem.line}: " if problem.file else ""
        raise StepFailed(
            "reading the project", place + problem.message, problem.traceback.strip(), problem.hint or _SAY_WHICH
        )
    targets: dict[str, list[str]] = {}
    for function in description.functions:
        targets.setdefault(function.service, []).append(function.target)
    return {service: ",".join(names) for service, names in targets.items()}


_SAY_WHICH = "Where a build cannot import the project, say what it serves: BP_FAAS_FUNCTION=main:hello"
