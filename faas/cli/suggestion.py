"""A call that a Service answers, for who has just deployed it. Pure."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from faas.project.services import ServiceSpec


def call_of(service: ServiceSpec) -> str:
    """`faas invoke notes --path /notes`: of the routes the one that needs least from who calls it."""
    routes = [
        (method, trigger.path)
        for function in service.functions
        for trigger in function.triggers
        if trigger.kind == "http"
        for method in trigger.methods or ("GET",)
    ]
    method, path = min(routes, key=_effort, default=("GET", "/"))
    if path.startswith("/{rest:path}"):  # an application, or whoever takes every path
        path = "/"
    words = ["faas", "invoke", service.name]
    words += ["--path", shlex.quote(path)] if path != "/" else []
    if method in ("POST", "PUT", "PATCH"):
        words += ["--json", "'{…}'"]
    if method not in ("GET", "HEAD") and method != "POST":
        words += ["-X", method]
    return " ".join(words)


def _effort(route: tuple[str, str]) -> tuple[bool, bool, bool]:
    method, path = route
    return method not in ("GET", "HEAD"), "{" in path and not path.startswith("/{rest:path}"), path != "/"
