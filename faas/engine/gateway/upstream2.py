from __future__ import annotations
import asyncio
class Http2Upstream(asyncio.Protocol): pass
