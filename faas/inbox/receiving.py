"""From a request to the events in it, within bounds; the same for the store and the collector."""

from __future__ import annotations

import asyncio
from typing import Any

from faas_runtime.errors import EventError
from faas_runtime.events import wire
from faas_runtime.events.event import Event
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

MAX_BODY = 16 * 2**20  # a broker's events are 1 MiB at most, as its channel or topic is set; batches have several
BODIES_BYTES = 32 * 2**20  # of all requests together
BODY_S = 30.0  # a sender that is slower keeps what others need
_RETRY_AFTER = {"Retry-After": "5"}


class Refusal(Exception):
    """What a sender is told instead."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Bodies:
    """Counts the bytes of all bodies that are being read or stored: anybody in the cluster may send one."""

    def __init__(self) -> None:
        self._taken = 0

    async def events_of(self, request: Request) -> tuple[list[Event[Any]], int]:
        """The events, and how many bytes to `release` when they are done with. Raises: Refusal."""
        size = 0
        pieces: list[bytes] = []
        try:
            async with asyncio.timeout(BODY_S):
                async for piece in request.stream():
                    size += len(piece)
                    self._taken += len(piece)
                    pieces.append(piece)
                    if size > MAX_BODY:
                        raise Refusal(413, f"the body is larger than {MAX_BODY} bytes")
                    if self._taken > BODIES_BYTES:
                        raise Refusal(503, "too much is on its way at the same time")
            return wire.parse(wire.header_map(request.headers.raw), b"".join(pieces)), size
        except EventError as error:
            self._taken -= size
            raise Refusal(415 if "not supported" in str(error) else 400, str(error)) from None
        except RecursionError:
            self._taken -= size
            raise Refusal(400, "the JSON is nested too deeply") from None
        except TimeoutError:
            self._taken -= size
            raise Refusal(408, f"the body was not all there within {BODY_S:g} s") from None
        except ClientDisconnect:
            self._taken -= size
            raise Refusal(400, "the sender has gone") from None
        except BaseException:
            self._taken -= size
            raise

    def release(self, size: int) -> None:
        self._taken -= size


def refuse(status: int, message: str) -> Response:
    headers = _RETRY_AFTER if status in (503, 507) else None
    return JSONResponse({"error": message}, status, headers)
