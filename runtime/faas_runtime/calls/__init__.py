"""One request on its way, and what a handler may hold of it: Context, Request, WebSocket, log, Secrets, an answer.

`Call` is what all the others look at. It says itself what it asks of the endpoint and of the process that it runs in,
so nothing here knows how a handler is found, run or answered.
"""
