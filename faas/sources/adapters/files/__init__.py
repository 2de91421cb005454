"""The adapter of watched folders; what has become of a file is decided in `folder`."""

from faas.sources.adapters.files.adapter import Options, run

__all__ = ["Options", "run"]
