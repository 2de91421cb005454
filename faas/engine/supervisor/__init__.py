"""The small process that owns the engine's listening sockets, starts gateway and engine, and restarts what dies.

It outlives both, so it must not fail and must not be large: it imports a handful of standard modules and nothing of
the engine. What it is asked to do is a `Plan`; what it tells back are lines of JSON on a pipe (`report.py`).
"""
