"""The life of one HTTP request: bind, run, answer, and what becomes of everything that goes wrong on the way."""

from __future__ import annotations

import asyncio
from typing import Any

from faas_runtime.answering import delivered
from faas_runtime.answering.failures import failure, problem_answer, send_answer
from faas_runtime.answering.streams import send_stream
from faas_runtime.bridges.wsgi import run_wsgi
from faas_runtime.calls.answer import Answer, Stream
from faas_runtime.calls.call import Call, current
from faas_runtime.calls.logs import traceback_of, write_line
from faas_runtime.calls.problem import Problem
from faas_runtime.endpoints.endpoint import Endpoint
from faas_runtime.endpoints.replies import encode_replies
from faas_runtime.errors import EventError
from faas_runtime.events import wire
from faas_runtime.events.event import Event
from faas_runtime.process.instance import Instance

_GRACE_S = 3.0  # for a mounted application to clean up after http.disconnect; gunicorn's default
_CLIENT_LEFT = 499  # nginx's code: nothing was answered, nobody was there


async def serve_http(instance: Instance, endpoint: Endpoint, call: Call, receive: Any, send: Any) -> None:
    """Answer one request. Cancellation from outside (the client left) is passed on; a deadline's is a 504."""
    stats = endpoint.stats
    exchange = call.scope.get("faas.exchange")  # our own server's; any other speaks plain ASGI
    call.task = task = asyncio.current_task() if exchange is None else exchange.task
    stats.in_flight += 1
    instance.enter(call)
    if instance.tracer.enabled and endpoint.kind != "event":  # an event says itself which trace it belongs to
        instance.tracer.begin(call)
    status = _CLIENT_LEFT
    is_delivered = b"prefer" in call.headers and delivered.is_delivery(call.headers)
    if is_delivered:
        send = delivered.discarding(call, send)
    try:
        answer = await _answer(instance, endpoint, call, receive, send)
        if type(answer) is Answer:
            if is_delivered:
                answer = delivered.may_be_read(call, answer)
            status = answer.status
            body = answer.body if call.scope["method"] != "HEAD" else b""
            if exchange is not None:
                exchange.answer(status, answer.headers, body)
            else:
                await send({"type": "http.response.start", "status": status, "headers": answer.headers})
                await send({"type": "http.response.body", "body": body})
        elif isinstance(answer, Stream):
            status = await send_stream(instance, call, answer, send)
        else:
            status = call.scope["faas.status"]
    except asyncio.CancelledError:
        if not call.expired or task is None:
            call.gone = True
            raise
        task.uncancel()
        if "faas.status" in call.scope:  # the answer had begun: leaving it unfinished tells the client
            status = call.scope["faas.status"]
            write_line("error", "the deadline passed in the middle of the answer", call, {})
            return
        status = 504
        await send_answer(problem_answer(call, Problem(504, f"not done within {endpoint.timeout_s:g} s")), send)
    finally:
        instance.leave(call)
        call.task = None  # whose context holds the call: garbage that only the collector would find
        stats.in_flight -= 1
        stats.observe(status, instance.monotonic() - call.started)
        if call.span is not None:
            instance.tracer.end(call, status)


async def _answer(
    instance: Instance, endpoint: Endpoint, call: Call, receive: Any, send: Any
) -> Answer | Stream | None:
    """The answer; None when a mounted application has sent its own."""
    try:
        if endpoint.binder is None:
            await _run_mounted(instance, call, receive, send)
            return None
        if endpoint.reads_body:
            call.body = await read_body(call, receive, endpoint.max_body)
            if endpoint.kind == "event":
                return await _handle_events(instance, endpoint, call)
        else:
            call.receive = receive
        return await _execute(instance, endpoint, call)  # type: ignore[no-any-return]  # only event handlers make lists
    except Exception as error:  # noqa: BLE001  # whatever the user's code raises becomes an answer
        if "faas.status" in call.scope:
            write_line("error", "the mounted application failed in the middle of its answer", call,
                       {"exception": traceback_of(error)})  # fmt: skip
            return None
        return failure(call, error)


async def _execute(instance: Instance, endpoint: Endpoint, call: Call) -> Any:
    try:
        if endpoint.is_async:
            answer = await endpoint.run_async(call)
        else:
            if instance.pool.is_stuck:
                raise Problem(503, "every thread of this instance is stuck", headers={"retry-after": "1"})
            answer = await instance.pool.run(endpoint.run, call)
    except BaseException:
        for outcome in call.outcomes or ():
            outcome.cancel()
        raise
    if call.outcomes:
        for outcome in call.outcomes:
            await outcome.settle()
    return answer


