"""Where calls and published events go in a test: to the other functions of the client, to stand-ins, into a list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from faas_runtime.events.event import Event
from faas_runtime.jsonic import to_json
from faas_runtime.outgoing.asking import Outgoing
from faas_runtime.outgoing.reply import CallError, Reply
from faas_runtime.testing.exchange import exchange


class InProcess:
    """The `Transport` of a test client."""

    def __init__(
        self, apps: Mapping[str, Any], stand_ins: Mapping[str, Any], publish: Callable[[Event[Any]], None]
    ) -> None:
        self._apps, self._stand_ins, self._publish = apps, stand_ins, publish

    async def call(self, request: Outgoing) -> Reply:
        """Raises: CallError: neither a function of this client nor a stand-in has the name."""
        name = request.function.partition(".")[0]
        if name in self._stand_ins:
            answer = self._stand_ins[name]
            answer = answer(request) if callable(answer) else answer
            return (
                answer
                if isinstance(answer, Reply)
                else Reply(200, {"content-type": "application/json"}, to_json(answer))
            )
        app = self._apps.get(name)
        if app is None:
            raise CallError(f"this client knows no function {name!r}\n"
                            f"  Give it one: Client(..., calls={{{name!r}: {{...}}}})")  # fmt: skip
        path, _, query = request.target.partition("?")
        received = await exchange(app, request.method, path, query.encode(), list(request.headers), request.body)
        return Reply(received.status, received.headers, received.content)

    async def publish(self, event: Event[Any], *, timeout_s: float) -> None:
        self._publish(event)

    async def aclose(self) -> None:
        """Nothing is open."""
