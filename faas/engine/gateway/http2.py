from __future__ import annotations
import asyncio
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
class Http2Connection(asyncio.Protocol):
    def __init__(self, gateway, origin, *, public): pass
