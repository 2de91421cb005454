"""Which base an image gets and which Python, and what made it so."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from faas_builders.builder import BuildRequest
from faas_builders.deps.interpreter import MINIMUM
from faas_builders.deps.python_version import allows, pinned_minor
from faas_builders.deps.requirements import read_pyproject
from faas_builders.errors import BuildError

DEFAULT_BASE = "docker.io/library/python:{minor}-slim"
_KNOWN = ("3.14", "3.13", "3.12", "3.11")  # with an image under the default name, the newest first


@dataclass(frozen=True, slots=True)
class BaseChoice:
    reference: str
    why: str
    python: str  # the minor that is wanted; "": whichever the base has
    python_why: str


def choose_base(request: BuildRequest) -> BaseChoice:
    """The base of the request, or the default one for the Python that request, project and machine suggest.

    Raises: BuildError: no Python that functions run on is left.
    """
    if request.base:
        if not request.python_version:
            return BaseChoice(request.base, "asked for", "", "what the base has")
        return BaseChoice(request.base, "asked for", _minor(request.python_version), "asked for")
    minor, why = _choose_minor(request)
    return BaseChoice(DEFAULT_BASE.format(minor=minor), f"the default for Python {minor}", minor, why)


def required_python(project: Path) -> str:
    """`requires-python` of pyproject.toml, "" without one."""
    return str(read_pyproject(project).get("project", {}).get("requires-python", ""))


def _choose_minor(request: BuildRequest) -> tuple[str, str]:
    if request.python_version:
        return _minor(request.python_version), "asked for"
    if pinned := pinned_minor(request.project):
        return _minor(pinned, " in .python-version"), ".python-version says so"
    required = required_python(request.project)
    local, whose = _local(request.project)
    if allows(required, local):
        return local, f"{whose}, and requires-python ({required}) takes it" if required else whose
    for minor in _KNOWN:
        if allows(required, minor):
            return minor, f"the newest that requires-python ({required}) takes; {whose} is {local}"
    raise BuildError(
        f"no Python that functions run on ({_KNOWN[-1]} to {_KNOWN[0]}) is one that the project takes: "
        f"requires-python is {required}",
        "Widen requires-python in pyproject.toml, or name a base with --base",
    )


def _local(project: Path) -> tuple[str, str]:
    """The minor of the Python that the project has on this machine, else of the one that runs this."""
    try:
        settings = (project / ".venv" / "pyvenv.cfg").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        settings = ""
    stated = re.search(r"^version(?:_info)?\s*=\s*(3\.\d+)", settings, re.MULTILINE)
    if stated and _number(stated[1]) >= MINIMUM:
        return stated[1], "the Python of the project's .venv"
    return f"{sys.version_info[0]}.{sys.version_info[1]}", "this machine's Python"


def _minor(text: str, where: str = "") -> str:
    match = re.fullmatch(r"(\d+\.\d+)(?:\.\d+)?", text.strip())
    if match is None:
        raise BuildError(f"{text!r}{where} is no version of Python", "Write it as 3.12")
    if _number(match[1]) < MINIMUM:
        raise BuildError(f"Python {match[1]}{where} is too old: functions need 3.11 or newer", "Take a newer one")
    return match[1]


def _number(minor: str) -> tuple[int, ...]:
    return tuple(int(part) for part in minor.split("."))
