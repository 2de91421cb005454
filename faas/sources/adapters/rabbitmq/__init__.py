"""The adapter of RabbitMQ; `queues` finds the queue, or makes it."""

from faas.sources.adapters.rabbitmq.adapter import Options, run

__all__ = ["Options", "run"]
