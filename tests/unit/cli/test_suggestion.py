"""Which call `faas deploy` suggests."""

from __future__ import annotations

import pytest
from faas_runtime.declaring.spec import FunctionSpec, Trigger

from faas.cli.suggestion import call_of
from faas.project.services import ServiceSpec


def http(path: str, *methods: str) -> Trigger:
    return Trigger(kind="http", path=path, methods=methods)


@pytest.mark.parametrize(
    ("routes", "call"),
    [
        ([http("/")], "faas invoke notes"),
        ([http("/{rest:path}")], "faas invoke notes"),
        ([http("/all/{id}", "GET"), http("/all", "POST"), http("/all", "GET")], "faas invoke notes --path /all"),
        ([http("/notes", "POST")], "faas invoke notes --path /notes --json '{…}'"),
        ([http("/", "PUT")], "faas invoke notes --json '{…}' -X PUT"),
        ([http("/notes/{id}", "DELETE")], "faas invoke notes --path '/notes/{id}' -X DELETE"),
        ([Trigger(kind="event", path="/_faas/events/notes"), http("/all", "GET")], "faas invoke notes --path /all"),
        ([Trigger(kind="event", path="/_faas/events/notes")], "faas invoke notes"),
    ],
)  # fmt: skip
def test_a_route_that_answers_is_suggested(routes: list[Trigger], call: str) -> None:
    function = FunctionSpec(name="notes", target="main:notes", service="notes", triggers=tuple(routes))

    assert call_of(ServiceSpec("notes", (function,), {})) == call
