"""From what a project declares to folders of installed packages.

- `requirements`: what is declared, not yet resolved; `resolution` makes pins of it, `installation` a folder of those
- `runtime`: faas_runtime and what it needs, as a folder; `runtime_requirements` says what that is
- `interpreter`: what a Python is; `bytecode` compiles for it; `uv` runs uv

Knows nothing of images.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from faas_builders.deps.installation import install
    from faas_builders.deps.interpreter import Interpreter, inspect
    from faas_builders.deps.requirements import Requirements, find_requirements
    from faas_builders.deps.resolution import resolve
    from faas_builders.deps.runtime import OWN, runtime_layer

__all__ = ["OWN", "Interpreter", "Requirements", "find_requirements", "inspect", "install", "resolve", "runtime_layer"]

_HOMES = {
    "Interpreter": "interpreter",
    "OWN": "runtime",
    "Requirements": "requirements",
    "find_requirements": "requirements",
    "inspect": "interpreter",
    "install": "installation",
    "resolve": "resolution",
    "runtime_layer": "runtime",
}


def __getattr__(name: str) -> Any:
    """Imported when asked for: the engine only reads images, and starts sooner without what resolves requirements."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
