"""The commands about events and an API server that is not the engine: objects are shown, the rest is said not known."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from faas.cli import broker, dlq, events, source, trigger
from faas.cli.errors import CommandError
from faas.cli.eventing import session as eventing
from faas.client.http.client import HttpClient
from faas.client.kubeconfigs.loading import load
from faas.resources import kinds

SINK = {"ref": {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "default"}}


@pytest.fixture(scope="module")
def cluster(api: Any) -> Any:
    objects: tuple[tuple[kinds.Kind, dict[str, Any], str], ...] = (
        (kinds.BROKER, {}, "default"),
        (
            kinds.TRIGGER,
            {
                "broker": "default",
                "filters": [{"exact": {"type": "order"}}],
                "subscriber": {"uri": "http://example.com/"},
                "delivery": {"retry": 3},
            },
            "on-order",
        ),
        (kinds.PING_SOURCE, {"schedule": "0 9 * * *", "sink": SINK}, "nightly"),
    )
    for kind, spec, name in objects:
        obj = {"metadata": {"name": name, "namespace": "default"}, "spec": spec}
        api.call(lambda backend, kind=kind, obj=obj: backend.create(kind, obj))
    return api


@pytest.fixture
def invoke(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    async def session(work: Callable[[HttpClient], Awaitable[Any]]) -> Any:
        async with HttpClient(load(cluster.kubeconfig)) as client:
            return await work(client)

    for module in (broker, eventing, source, trigger):
        monkeypatch.setattr(module, "with_client", lambda _, work: asyncio.run(session(work)))

    def run(module: Any, *arguments: str) -> Result:
        return CliRunner().invoke(module.command, arguments)

    return run


def test_brokers_triggers_and_sources_are_listed_from_their_objects(invoke: Callable[..., Result]) -> None:
    cells = [
        invoke(module, "list", "-o", "wide").stdout.splitlines()[1].split() for module in (broker, trigger, source)
    ]
    assert cells[0][:5] == ["default", "?", "?", "?", "1"]
    assert cells[1][:9] == ["on-order", "default", "type", "=", "order", "http://example.com/", "?", "?", "?"]
    assert cells[2][:7] == ["nightly", "PingSource", "Broker", "default", "?", "?", "?"]


def test_what_only_the_engine_knows_is_said_not_to_be_known(invoke: Callable[..., Result]) -> None:
    for module, name, words in (
        (broker, "default", "Events:      a cluster does not count them"),
        (trigger, "on-order", "a cluster does not count it"),
        (source, "nightly", "State:       a cluster says no more than Ready"),
    ):
        shown = invoke(module, "describe", name)
        assert shown.exit_code == 0
        assert words in shown.stdout
    assert "retry: 3" in invoke(trigger, "describe", "on-order").stdout


@pytest.mark.parametrize("output", ["json", "yaml"])
def test_data_is_the_object_and_nothing_else(invoke: Callable[..., Result], output: str) -> None:
    for module, name in ((broker, "default"), (trigger, "on-order"), (source, "nightly")):
        assert "observed:" not in invoke(module, "describe", name, "-o", output).stdout
        assert '"observed"' not in invoke(module, "list", "-o", output).stdout


@pytest.mark.parametrize(
    ("module", "arguments"),
    [(events, "tail"), (events, "types"), (events, "replay --trigger on-order --since 1m"), (dlq, "list"),
     (dlq, "replay --all")],
)  # fmt: skip
def test_streams_are_the_engines_only(invoke: Callable[..., Result], module: Any, arguments: str) -> None:
    error = invoke(module, *arguments.split()).exception
    assert isinstance(error, CommandError)
    assert "is not the engine" in error.message
    assert "faas trigger list" in error.hint


@pytest.mark.parametrize(
    ("module", "arguments", "hint"),
    [
        (events, "tail --broker defalt", "Did you mean 'default'?"),
        (trigger, "describe other", "There are: on-order"),
        (source, "describe nigtly", "Did you mean 'nightly'?"),
        (broker, "describe -n elsewhere", "Make one:  faas broker create -n elsewhere"),
    ],
)
def test_a_wrong_name_gets_the_right_one(invoke: Callable[..., Result], module: Any, arguments: str, hint: str) -> None:
    error = invoke(module, *arguments.split()).exception
    assert isinstance(error, CommandError)
    assert hint in error.hint
