"""flask.Request as a parameter and Flask's responses as results. Imported only by those who use them."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Any

import flask

from faas_runtime.bridges.wsgi import make_environ
from faas_runtime.calls.answer import Answer, Stream, encode_headers
from faas_runtime.calls.call import Call

_app = flask.Flask("faas", static_folder=None, template_folder=None)


def make_flask_getter(kind: type[flask.Request]) -> Callable[[Call], flask.Request]:
    """Gives the request, and makes `flask.request`, `jsonify` and their like work while the handler runs."""
    app = _app
    if kind is not flask.Request:
        app = flask.Flask("faas", static_folder=None, template_folder=None)
        app.request_class = kind

    def get(call: Call) -> flask.Request:
        environ = make_environ(call.scope, call.headers)
        environ["wsgi.input"] = io.BytesIO(call.body)
        environ["CONTENT_LENGTH"] = str(len(call.body))
        context = app.request_context(environ)
        context.push()
        call.on_cleanup(lambda: context.pop(None))
        return context.request

    return get


def make_flask_answer(response: Any) -> Answer | Stream:
    headers = encode_headers(list(response.headers.items()))
    if response.is_streamed:
        return Stream(iter(response.response), response.status_code, headers)
    try:
        body = response.get_data()
    finally:
        response.close()
    names = {name for name, _ in headers}
    if b"content-length" not in names and response.status_code not in (204, 304):
        headers.append((b"content-length", b"%d" % len(body)))
    return Answer(response.status_code, headers, body)


def answer_of_abort(error: Exception) -> Answer | Stream | None:
    """The answer of `flask.abort(...)`, or None for any other exception."""
    if "werkzeug.exceptions" not in sys.modules:
        return None
    from werkzeug.exceptions import HTTPException

    if not isinstance(error, HTTPException):
        return None
    return make_flask_answer(error.get_response())
