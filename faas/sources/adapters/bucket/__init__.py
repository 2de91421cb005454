"""The adapter of buckets: `listing` or `receiver` finds what has changed, and `adapter` puts the parts together."""

from faas.sources.adapters.bucket.adapter import Options, run

__all__ = ["Options", "run"]
