"""Every decorator, as the API takes it and as our adapters read it: what is declared arrives whole."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
from faas_runtime.declaring.registry import REGISTRY
from faas_runtime.describe import describe
from faas_runtime.events.shapes.github import EVENTS

from faas.client.protocol import Object
from faas.deploy.bindings.events import carry_out_events, make_brokers, plan_events
from faas.deploy.export.editions.cleaning import exported_event
from faas.deploy.objects.belonging import read_events
from faas.engine.api.objects.backend import Backend
from faas.engine.api.objects.bootstrap import bootstrap
from faas.engine.store import MemoryStore
from faas.project.manifests.objects import Objects, make_objects
from faas.project.pyproject.settings import Settings
from faas.project.services import make_services
from faas.resources.sources.github import GITHUB_EVENTS
from faas.sources.config import read_options

EVERYTHING = """
from faas import Event, function

@function.schedule("*/5 * * * *", timezone="Europe/Berlin", data={"a": 1})
@function.schedule("@daily", data=b"\\xff")
@function.mqtt("a/+", share="g", client_id="c", url="mqtts://${BROKER}", secret="s", qos=2, version=4)
@function.mqtt("own/#")
@function.bucket("uploads", on=("created", "removed"), prefix="p/", suffix=".jpg", endpoint="http://127.0.0.1:1",
                 region="eu", secret="s3", interval=5, path_style=True)
@function.bucket("told", notifications=True, secret="told")
@function.redis("s", start="earliest", batch=5)
@function.redis("s2", url="rediss://r", secret="r", group="g")
@function.kafka(["t", "u"], bootstrap="k:1", secret="k", consumers=2, start="earliest", ordering="unordered")
@function.rabbitmq("q", url="amqp://mq/v", exchange="e", exchange_type="topic", routing_key=["a.#"], durable=True)
@function.rabbitmq("q2", exchange="e", secret="mq", prefetch=5)
@function.github("o/r", secret="gh", events=("push", "issues"), api_url="https://g/api/v3")
@function.kubernetes(["v1/Pod", "apps/v1/Deployment"], on="add", selector="a=b", namespaces="x", service_account="w")
@function.webhook("/hook", secret="s", signature="X-Sig", signature_prefix="v1=", signed="{timestamp}.{body}",
                  timestamp_header="X-T", id_header="X-I", type="a.b", source="/s", algorithm="sha512", methods="PUT")
@function.files("in", patterns=("*.a", "*.b"), settle=0, on="removed", recursive=False)
@function.event(type=["a", "b"], sql="subject = 'x'", filters=[{"not": {"exact": {"source": "/x"}}}],
                ordered_by="data.a.b", parallelism=3, backlog_target=4, retry=0, backoff="linear", backoff_delay="1s",
                delivery_timeout="10s", dead_letter="dl")
def f(event: Event) -> None: ...
"""


@pytest.fixture
def declared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Objects:
    (tmp_path / "every_source_main.py").write_text(EVERYTHING)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "every_source_main", raising=False)
    before = dict(REGISTRY.functions)
    try:
        description = describe(tmp_path)
    finally:
        REGISTRY.clear()
        REGISTRY.functions.update(before)
    assert not description.errors, description.errors
    services = make_services(description.functions, Settings(tmp_path, "shop", {}))
    return make_objects(
        services, "image", project="shop", namespace="default", root=tmp_path, variables={"BROKER": "mq.example"}
    )


def test_the_api_takes_every_source_and_loses_nothing_of_it(declared: Objects) -> None:
    async def deployed() -> list[Object]:
        api = Backend(MemoryStore())
        await bootstrap(api)
        plan = await plan_events(api, declared, project="shop", namespace="default", prune=True)
        await make_brokers(api, plan.brokers, lambda line: None)
        await carry_out_events(
            api, plan, namespace="default", wait=False, timeout_s=1, log=lambda line: None
        )  # fmt: skip
        again = await plan_events(api, declared, project="shop", namespace="default", prune=True)
        assert again.is_empty
        live = await read_events(api, "default", set())
        return [exported_event(obj) for obj in (*live.triggers, *live.sources)]

    def key(obj: Object) -> tuple[str, str]:
        return obj["kind"], obj["metadata"]["name"]

    live = {key(obj): obj for obj in asyncio.run(deployed())}
    assert live == {key(obj): obj for obj in (*declared.triggers, *declared.sources)}


@pytest.mark.parametrize("adapter", ["mqtt", "bucket", "redis", "rabbitmq", "webhook", "files"])
def test_our_adapters_understand_what_they_are_told(declared: Objects, adapter: str) -> None:
    options: Any = pytest.importorskip(f"faas.sources.adapters.{adapter}").Options
    documents = [document for name, document in map(_told, declared.sources) if name == adapter]

    for document in documents:
        read_options(document.replace('"url": ""', '"url": "mqtt://filled.in.by.the.engine"').encode(), options)
    assert documents


def _told(source: Object) -> tuple[str, str]:
    """The adapter of a ContainerSource, and the document that it gets."""
    if source["kind"] != "ContainerSource":
        return "", ""
    (container,) = source["spec"]["template"]["spec"]["containers"]
    return container["args"][0], container["env"][0]["value"]


def test_the_decorator_takes_the_events_of_github_that_the_api_takes() -> None:
    assert sorted(EVENTS) == sorted(GITHUB_EVENTS)
