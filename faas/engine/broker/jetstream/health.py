"""Whether the server can still write: a stream that could not once takes nothing more until the server starts anew.

Who publishes to it gets no answer. Source: nats-server 2.14, `HealthStatus`; our own server's configuration imports it
from the system account.
"""

from __future__ import annotations

import msgspec
import nats.errors

from faas.engine.broker.jetstream.connection import NatsConnection
from faas.engine.broker.seams.log import LogUnavailable

SUBJECT = "faas.health"
_ANSWER_S = 5.0
_WRITE_ERROR = "write error"


class _Error(msgspec.Struct):
    error: str = ""


class _Health(msgspec.Struct):
    errors: list[_Error] = []


class _Answer(msgspec.Struct):
    data: _Health


_decode = msgspec.json.Decoder(_Answer).decode


async def write_failure(connection: NatsConnection) -> str:
    """What the server says of a stream that has failed, "" when there is none. Raises: LogUnavailable."""
    try:
        answer = await connection.unless_lost(connection.client.request(SUBJECT, b'{"details":true}', _ANSWER_S))
    except nats.errors.NoRespondersError:
        return ""  # a server of yours
    except (nats.errors.Error, OSError) as error:
        raise LogUnavailable(f"the NATS server did not say how it is: {error or type(error).__name__}") from error
    return failure_of(answer.data)


def failure_of(answer: bytes) -> str:
    """The first failed stream of an answer; other troubles do not go with a start, nor does what is no such answer."""
    try:
        errors = _decode(answer).data.errors
    except msgspec.MsgspecError:
        return ""
    return next((each.error for each in errors if _WRITE_ERROR in each.error), "")
