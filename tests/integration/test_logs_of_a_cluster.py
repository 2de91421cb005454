"""`faas logs` of an API server that keeps no history, as a cluster's keeps none: the Pods' logs are what there is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from click.testing import CliRunner

from faas.cli import logs
from faas.client.http.client import HttpClient
from faas.client.kubeconfigs.loading import load
from faas.resources import keys, kinds


def test_without_history_the_logs_of_the_pods_are_shown(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    service = {
        "metadata": {"name": "plain", "namespace": "default"},
        "spec": {"template": {"spec": {"containers": [{"image": "example.com/plain"}]}}},
    }
    pod = {
        "metadata": {"name": "plain-1", "namespace": "default", "labels": {keys.SERVICE_LABEL: "plain"}},
        "spec": {"containers": [{"name": "user-container", "image": "x"}]},
    }
    api.call(lambda backend: backend.create(kinds.SERVICE, service))
    api.call(lambda backend: backend.create(kinds.POD, pod))

    async def session(work: Callable[[HttpClient], Awaitable[None]]) -> None:
        async with HttpClient(load(api.kubeconfig)) as client:
            await work(client)

    monkeypatch.setattr(logs, "with_client", lambda _, work: asyncio.run(session(work)))
    done = CliRunner().invoke(logs.command, ["plain"])
    assert (done.exit_code, done.stdout) == (0, "plain-1 one\nplain-1 two\nplain-1 three\n")
