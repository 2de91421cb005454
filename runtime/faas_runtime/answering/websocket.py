"""The life of one WebSocket connection."""

from __future__ import annotations

from typing import Any

from faas_runtime.calls.call import Call, current
from faas_runtime.calls.logs import traceback_of, write_line
from faas_runtime.calls.problem import Problem
from faas_runtime.calls.websocket import WebSocket, WebSocketClosed
from faas_runtime.endpoints.endpoint import Endpoint
from faas_runtime.errors import HTTPError
from faas_runtime.process.instance import Instance

_POLICY_VIOLATION, _INTERNAL_ERROR = 1008, 1011  # RFC 6455, 7.4.1


async def serve_websocket(instance: Instance, endpoint: Endpoint, call: Call, receive: Any, send: Any) -> None:
    """Run the handler for a connection; close it when the handler is through."""
    if endpoint.kind == "asgi":
        current.set(call)
        await endpoint.handler(call.scope, receive, send)
        return
    call.receive, call.send = receive, send
    socket = WebSocket.of(call)
    endpoint.stats.in_flight += 1
    instance.calls.add(call)
    code, reason = 1000, ""
    try:
        await endpoint.run_async(call)
    except WebSocketClosed:
        socket.closed = True  # the usual end: the other side left while the handler waited
    except (Problem, HTTPError) as error:
        code, reason = _POLICY_VIOLATION, str(error)[:120]  # a close frame holds 123 bytes
    except Exception as error:  # noqa: BLE001  # the user's handler
        code = _INTERNAL_ERROR
        write_line("error", f"{type(error).__name__}: {error}", call, {"exception": traceback_of(error)})
    finally:
        instance.leave(call)
        endpoint.stats.in_flight -= 1
        endpoint.stats.observe(101 if socket.accepted else 403, instance.monotonic() - call.started)
    try:
        await socket.close(code, reason)
    except WebSocketClosed:
        return
