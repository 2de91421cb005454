"""What another function answered, and what is raised where it did not as it was asked to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from faas_runtime.errors import FaasError
from faas_runtime.jsonic import make_converter, make_decoder
from faas_runtime.outgoing.asking import Outgoing


class Reply(msgspec.Struct, frozen=True):
    """What another function answered."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode()

    def json(self, into: Any = Any) -> Any:
        """The body as JSON, as `into` when given. Raises: msgspec.DecodeError, msgspec.ValidationError."""
        return make_decoder(into)(self.content)


class CallError(FaasError):
    """Another function did not answer, or answered with an error."""

    def __init__(self, message: str, *, status: int = 0, reply: Reply | None = None) -> None:
        self.status, self.reply = status, reply
        super().__init__(message)


def read_reply(request: Outgoing, reply: Reply, into: Any) -> Any:
    """The reply itself, or its body as `into`. Raises: CallError: 4xx, 5xx, or a body that is no `into`."""
    what = f"{request.method} {request.target} of the function {request.function!r}"
    if reply.status >= 400:
        detail = reply.content[:500].decode("utf-8", "replace")
        raise CallError(f"{what} answered {reply.status}: {detail}", status=reply.status, reply=reply)
    if into is None:
        return reply
    if into is bytes:
        return reply.content
    if into is str:
        return reply.text
    try:
        return reply.json(into) if reply.content else make_converter(into)(None)
    except Exception as error:
        raise CallError(f"{what} answered no {into}: {error}", status=reply.status, reply=reply) from error
