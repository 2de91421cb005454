"""Events in: CloudEvents over HTTP/1.1, answered 202 when they are stored and not before.

`requests` says what a request is, `answers` what is said to it, both functions of values; `parsing` and `connection`
are a connection's two halves, and `door` is what all connections share. Knows Brokers as something to publish to.

Source: CloudEvents HTTP protocol binding 1.0.2; knative/eventing 1.22, pkg/broker/ingress.
"""

from faas.engine.broker.ingress.connection import IngressConnection
from faas.engine.broker.ingress.door import Door, Limits

__all__ = ["Door", "IngressConnection", "Limits"]
