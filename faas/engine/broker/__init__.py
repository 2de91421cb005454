"""The broker: events in, stored in a log, and out to whoever wants them. A process of its own, as the gateway is.

In that process: `ingress` takes events in, `brokers` and `store` keep them in a log (`log` says what one is,
`jetstream` is the one there is), `dispatch` reads it and sends with `delivery` (`dispatching` is the seam between).
In the engine's: `link`, its end of the control socket, and `inspect`, which looks into what is stored.
"""
