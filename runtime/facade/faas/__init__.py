"""The public names of faas, for handlers: ``from faas import function``. Looked up only when asked for."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faas_runtime import *  # noqa: F403
    from faas_runtime import __all__ as __all__


def __getattr__(name: str) -> object:
    import faas_runtime

    try:
        return getattr(faas_runtime, name)
    except AttributeError:
        raise AttributeError(f"module 'faas' has no attribute {name!r}") from None
