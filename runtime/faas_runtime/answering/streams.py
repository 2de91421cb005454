"""Sends answers that come in pieces: from an async generator on the loop, from a generator in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from faas_runtime.answering.failures import failure, send_answer
from faas_runtime.calls.answer import Stream, encode_item, stream_headers
from faas_runtime.calls.call import Call, current
from faas_runtime.calls.logs import traceback_of, write_line
from faas_runtime.process.instance import Instance

_END: Any = object()


class _Sender:
    """Starts the answer with the first piece, so that a generator that fails before it still gets a proper 500."""

    def __init__(self, call: Call, stream: Stream, send: Callable[[dict[str, Any]], Any]) -> None:
        self._call, self._stream, self._send = call, stream, send

    async def item(self, item: Any) -> None:
        body = b"" if item is _END else encode_item(item)
        if "faas.status" not in self._call.scope:
            headers = list(self._stream.headers or ()) if item is _END else stream_headers(self._stream, item)
            self._call.scope["faas.status"] = self._stream.status
            await self._send({"type": "http.response.start", "status": self._stream.status, "headers": headers})
        if body:
            await self._send({"type": "http.response.body", "body": body, "more_body": True})

    async def end(self) -> None:
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


async def send_stream(instance: Instance, call: Call, stream: Stream, send: Any) -> int:
    """Send the whole stream; returns the status. An error in the middle leaves the answer visibly incomplete.

    Raises: CancelledError. The generator is closed in every case.
    """
    sender = _Sender(call, stream, send)
    try:
        if stream.is_async:
            await _drive_async(stream, sender)
        else:
            await instance.pool.run(lambda call: _drive_in_thread(call, stream, sender), call)
        await sender.end()
    except Exception as error:  # noqa: BLE001  # the user's generator raises what it likes
        if "faas.status" not in call.scope:
            answer = failure(call, error)
            assert not isinstance(answer, Stream)
            await send_answer(answer, send)
            return answer.status
        write_line("error", f"the stream broke off: {type(error).__name__}: {error}", call,
                   {"exception": traceback_of(error)})  # fmt: skip
    return int(call.scope["faas.status"])


async def _drive_async(stream: Stream, sender: _Sender) -> None:
    items: Any = stream.items
    try:
        async for item in items:
            await sender.item(item)
        await sender.item(_END)
    finally:
        close = getattr(items, "aclose", None)
        if close is not None:
            await close()


def _drive_in_thread(call: Call, stream: Stream, sender: _Sender) -> None:
    """In the thread of the handler; waits for each piece to be taken, so a slow client slows the generator."""
    current.set(call)
    loop = call.instance.loop
    items: Any = stream.items
    try:
        for item in items:
            if call.gone or call.expired:
                return
            asyncio.run_coroutine_threadsafe(sender.item(item), loop).result()
        asyncio.run_coroutine_threadsafe(sender.item(_END), loop).result()
    finally:
        close = getattr(items, "close", None)
        if close is not None:
            close()
