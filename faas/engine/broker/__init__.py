"""The broker: events in, stored in a log, and out to whoever wants them. A process of its own, as the gateway is.

In that process: `ingress` takes events in, `brokers` and `store` keep them in a log (`log` is what a log is, `jetstream`
the one that there is), `dispatch` reads it and sends with `delivery` (`dispatching` is what the process needs of it).
In the engine's: `link`, its end of the control socket, and `inspect`, which looks into what is stored.
"""
