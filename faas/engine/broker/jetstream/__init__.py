"""Logs kept by NATS JetStream: `log`'s Protocols over nats-py. What is read or written elsewhere is not known here.

A Broker has three streams: its events, its dead letters (a subject for each named stream) and its triggers' cursors
(a subject for each trigger, the newest value of each). `naming` says what they are called, `records` what is in them.
"""

from faas.engine.broker.jetstream.connection import NatsConnection, NatsServer, server_of
from faas.engine.broker.jetstream.logs import JetStreamLogs, running_logs

__all__ = ["JetStreamLogs", "NatsConnection", "NatsServer", "running_logs", "server_of"]
