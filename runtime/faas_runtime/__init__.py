"""What a handler imports, and what serves it: decorators, types, the ASGI application.

From the top: `serving` and `testing` drive an `app`; `answering` is the life of a request, `endpoints` are handlers
made ready, `process` is what they run in; `calls` is a request on its way; `declaring`, `options`, `events` know none.

Start reading at `declaring/decorators.py` (what is declared), `app.py` (what becomes of it) and `answering/http.py`
(the life of a request). Knows nothing of the toolkit; everything here is in every image.

The public names are loaded when they are first asked for: the toolkit imports `faas` for every command, and asyncio
alone is 40 ms.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from faas_runtime.calls.answer import Response, ServerSentEvent
    from faas_runtime.calls.context import Context
    from faas_runtime.calls.request import Request
    from faas_runtime.calls.websocket import WebSocket, WebSocketClosed
    from faas_runtime.declaring.decorators import function
    from faas_runtime.errors import (
        DeclarationError,
        EventError,
        FaasError,
        HTTPError,
        LoadError,
        NotConfigured,
    )
    from faas_runtime.events.event import Event
    from faas_runtime.events.shapes.bucket import BucketObject
    from faas_runtime.events.shapes.files import FileChange
    from faas_runtime.outgoing.outcome import Outcome
    from faas_runtime.outgoing.reply import CallError, Reply

__all__ = [
    "BucketObject", "CallError", "Context", "DeclarationError", "Event", "EventError", "FaasError", "FileChange",
    "HTTPError", "LoadError", "NotConfigured", "Outcome", "Reply", "Request", "Response", "ServerSentEvent",
    "WebSocket", "WebSocketClosed", "function",
]  # fmt: skip

_MODULES = {
    "calls.answer": ("Response", "ServerSentEvent"),
    "calls.context": ("Context",),
    "calls.request": ("Request",),
    "calls.websocket": ("WebSocket", "WebSocketClosed"),
    "declaring.decorators": ("function",),
    "errors": ("DeclarationError", "EventError", "FaasError", "HTTPError", "LoadError", "NotConfigured"),
    "events.event": ("Event",),
    "events.shapes.bucket": ("BucketObject",),
    "events.shapes.files": ("FileChange",),
    "outgoing.outcome": ("Outcome",),
    "outgoing.reply": ("CallError", "Reply"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    value = globals()[name] = getattr(import_module(f"{__name__}.{home}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
