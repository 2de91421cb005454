"""One attempt to deliver one event: the HTTP request, what its answer means, and what follows from a failure.

`attempts` decides and `answers` reads, both functions of values; `client` is the connections. Knows no log and no
trigger.
"""