async def read_body(call: Call, receive: Any, limit: int) -> bytes:
    """The whole request body. Raises: Problem: larger than `limit`; CancelledError: the client left."""
    length = call.headers.get(b"content-length")
    if length is not None and length.isdigit() and int(length) > limit:
        raise _too_large(limit)
    message = await receive()
    if not message.get("more_body", False) and message["type"] == "http.request":
        body: bytes = message["body"]
        if len(body) > limit:
            raise _too_large(limit)
        return body
    parts, size = [], 0
    while True:
        if message["type"] == "http.disconnect":
            raise asyncio.CancelledError
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise _too_large(limit)
        if not message.get("more_body", False):
            return b"".join(parts)
        message = await receive()


def _too_large(limit: int) -> Problem:
    return Problem(413, f"the body is larger than {limit} bytes")


async def _handle_events(instance: Instance, endpoint: Endpoint, call: Call) -> Answer | Stream:
    """Run the handler for the event, or for each event of the batch in order."""
    mode = wire.mode(call.headers)
    try:
        events = (
            [wire.parse_binary(call.headers, call.body)] if mode == "binary" else wire.parse(call.headers, call.body)
        )
    except EventError as error:
        _begin_span(instance, call)
        raise Problem(400 if mode else 415, str(error)) from None
    endpoint.stats.events += len(events)
    if mode == "batch":
        _begin_span(instance, call)
        return await _handle_batch(instance, endpoint, call, events)
    call.event = events[0]
    _begin_span(instance, call)
    replies = await _execute(instance, endpoint, call)
    if not isinstance(replies, list):
        return replies  # type: ignore[no-any-return]  # an answer that the handler made itself
    if len(replies) > 1 and delivered.is_delivery(call.headers) and not delivered.takes_batches(call.headers):
        replies = await delivered.publish_but_the_last(call, replies)
    return encode_replies(replies)


def _begin_span(instance: Instance, call: Call) -> None:
    if instance.tracer.enabled:
        instance.tracer.begin(call)


async def _handle_batch(instance: Instance, endpoint: Endpoint, call: Call, events: list[Event[Any]]) -> Answer:
    """Each event by itself. A failure that may pass fails the batch with its status, else a lasting one with 422."""
    replies: list[Event[Any]] = []
    failed: list[dict[str, Any]] = []
    for index, event in enumerate(events):
        item = Call(instance, endpoint, call.scope, call.headers, call.values, call.started)
        item.deadline, item.body, item.event, item.task = call.deadline, call.body, event, call.task
        if item.event_carrier is None:
            item.trace = call.trace
        try:
            answer = await _execute(instance, endpoint, item)
        except Exception as error:  # noqa: BLE001  # as for a single event
            answer = failure(item, error)
        if isinstance(answer, list):
            replies += answer
        elif answer.status >= 300:
            failed.append({"index": index, "id": event.id, "status": answer.status})
    if not failed:
        return encode_replies(replies)
    passing = [item["status"] for item in failed if is_retryable(item["status"])]
    status = passing[0] if passing else 422
    problem = Problem(status, f"{len(failed)} of {len(events)} events failed", extra={"items": failed})
    return problem_answer(call, problem)


def is_retryable(status: int) -> bool:
    """Whether Knative delivers again after this status. Source: knative/eventing, pkg/kncloudevents/retries.go."""
    return status >= 500 or status in (404, 408, 409, 429)


async def _run_mounted(instance: Instance, call: Call, receive: Any, send: Any) -> None:
    endpoint = call.endpoint

    async def noting_send(message: dict[str, Any]) -> None:
        if call.expired:
            raise TimeoutError("the request was given up: its deadline has passed")
        if message["type"] == "http.response.start":
            call.scope["faas.status"] = message["status"]
        await send(message)

    if endpoint.kind == "asgi":
        if "faas.exchange" in call.scope:
            call.scope["faas.exchange"].grace_s = _GRACE_S
        current.set(call)
        await endpoint.handler(call.scope, receive, noting_send)
        call.scope.setdefault("faas.status", 500)
        return
    call.receive, call.send = receive, noting_send
    await instance.pool.run(run_wsgi, call)
