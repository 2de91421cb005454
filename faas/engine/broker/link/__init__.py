"""The engine's end of the broker: what its process is told and asked, and whether there has to be one.

Until there is a first Broker nothing of this costs more than a few listeners.
"""

from faas.engine.broker.link.link import BrokerGone, BrokerLink, make_table

__all__ = ["BrokerGone", "BrokerLink", "make_table"]
