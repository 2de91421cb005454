"""The words in which the parts of the engine talk to each other: values and small Protocols, no behaviour.

Every part may import this; this knows no part. Facts flow over `board.Board` inside the engine's process, and over
`dataplane` messages between the engine's process and the gateway's.
"""
