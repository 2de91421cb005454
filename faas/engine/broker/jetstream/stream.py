"""Making, asking and emptying streams: JetStream's API as far as it is needed here."""

from __future__ import annotations

from typing import Any

from faas.engine.broker.jetstream.connection import NatsConnection
from faas.engine.broker.seams.log import LogError, LogFull, LogState, LogUnavailable

_NOT_FOUND = 10059
_NO_ROOM = frozenset({10023, 10047})
_NO_MESSAGE = frozenset({10037, 10043, 10057})


async def ensure_stream(connection: NatsConnection, wanted: dict[str, Any]) -> None:
    """Make the stream, or bring what we say of it up to date; what an operator has added (replicas, say) stays.

    Raises: LogUnavailable; LogFull: the server has not the room that it is asked to reserve.
    """
    name = wanted["name"]
    answer = await connection.request(f"STREAM.INFO.{name}", {})
    if "error" not in answer:
        existing = answer["config"]
        wanted = {**wanted, "metadata": {**(existing.get("metadata") or {}), **wanted.get("metadata", {})}}
        if all(existing.get(field) == value for field, value in wanted.items()):
            return
        answer = await connection.request(f"STREAM.UPDATE.{name}", {**existing, **wanted})
    elif _code(answer) == _NOT_FOUND:
        answer = await connection.request(f"STREAM.CREATE.{name}", wanted)
    if "error" in answer:
        raise _error(answer, f"JetStream has no stream {name} for a Broker")


async def delete_stream(connection: NatsConnection, name: str) -> None:
    answer = await connection.request(f"STREAM.DELETE.{name}", {})
    if "error" in answer and _code(answer) != _NOT_FOUND:
        raise _error(answer, f"JetStream did not delete {name}")


async def stream_state(connection: NatsConnection, name: str) -> LogState:
    state = (await stream_info(connection, name))["state"]
    last = int(state["last_seq"])
    events = int(state["messages"])
    return LogState(int(state["first_seq"]) if events else last + 1, last, events, int(state["bytes"]))


async def stream_info(connection: NatsConnection, name: str, **asked: Any) -> dict[str, Any]:
    answer = await connection.request(f"STREAM.INFO.{name}", asked)
    if "error" in answer:
        raise _error(answer, f"JetStream says nothing of {name}")
    return answer


async def purge(connection: NatsConnection, name: str, **which: Any) -> None:
    """Forget the messages of a `filter`, or those below `seq`."""
    answer = await connection.request(f"STREAM.PURGE.{name}", which)
    if "error" in answer:
        raise _error(answer, f"JetStream did not forget messages of {name}")


async def get_message(connection: NatsConnection, name: str, sequence: int) -> dict[str, Any] | None:
    answer = await connection.request(f"STREAM.MSG.GET.{name}", {"seq": sequence})
    if "error" in answer:
        if _code(answer) in _NO_MESSAGE:
            return None
        raise _error(answer, f"JetStream did not give message {sequence} of {name}")
    message: dict[str, Any] = answer["message"]
    return message


async def delete_message(connection: NatsConnection, name: str, sequence: int) -> None:
    """One that is not there any more is no error."""
    answer = await connection.request(f"STREAM.MSG.DELETE.{name}", {"seq": sequence, "no_erase": True})
    if "error" in answer and _code(answer) not in _NO_MESSAGE:
        raise _error(answer, f"JetStream did not delete message {sequence} of {name}")


def _code(answer: dict[str, Any]) -> int:
    return int(answer["error"].get("err_code", 0))


def _error(answer: dict[str, Any], what: str) -> LogError:
    kind = LogFull if _code(answer) in _NO_ROOM else LogUnavailable
    return kind(f"{what}: {answer['error'].get('description', '')} ({_code(answer)})")
