"""From what a project declares to folders of installed packages, for this machine's Python or for any other.

    where = Target(Platform.parse("linux/arm64"), "3.12", "glibc", (2, 36), "/usr/local/bin/python3.12")
    declared = find_requirements(project, groups=("worker",), extras=("redis",))
    pins = resolve(declared, where, print)                  # exact versions; None: nothing to install
    folder = install(pins, where, print) if pins else None
    layer = runtime_layer(where)

`where` is an `Interpreter` of this machine (`inspect(path)`), or a `Target`. A folder for a target holds bytecode for
its place in an image (`DEPS_FOLDER`, `RUNTIME_FOLDER`) when a Python of the same minor is here (`local_python`), and
console scripts that start the image's Python; `compile_files` makes such bytecode for other files. All of it is
remembered by content below `cache_dir()`: warm, no process is started.

- `requirements`: which files declare something; `pyproject`, `requirements_files`, `pylock`, `workspace` read them
- `agreement`: whether those files contradict each other; `python_version`: whether they take this Python
- `resolution`: pins, with uv; `installation`: a folder of those; `native`: whether its extensions work there
- `destination`: a `where` in uv's words; `interpreter`, `pythons`: what a Python is, and which this machine has
- `runtime`: faas_runtime and what it needs, as a folder; `runtime_requirements` says what that is
- `uv` runs uv, `failures` explains what it did not like; `indexes`, `credentials`: where it looks, and as whom

Knows nothing of images.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from faas_builders.deps.bytecode import compile_files
    from faas_builders.deps.installation import DEPS_FOLDER, install
    from faas_builders.deps.interpreter import Interpreter, inspect
    from faas_builders.deps.pyproject import read_pyproject
    from faas_builders.deps.python_version import allows, pinned_minor
    from faas_builders.deps.pythons import local_python
    from faas_builders.deps.requirements import Requirements, find_requirements
    from faas_builders.deps.resolution import resolve
    from faas_builders.deps.runtime import OWN, RUNTIME_FOLDER, runtime_layer

__all__ = [
    "DEPS_FOLDER",
    "OWN",
    "RUNTIME_FOLDER",
    "Interpreter",
    "Requirements",
    "allows",
    "compile_files",
    "find_requirements",
    "inspect",
    "install",
    "local_python",
    "pinned_minor",
    "read_pyproject",
    "resolve",
    "runtime_layer",
]

_HOMES = {
    "DEPS_FOLDER": "installation",
    "Interpreter": "interpreter",
    "OWN": "runtime",
    "RUNTIME_FOLDER": "runtime",
    "Requirements": "requirements",
    "allows": "python_version",
    "compile_files": "bytecode",
    "find_requirements": "requirements",
    "inspect": "interpreter",
    "install": "installation",
    "local_python": "pythons",
    "pinned_minor": "python_version",
    "read_pyproject": "pyproject",
    "resolve": "resolution",
    "runtime_layer": "runtime",
}


def __getattr__(name: str) -> Any:
    """Imported when asked for: the engine only reads images, and starts sooner without what resolves requirements."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
