"""Whose Python: the interpreter and the folders that a project's functions see, and nothing of the toolkit's."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from faas_builders.deps import OWN, Interpreter, find_requirements, inspect, install, resolve, runtime_layer
from faas_builders.deps.python_version import allows
from faas_builders.deps.pythons import local_python
from faas_builders.deps.uv import Log
from faas_builders.errors import InterpreterError
from faas_builders.oci.image_layers import app_paths

from faas.project.errors import PythonNotFound
from faas.project.pyproject.settings import Settings

Origin = Literal["--python", ".venv", "VIRTUAL_ENV", "cached", "image"]


@dataclass(frozen=True, slots=True)
class Environment:
    """An interpreter, to be started isolated (-I -S), and the sys.path to give it."""

    interpreter: Interpreter
    sys_path: tuple[Path, ...]
    origin: Origin
    text: str  # one line for the user
    warnings: tuple[str, ...] = field(default=())

    @property
    def python(self) -> Path:
        return Path(self.interpreter.base)


def toolkit_python() -> Interpreter:
    """The interpreter outside of any virtual environment that runs this toolkit: the engine's, and so images'."""
    return inspect(sys.executable)


def choose_environment(
    settings: Settings, *, python: Path | None, variables: Mapping[str, str], log: Log = lambda line: None
) -> Environment:
    """Find the Python of a project for `faas run`.

    In this order: `python` (the flag), the project's .venv, the active virtual environment unless it is the toolkit's
    own, else what uv makes from the project's lock or requirements. Warm, no process is started.
    Raises: PythonNotFound; faas_builders' BuildError when dependencies do not install.
    """
    candidates: list[tuple[Origin, Path]] = []
    if python is not None:
        candidates.append(("--python", python))
    candidates.append((".venv", settings.root / ".venv" / "bin" / "python"))
    if active := variables.get("VIRTUAL_ENV"):
        candidates.append(("VIRTUAL_ENV", Path(active) / "bin" / "python"))
    for origin, path in candidates:
        if origin != "--python" and (not path.exists() or _is_toolkit(path)):
            continue
        interpreter = _inspect(path)
        if not interpreter.is_venv:
            return _made(settings, interpreter, origin, log)
        site = tuple(Path(entry) for entry in interpreter.site)
        text = f"Python {interpreter.version} of {_shown(path.parent.parent)}"
        return Environment(interpreter, _sys_path(settings, interpreter, site), origin, text, _warnings(interpreter))
    return _made(settings, _fitting(settings), "cached", log)


def image_environment(
    settings: Settings,
    *,
    python: Path | None = None,
    version: str = "",
    groups: Iterable[str] = (),
    log: Log = lambda line: None,
) -> Environment:
    """What the functions see inside an image with base host: its Python, and only what the project declares.

    Args: as `image_interpreter` and `environment_with`. Raises: as `choose_environment`.
    """
    return environment_with(settings, image_interpreter(settings, python=python, version=version), groups, log)


def image_interpreter(settings: Settings, *, python: Path | None = None, version: str = "") -> Interpreter:
    """The Python of this machine for a project's images.

    Args: python, version: which one, by its path or as 3.12; else one that the project takes.
    Raises: PythonNotFound.
    """
    if python is not None:
        return _inspect(python)
    if not version:
        return _fitting(settings)
    found = local_python(version, settings.root)
    if found is None:
        raise PythonNotFound(
            f"there is no Python {version} on this machine", "Install one, or name an interpreter with --python"
        )
    return found


def environment_with(
    settings: Settings, interpreter: Interpreter, groups: Iterable[str] = (), log: Log = lambda line: None
) -> Environment:
    """What the functions of an image see with this Python.

    Args: groups: dependency groups that they need besides those of the settings.
    Raises: faas_builders' BuildError.
    """
    return _made(settings, interpreter, "image", log, groups, compiled=False)


def _made(
    settings: Settings,
    interpreter: Interpreter,
    origin: Origin,
    log: Log,
    groups: Iterable[str] = (),
    *,
    compiled: bool = True,
) -> Environment:
    requirements = find_requirements(settings.root, groups={*settings.build.groups, *groups})
    pins = resolve(requirements, interpreter, log)
    site = (install(pins, interpreter, log, compiled=compiled),) if pins else ()
    text = f"Python {interpreter.version} at {_shown(Path(interpreter.base))}, {requirements.origin}"
    warnings = _warnings(interpreter) if origin != "image" else ()
    return Environment(interpreter, _sys_path(settings, interpreter, site), origin, text, warnings)


def _sys_path(settings: Settings, interpreter: Interpreter, site: tuple[Path, ...]) -> tuple[Path, ...]:
    # The same order as in an image: see faas_builders.oci.image_layers.
    runtime = runtime_layer(interpreter.base)
    app = tuple(settings.root if path == "." else settings.root / path for path in app_paths(settings.root))
    return (runtime / OWN, *app, *site, runtime)


def _is_toolkit(python: Path) -> bool:
    """Whether this is the environment that the toolkit itself runs in; its packages are no function's business."""
    return os.path.realpath(python.parent.parent) == os.path.realpath(sys.prefix)


def _inspect(python: Path) -> Interpreter:
    try:
        return inspect(python)
    except InterpreterError as error:
        raise PythonNotFound(error.message, error.hint) from error


def _fitting(settings: Settings) -> Interpreter:
    """The toolkit's interpreter when the project takes it, else another one of this machine."""
    own = toolkit_python()
    if not settings.requires_python or allows(settings.requires_python, own.version):
        return own
    from faas_builders.deps.uv import run_uv
    from faas_builders.errors import DependencyError

    try:
        found = run_uv(
            ["python", "find", "--no-python-downloads", "--no-project", "--system", settings.requires_python]
        )
    except DependencyError as error:
        raise PythonNotFound(
            f"the project requires Python {settings.requires_python}, this machine has {own.version}",
            "Install such a Python, or name it with --python",
        ) from error
    return _inspect(Path(found.strip()))


def _warnings(interpreter: Interpreter) -> tuple[str, ...]:
    image = toolkit_python()
    if interpreter.minor == image.minor:
        return ()
    return (
        f"functions run on Python {interpreter.minor} here, an image from `faas deploy` has {image.minor}; "
        f"name the same one:  faas deploy --python {interpreter.base}",
    )


def _shown(path: Path) -> str:
    try:
        return f"~/{path.relative_to(Path.home())}"
    except ValueError:
        return str(path)
