"""HTTP as values: what a request and an answer are, whichever protocol they came in, and how they go on.

No socket, no clock, no loop: bytes and fields in, bytes and fields out. What cannot go on is `problem.Refused`.
"""
