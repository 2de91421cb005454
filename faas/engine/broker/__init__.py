"""The broker: events in, stored in a log, and out to whoever wants them. A process of its own, as the gateway is.

In that process: `ingress` takes events in, `keeping` has them stamped and stored in a log (`jetstream` is the one there
is), `dispatch` reads it and sends with `delivery`; what they need of each other is in `seams`, and `server` wires them.
In the engine's: `link`, its end of the control socket, and `inspect`, which looks into what is stored.
"""
