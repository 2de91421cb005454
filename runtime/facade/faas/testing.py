"""`from faas.testing import Client`: functions in a test, without a server."""

from faas_runtime.testing import *  # noqa: F403
from faas_runtime.testing import __all__ as __all__
