"""A handler made ready to run: its signature read, its parameters filled, its result made an answer, its path found.

All that can be worked out before the first request is worked out here. Knows nothing of a process, a loop or a server.
"""
