"""Listening on the sockets that the supervisor owns, the same in every process that it has do so."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import sys
from collections.abc import Callable

_BACKLOG = 4096  # connections that wait while a process restarts
_HANDSHAKE_S = 10.0
_GOODBYE_S = 2.0  # for TLS's own


async def listen(
    fd: int, factory: Callable[[], asyncio.Protocol], tls: ssl.SSLContext | None = None
) -> asyncio.AbstractServer:
    """Accept on a copy of the supervisor's socket: closing it leaves the supervisor's, and its backlog, alone."""
    loop = asyncio.get_running_loop()
    sock = socket.socket(fileno=os.dup(fd))
    sock.setblocking(False)
    if sock.family == socket.AF_UNIX:
        # Ours to stop using, not to unlink. (Python 3.13 would.)
        kwargs = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}
        return await loop.create_unix_server(factory, sock=sock, backlog=_BACKLOG, **kwargs)  # type: ignore[arg-type]
    if tls is None:
        return await loop.create_server(factory, sock=sock, backlog=_BACKLOG)
    return await loop.create_server(
        factory,
        sock=sock,
        backlog=_BACKLOG,
        ssl=tls,
        ssl_handshake_timeout=_HANDSHAKE_S,
        ssl_shutdown_timeout=_GOODBYE_S,
    )
