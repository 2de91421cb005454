"""One module an adapter, or a folder where it has parts; found by its name, and not imported before it is asked for.

It has `Options`, a msgspec struct of its fields in FAAS_SOURCE, `async def run(source)`, and `retire(source)` where it
makes something upstream that has to go with the source.
"""

from __future__ import annotations

import importlib
import pkgutil
from difflib import get_close_matches
from typing import cast

from faas.sources.errors import ConfigurationError
from faas.sources.source import Adapter


def names() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def find(name: str) -> Adapter:
    """Raises: ConfigurationError: there is none of this name, or the library it needs is not installed."""
    known = names()
    if name not in known:
        close = get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there is {', '.join(known)}"
        raise ConfigurationError(f"there is no adapter {name!r}; {hint}")
    try:
        return cast(Adapter, importlib.import_module(f"{__name__}.{name}"))
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("faas"):
            raise
        raise ConfigurationError(
            f"the adapter {name} needs {error.name}, which is not installed: pip install 'faas[{name}]'"
        ) from None
