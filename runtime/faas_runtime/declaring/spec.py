"""What a project declares, as values: the seam between the user's code and everything that deploys it."""

from __future__ import annotations

from typing import Any

import msgspec


class Trigger(msgspec.Struct, frozen=True, kw_only=True):
    """One decorator. `kind` is `http`, `event`, or a source's; `options` is what that kind of decorator was given.

    A source's options are those of `faas_runtime.options.sources`, brought to their normal form, and those of delivery.
    """

    kind: str
    path: str = "/"
    methods: tuple[str, ...] = ()  # http: empty means any
    options: dict[str, Any] = {}
    name: str = ""  # of its Trigger, and of the source before that; "" for http


class FunctionSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One decorated function (or mounted app) of a project."""

    name: str  # DNS label: get_order -> get-order
    target: str  # module:qualname, what FAAS_FUNCTION names
    service: str  # functions that name the same service share one Knative Service
    triggers: tuple[Trigger, ...]
    options: dict[str, Any] = {}  # as the decorator has them: min_scale, concurrency, env, ...; only those given
    is_async: bool = False
    kind: str = "function"  # function, asgi, wsgi
    file: str = ""  # relative to the project
    line: int = 0
    doc: str = ""  # first line of the docstring
    checks: tuple[str, ...] = ()  # ready, live: the probes of its project that ask code of the user's


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """What `python -m faas_runtime.describe` prints as JSON: the functions, or what kept it from finding them."""

    functions: tuple[FunctionSpec, ...] = ()
    errors: tuple[Problem, ...] = ()
    modules: tuple[str, ...] = ()  # those imported
    python: str = ""  # 3.11.7


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing wrong with a project. `traceback` is the user's own, without our frames."""

    message: str
    hint: str = ""
    file: str = ""
    line: int = 0
    traceback: str = ""
