"""What a function sends: calls of other functions and published events, over a client of our own.

Knows events and the settings that say where things are, not the request on whose behalf something is sent.
"""
