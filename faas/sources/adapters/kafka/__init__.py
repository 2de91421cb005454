"""The adapter of Kafka's topics; `partitions` reads them, each by a task of its own."""

from faas.sources.adapters.kafka.adapter import Options, run

__all__ = ["Options", "run"]
