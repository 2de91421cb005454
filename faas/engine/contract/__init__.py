"""The words in which the parts of the engine talk to each other: values and small Protocols.

Every part may import this; this knows no part. Facts flow over `board.Board` inside the engine's process, and over
`dataplane` and `eventing` messages between the engine's process and those of the gateway and the broker. Of behaviour
there is only what the processes have to do alike at their sockets: `listening`, and the `lines` that messages are.
"""
