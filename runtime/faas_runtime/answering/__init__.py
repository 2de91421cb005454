"""The life of a request: run what it is for, send the answer, and what becomes of all that goes wrong on the way.

Knows endpoints and the process; how the request was found, and which server brought it, is the application's matter.
"""
