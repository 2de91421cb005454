"""What is answered without an endpoint: there is none for the path or the method, or the platform asks how we are."""

from __future__ import annotations

from typing import Any

from faas_runtime.calls.problem import CONTENT_TYPE, Problem
from faas_runtime.endpoints.endpoint import Endpoint
from faas_runtime.endpoints.routing import Route


async def refuse_method(send: Any, route: Route[Endpoint], endpoint: Endpoint | None, method: str) -> None:
    """405; to OPTIONS what is allowed, and 426 where only a WebSocket is answered."""
    if endpoint is not None:
        problem = Problem(426, "this path speaks WebSocket", headers={"upgrade": "websocket", "connection": "upgrade"})
        await refuse(send, problem, method)
        return
    allow = ", ".join(route.allowed())
    if method == "OPTIONS":
        await send({"type": "http.response.start", "status": 204, "headers": [(b"allow", allow.encode())]})
        await send({"type": "http.response.body", "body": b""})
        return
    await refuse(send, Problem(405, f"{method} is not allowed here; {allow} are", headers={"allow": allow}), method)


async def refuse(send: Any, problem: Problem, method: str) -> None:
    """A problem document, or its head alone."""
    body = problem.body()
    headers = [(b"content-type", CONTENT_TYPE), (b"content-length", b"%d" % len(body))]
    headers += [(name.encode(), value.encode()) for name, value in problem.headers.items()]
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})


async def say(send: Any, status: int, body: bytes, content_type: bytes = b"text/plain; charset=utf-8") -> None:
    """A few words of our own: a probe's, or the metrics."""
    headers = [(b"content-type", content_type), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
