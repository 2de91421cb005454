"""Delivery of a Broker's events: from positions of its log to subscribers, each event at least once.

`window`, `lanes`, `slots` and `keys` decide, as state machines without a clock or a connection; `outlet`, `deliveries`
and `trigger` are one trigger's work; `reader`, `broker` and `dispatcher` move events and settings to it.

What is promised
    Each event that passes a trigger's filters is delivered until its subscriber answers 2xx (and the reply is stored),
    or is stored as a dead letter, over the death of any process. It may be delivered again: after this process died, at
    most what was finished since the cursor was last saved (a quarter of a second); when a connection broke; when it is
    not known whether a reply was stored. Events of one key never overlap and keep their order; after a restart a key
    steps back to the cursor and goes on from there in order.
What is bounded
    A trigger holds `window.Bounds` in memory, including events that wait for a retry and those parked behind one, and
    one batch beyond; what is further back stays in the log. So a key that waits holds up others only when that much is
    parked.
"""

from faas.engine.broker.dispatch.dispatcher import make_dispatcher

__all__ = ["make_dispatcher"]
