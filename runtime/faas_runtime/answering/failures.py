"""What becomes of an exception: an answer for the client, and a line in the log unless it is the client's fault."""

from __future__ import annotations

import sys
from typing import Any

from faas_runtime.calls.answer import Answer, Stream, encode_headers
from faas_runtime.calls.call import Call
from faas_runtime.calls.logs import traceback_of, write_line
from faas_runtime.calls.problem import CONTENT_TYPE, Problem
from faas_runtime.errors import HTTPError


def failure(call: Call, error: Exception) -> Answer | Stream:
    """The answer to an exception; logs it unless it is the client's fault."""
    if isinstance(error, Problem):
        return problem_answer(call, error)
    if isinstance(error, HTTPError):
        if error.status >= 500:
            write_line("error", f"{error.status}: {error.message}", call, {})
        return problem_answer(call, Problem(error.status, error.message, headers=error.headers, extra=error.extra))
    if "werkzeug" in sys.modules and type(error).__module__.startswith("werkzeug."):
        from faas_runtime.bridges.flask import answer_of_abort

        if (aborted := answer_of_abort(error)) is not None:
            return aborted
    trace = traceback_of(error)
    write_line("error", f"{type(error).__name__}: {error}", call, {"exception": trace})
    extra = {"exception": f"{type(error).__name__}: {error}", "traceback": trace} if call.instance.settings.dev else {}
    return problem_answer(call, Problem(500, "the function failed; its log has the request id", extra=extra))


def problem_answer(call: Call, problem: Problem) -> Answer:
    body = problem.body(call.request_id)
    headers = [
        (b"content-type", CONTENT_TYPE),
        (b"content-length", b"%d" % len(body)),
        *encode_headers(problem.headers),
    ]
    return Answer(problem.status, headers, body)


async def send_answer(answer: Answer, send: Any) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body})
