"""A connection to an endpoint's address, over a Unix socket or TCP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

P = TypeVar("P", bound=asyncio.Protocol)


class ConnectFailed(Exception):
    """Nobody listens at an address, or takes connections in time."""


async def connect(address: str, factory: Callable[[], P], timeout_s: float) -> P:
    """Connect to `unix:/path` or `tcp:host:port`. Raises: ConnectFailed."""
    loop = asyncio.get_running_loop()
    kind, _, rest = address.partition(":")
    try:
        async with asyncio.timeout(timeout_s):
            if kind == "unix":
                _, protocol = await loop.create_unix_connection(factory, rest)
            else:
                host, _, port = rest.rpartition(":")
                _, protocol = await loop.create_connection(factory, host.strip("[]"), int(port))
    except TimeoutError as error:
        raise ConnectFailed(f"no connection to {address} within {timeout_s:g} s") from error
    except (OSError, ValueError) as error:
        raise ConnectFailed(f"cannot connect to {address}: {error}") from error
    return protocol
