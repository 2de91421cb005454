"""Looking into eventing from the engine: what is stored, what failed, who wants what; sending and delivering again.

It runs in the engine's process, beside `link`. Streams are read over a connection of its own (`streams`), so that a
question costs the broker nothing; what is sent and delivered again is asked of the broker's process.
"""
