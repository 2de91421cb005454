"""What a handler imports, and what serves it: decorators, types, the ASGI application.

Start reading at `decorators.py` (what is declared), `app.py` (what becomes of it) and `serve_http.py` (the life of a
request). Knows nothing of the toolkit; everything here is in every image.
"""

from __future__ import annotations

from faas_runtime.calls import Reply
from faas_runtime.context import Context
from faas_runtime.decorators import function
from faas_runtime.errors import CallError, DeclarationError, EventError, FaasError, HTTPError, LoadError, NotConfigured
from faas_runtime.event import Event
from faas_runtime.outcome import Outcome
from faas_runtime.request import Request
from faas_runtime.results import Response, ServerSentEvent
from faas_runtime.websocket import WebSocket, WebSocketClosed

__all__ = [
    "CallError", "Context", "DeclarationError", "Event", "EventError", "FaasError", "HTTPError", "LoadError",
    "NotConfigured", "Outcome", "Reply", "Request", "Response", "ServerSentEvent", "WebSocket", "WebSocketClosed",
    "function",
]  # fmt: skip
