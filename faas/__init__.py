"""The public names of faas, for handlers: ``from faas import function``. Loaded when first asked for."""

from typing import TYPE_CHECKING, Any

import faas_runtime
from faas_runtime import __all__ as __all__

if TYPE_CHECKING:
    from faas_runtime import *  # noqa: F403


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    value = globals()[name] = getattr(faas_runtime, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
