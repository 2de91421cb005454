"""The broker: events in, stored in a log, and out to whoever wants them. A process of its own, as the gateway is.

`ingress` stores what comes in, `dispatch` reads the log and delivers, `link` is the engine's end of its control socket.
"""
