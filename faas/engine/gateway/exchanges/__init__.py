"""One request on its way: between a client's connection and an instance's, whatever each of them speaks.

`sides` are the two connections as an exchange sees them; `exchange` says what it needs of its revision, of its endpoint
and of the gateway, so nothing above it is known here.
"""
