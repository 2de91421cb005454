"""The public names of faas, for handlers: ``from faas import function``."""

from faas_runtime import *  # noqa: F403
from faas_runtime import __all__ as __all__
