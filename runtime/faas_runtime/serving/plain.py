"""Loads a function and serves it in this process: what an image runs."""

from __future__ import annotations

import importlib
import sys
import traceback
from pathlib import Path

from faas_runtime.frames import from_users
from faas_runtime.serving import exits
from faas_runtime.serving.listen import CannotListen, listen
from faas_runtime.serving.options import ServeOptions
from faas_runtime.serving.server import Application, serve
from faas_runtime.serving.unready import ending_at_once
from faas_runtime.serving.worker import LISTEN_BACKLOG

_IMPORTLIB = str(Path(importlib.__file__).parent)


def load_function(target: str) -> Application | None:
    """The ASGI application of `target`; None, with the traceback on stderr, when it cannot be had."""
    from faas_runtime.app import load

    try:
        return load(target)
    except (Exception, SystemExit) as error:  # noqa: BLE001  # the user's module may raise anything, or leave
        _explain(error)
        print(f"faas-runtime: cannot load {target}", file=sys.stderr, flush=True)
        return None


def _explain(error: BaseException) -> None:
    """The traceback from the user's first frame on; what we refuse ourselves has none of those and needs no trace."""
    trace = from_users(error.__traceback__, also=("<frozen importlib", _IMPORTLIB))
    if trace is None and not isinstance(error, SyntaxError):
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
    else:
        traceback.print_exception(type(error), error, trace)


def serve_function(options: ServeOptions) -> int:
    """Returns: the exit code."""
    try:
        sock = listen(options.bind, backlog=LISTEN_BACKLOG)
    except CannotListen as error:
        print(f"faas-runtime: {error}", file=sys.stderr)
        return exits.CANNOT_LISTEN
    with ending_at_once():
        app = load_function(options.function)
    if app is None:
        return exits.LOAD_FAILED

    def say_where() -> None:
        name = sock.getsockname()
        where = f"http://{name[0]}:{name[1]}" if isinstance(name, tuple) else f"unix:{name}"
        print(f"faas-runtime: {options.function} on {where}", file=sys.stderr, flush=True)

    return serve(app, [sock], options, on_ready=say_where)
