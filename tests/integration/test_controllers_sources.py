"""Sources and SinkBindings over the real API in process; the test plays the part that runs them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from faas.client.protocol import Object
from faas.engine.contract.revision import EnvVar, RevisionKey, SecretRef
from faas.engine.contract.sources import SourceKey, SourcePlan, SourceStatus
from faas.resources.kinds import (
    API_SERVER_SOURCE,
    BROKER,
    CONFIGURATION,
    CONTAINER_SOURCE,
    GITHUB_SOURCE,
    KAFKA_SOURCE,
    PING_SOURCE,
    RABBITMQ_SOURCE,
    REDIS_STREAM_SOURCE,
    SINK_BINDING,
    Kind,
)
from tests.engine_world import DEADLINE_S, World, condition, in_world, is_ready

BROKER_SINK = {"ref": {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "default"}}
SINK_URL = "http://broker-ingress.knative-eventing.svc.cluster.local/default/default"
REPLACED = EnvVar("K_SINK", SINK_URL)


def manifest(kind: Kind, name: str, spec: Object, **labels: str) -> Object:
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {"name": name, "namespace": "default", "labels": labels},
        "spec": spec,
    }


async def apply(world: World, kind: Kind, name: str, spec: Object, **labels: str) -> Object:
    return await world.client.patch(
        kind, name, manifest(kind, name, spec, **labels), "default", type="apply", force=True
    )


async def with_broker(world: World) -> None:
    await apply(world, BROKER, "default", {})


def key_of(kind: Kind, name: str) -> SourceKey:
    return SourceKey(str(kind), "default", name)


async def plan_of(world: World, key: SourceKey, wanted: Callable[[SourcePlan], bool] = lambda _: True) -> SourcePlan:
    async with asyncio.timeout(DEADLINE_S):
        async for _ in world.board.sources.changes():
            plan = world.board.sources.get(key)
            if plan is not None and wanted(plan):
                return plan
    raise AssertionError("the board ended")


async def no_plan(world: World, key: SourceKey) -> None:
    async with asyncio.timeout(DEADLINE_S):
        async for _ in world.board.sources.changes():
            if key not in world.board.sources:
                return


def variables(plan: SourcePlan) -> dict[str, Any]:
    return {variable.name: variable.value for variable in plan.env}


def options(plan: SourcePlan) -> Any:
    return json.loads(variables(plan)["FAAS_SOURCE"])


@in_world
async def test_a_ping_source_gets_its_plan_once_its_sink_is_there(world: World) -> None:
    spec = {"schedule": "*/5 * * * *", "timezone": "Europe/Berlin", "data": "{}", "sink": BROKER_SINK}
    await apply(world, PING_SOURCE, "tick", {**spec, "ceOverrides": {"extensions": {"faassource": "tick"}}})
    source = await world.until(PING_SOURCE, "tick", lambda raw: condition(raw, "SinkProvided").get("status") == "False")
    assert condition(source, "SinkProvided")["reason"] == "NotFound"
    key = key_of(PING_SOURCE, "tick")
    assert key not in world.board.sources
    await with_broker(world)
    plan = await plan_of(world, key)
    assert (plan.adapter, plan.uid) == ("ping", source["metadata"]["uid"])
    assert variables(plan) == {"K_SINK": SINK_URL, "K_CE_OVERRIDES": '{"extensions": {"faassource": "tick"}}'}
    assert json.loads(plan.spec)["schedule"] == "*/5 * * * *"
    world.board.source_status.put(key, SourceStatus("running"))
    source = await world.until(PING_SOURCE, "tick", is_ready)
    assert source["status"]["sinkUri"] == SINK_URL
    assert source["status"]["ceAttributes"] == [
        {"type": "dev.knative.sources.ping", "source": "/apis/v1/namespaces/default/pingsources/tick"}
    ]
    assert {entry["type"]: entry["status"] for entry in source["status"]["conditions"]} == {
        "Deployed": "True",
        "OIDCIdentityCreated": "True",
        "Ready": "True",
        "SinkProvided": "True",
    }
    await world.client.delete(BROKER, "default", "default")
    await no_plan(world, key)


@in_world
async def test_what_an_adapter_says_becomes_a_condition(world: World) -> None:
    await with_broker(world)
    spec = {"address": "redis://localhost:6379", "stream": "s", "sink": BROKER_SINK}
    await apply(world, REDIS_STREAM_SOURCE, "r", spec)
    key = key_of(REDIS_STREAM_SOURCE, "r")
    await plan_of(world, key)
    world.board.source_status.put(key, SourceStatus("failing", "ConnectionRefused", "nobody listens"))
    source = await world.until(
        REDIS_STREAM_SOURCE, "r", lambda raw: condition(raw, "Deployed").get("status") == "False"
    )
    assert condition(source, "Ready")["reason"] == "ConnectionRefused"
    assert condition(source, "Ready")["message"] == "nobody listens"
    world.board.source_status.put(key, SourceStatus("running"))
    await world.until(REDIS_STREAM_SOURCE, "r", is_ready)


@in_world
async def test_a_relative_uri_is_a_path_of_what_the_sink_refers_to(world: World) -> None:
    await world.apply("hello")
    await world.service_ready("hello", "hello-00001")
    ref = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "hello"}
    await apply(world, PING_SOURCE, "tick", {"sink": {"ref": ref, "uri": "/in?x=1"}})
    plan = await plan_of(world, key_of(PING_SOURCE, "tick"))
    assert variables(plan)["K_SINK"] == "http://hello.default.svc.cluster.local/in?x=1"


@in_world
async def test_secrets_are_named_in_a_plan_and_never_read(world: World) -> None:
    await with_broker(world)

    def secret(key: str) -> Object:
        return {"secretKeyRef": {"name": "kafka", "key": key}}

    net = {
        "sasl": {"enable": True, "user": secret("user"), "password": secret("password"), "type": secret("saslType")},
        "tls": {"enable": True, "caCert": secret("ca.crt")},
    }
    spec = {"bootstrapServers": ["a:9092"], "topics": ["t"], "consumerGroup": "g", "consumers": 2, "net": net}
    await apply(world, KAFKA_SOURCE, "k", {**spec, "sink": BROKER_SINK})
    plan = await plan_of(world, key_of(KAFKA_SOURCE, "k"))
    assert (plan.adapter, plan.replicas) == ("kafka", 2)
    assert options(plan) == {
        "bootstrap_servers": ["a:9092"],
        "topics": ["t"],
        "group": "g",
        "start": "latest",
        "ordering": "ordered",
        "security": "SASL_SSL",
    }
    assert plan.env[1:] == (
        EnvVar("FAAS_SOURCE_USERNAME", SecretRef("Secret", "kafka", "user")),
        EnvVar("FAAS_SOURCE_PASSWORD", SecretRef("Secret", "kafka", "password")),
        EnvVar("FAAS_OPTION_sasl_mechanism", SecretRef("Secret", "kafka", "saslType", optional=True)),
        EnvVar("FAAS_SOURCE_CA", SecretRef("Secret", "kafka", "ca.crt")),
        REPLACED,
    )


@in_world
async def test_a_rabbitmq_source_takes_its_connection_from_a_secret(world: World) -> None:
    await with_broker(world)
    spec = {
        "rabbitmqClusterReference": {"connectionSecret": {"name": "rabbit"}, "name": "", "namespace": ""},
        "rabbitmqResourcesConfig": {"exchangeName": "orders", "queueName": "q", "parallelism": 5, "vhost": "v"},
        "sink": BROKER_SINK,
    }
    await apply(world, RABBITMQ_SOURCE, "rmq", spec)
    key = key_of(RABBITMQ_SOURCE, "rmq")
    plan = await plan_of(world, key)
    assert options(plan) == {"prefetch": 5, "queue": "q", "exchange": "orders", "vhost": "v"}
    assert variables(plan)["FAAS_OPTION_uri"] == SecretRef("Secret", "rabbit", "uri")
    world.board.source_status.put(
        key, SourceStatus("failing", "SecretMissing", "the Secret default/rabbit is not there")
    )
    source = await world.until(
        RABBITMQ_SOURCE, "rmq", lambda raw: condition(raw, "SecretReady").get("status") == "False"
    )
    assert condition(source, "SecretReady")["message"] == "the Secret default/rabbit is not there"


@in_world
async def test_a_github_source_gets_a_public_address(world: World) -> None:
    await with_broker(world)
    spec = {
        "ownerAndRepository": "o/r",
        "eventTypes": ["push"],
        "accessToken": {"secretKeyRef": {"name": "gh", "key": "token"}},
        "secretToken": {"secretKeyRef": {"name": "gh", "key": "secret"}},
        "sink": BROKER_SINK,
    }
    await apply(world, GITHUB_SOURCE, "hook", spec)
    key = key_of(GITHUB_SOURCE, "hook")
    plan = await plan_of(world, key)
    assert (plan.adapter, plan.receives) == ("github", True)
    assert options(plan) == {"repository": "o/r", "events": ["push"]}
    assert variables(plan)["FAAS_SOURCE_SECRET"] == SecretRef("Secret", "gh", "secret")
    target = world.board.targets["default/hook"]
    revision = "default/hook.githubsources.sources.knative.dev"
    assert (target.public, target.splits[0].revision) == (True, revision)
    assert world.board.hosts["hook.default.localhost"] == "default/hook"
    assert world.board.policies[RevisionKey.parse(revision)].service == "hook"
    source = await world.until(GITHUB_SOURCE, "hook", lambda raw: bool((raw.get("status") or {}).get("annotations")))
    assert source["status"]["annotations"] == {"faas.dev/url": "http://hook.default.localhost:8080"}
    assert "FAAS_OPTION_url" not in variables(plan)  # GitHub cannot reach it, so no webhook is made
    annotated = {"metadata": {"annotations": {"faas.dev/public-url": "https://tunnel.example/"}}}
    await world.client.patch(GITHUB_SOURCE, "hook", annotated, "default")
    plan = await plan_of(world, key, lambda plan: "FAAS_OPTION_url" in variables(plan))
    assert variables(plan)["FAAS_OPTION_url"] == "https://tunnel.example"
    await world.client.delete(GITHUB_SOURCE, "hook", "default")
    await no_plan(world, key)
    assert "default/hook" not in world.board.targets
    assert "hook.default.localhost" not in world.board.hosts


@in_world
async def test_a_webhook_says_where_it_takes_requests(world: World) -> None:
    await with_broker(world)
    env = [{"name": "FAAS_SOURCE", "value": '{"path": "/stripe"}'}]
    container = {"name": "a", "image": "faas.local/faas-sources", "args": ["webhook"], "env": env}
    await apply(
        world, CONTAINER_SOURCE, "pay", {"template": {"spec": {"containers": [container]}}, "sink": BROKER_SINK}
    )
    source = await world.until(CONTAINER_SOURCE, "pay", lambda raw: bool((raw.get("status") or {}).get("annotations")))
    assert source["status"]["annotations"] == {"faas.dev/url": "http://pay.default.localhost:8080/stripe"}


@in_world
async def test_a_name_that_a_service_has_is_not_taken_from_it(world: World) -> None:
    await with_broker(world)
    await world.apply("hook")
    await world.service_ready("hook", "hook-00001")
    container = {"name": "a", "image": "faas.local/faas-sources", "args": ["webhook"]}
    await apply(
        world, CONTAINER_SOURCE, "hook", {"template": {"spec": {"containers": [container]}}, "sink": BROKER_SINK}
    )
    source = await world.until(
        CONTAINER_SOURCE, "hook", lambda raw: condition(raw, "ReceiveAdapterReady").get("status") == "False"
    )
    assert condition(source, "Ready")["reason"] == "NameTaken"
    await world.route_splits("hook", hook_00001=100)


@in_world
async def test_a_container_source_of_our_adapter_becomes_its_process(world: World) -> None:
    await with_broker(world)
    env = [
        {"name": "FAAS_SOURCE", "value": '{"topics": ["a/#"]}'},
        {"name": "FAAS_SOURCE_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "mqtt", "key": "password"}}},
    ]
    container = {"name": "a", "image": "registry.example/x/faas-sources:1", "args": ["mqtt"], "env": env}
    await apply(world, CONTAINER_SOURCE, "m", {"template": {"spec": {"containers": [container]}}, "sink": BROKER_SINK})
    key = key_of(CONTAINER_SOURCE, "m")
    plan = await plan_of(world, key)
    assert (plan.adapter, plan.receives) == ("mqtt", False)
    assert plan.env == (
        EnvVar("FAAS_SOURCE", '{"topics": ["a/#"]}'),
        EnvVar("FAAS_SOURCE_PASSWORD", SecretRef("Secret", "mqtt", "password")),
        REPLACED,
    )
    world.board.source_status.put(key, SourceStatus("running"))
    source = await world.until(CONTAINER_SOURCE, "m", is_ready)
    assert [entry["type"] for entry in source["status"]["conditions"]] == [
        "Ready",
        "ReceiveAdapterReady",
        "SinkBindingReady",
    ]


@pytest.mark.parametrize(
    ("container", "reason"),
    [
        pytest.param({"image": "docker.io/me/heartbeats"}, "ContainersNotSupported", id="another image"),
        pytest.param({"image": "faas.local/faas-sources"}, "NoAdapter", id="no adapter named"),
        pytest.param({"image": "faas.local/faas-sources", "args": ["ping"]}, "NoAdapter", id="a task of the engine"),
        pytest.param(
            {
                "image": "faas.local/faas-sources",
                "args": ["mqtt"],
                "env": [{"name": "N", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
            },
            "UnsupportedVariable",
            id="a field of a Pod that there is not",
        ),
    ],
)
def test_what_cannot_run_without_containers_is_refused(container: Object, reason: str) -> None:
    async def body(world: World) -> None:
        await with_broker(world)
        spec = {"template": {"spec": {"containers": [{"name": "c", **container}]}}, "sink": BROKER_SINK}
        await apply(world, CONTAINER_SOURCE, "c", spec)
        source = await world.until(
            CONTAINER_SOURCE, "c", lambda raw: condition(raw, "ReceiveAdapterReady").get("status") == "False"
        )
        assert condition(source, "Ready")["reason"] == reason
        assert key_of(CONTAINER_SOURCE, "c") not in world.board.sources

    in_world(body)()


@in_world
async def test_an_api_server_source_may_only_watch_what_the_engine_has(world: World) -> None:
    await with_broker(world)
    spec = {"mode": "Resource", "resources": [{"apiVersion": "apps/v1", "kind": "Deployment"}], "sink": BROKER_SINK}
    await apply(world, API_SERVER_SOURCE, "watch", spec)
    source = await world.until(
        API_SERVER_SOURCE, "watch", lambda raw: condition(raw, "Deployed").get("status") == "False"
    )
    assert condition(source, "Deployed")["reason"] == "UnknownResource"
    await apply(world, API_SERVER_SOURCE, "watch", {**spec, "resources": [{"apiVersion": "v1", "kind": "ConfigMap"}]})
    plan = await plan_of(world, key_of(API_SERVER_SOURCE, "watch"))
    assert plan.adapter == "kubernetes"
    source = await world.until(API_SERVER_SOURCE, "watch", lambda raw: bool(raw["status"].get("ceAttributes")))
    assert source["status"]["ceAttributes"][0] == {
        "type": "dev.knative.apiserver.resource.add",
        "source": "https://127.0.0.1:6443",
    }


def env_of(configuration: Object) -> list[Object]:
    env: list[Object] = configuration["spec"]["template"]["spec"]["containers"][0].get("env", [])
    return env


@in_world
async def test_a_sink_binding_gives_a_service_its_sink_and_takes_it_back(world: World) -> None:
    await with_broker(world)
    await world.apply("hello")
    await world.service_ready("hello", "hello-00001")
    subject = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "hello"}
    overrides = {"extensions": {"team": "a"}}
    await apply(world, SINK_BINDING, "bind", {"subject": subject, "sink": BROKER_SINK, "ceOverrides": overrides})
    binding = await world.until(SINK_BINDING, "bind", is_ready)
    assert binding["status"]["sinkUri"] == SINK_URL
    await world.service_ready("hello", "hello-00002")
    configuration = await world.client.get(CONFIGURATION, "hello", "default")
    assert env_of(configuration) == [
        {"name": "K_SINK", "value": SINK_URL},
        {"name": "K_CE_OVERRIDES", "value": '{"extensions":{"team":"a"}}'},
    ]
    await world.apply("hello")  # as a deploy does: nothing of the binding is in what it applies
    await world.apply("hello", "v2")
    await world.service_ready("hello", "hello-00003")
    assert len(env_of(await world.client.get(CONFIGURATION, "hello", "default"))) == 2
    await world.client.delete(SINK_BINDING, "bind", "default")
    await world.service_ready("hello", "hello-00004")
    assert env_of(await world.client.get(CONFIGURATION, "hello", "default")) == []


@in_world
async def test_a_sink_binding_finds_its_services_by_labels(world: World) -> None:
    await with_broker(world)
    selector = {"matchLabels": {"team": "a"}}
    subject = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "selector": selector}
    await apply(world, SINK_BINDING, "bind", {"subject": subject, "sink": BROKER_SINK})
    await world.until(SINK_BINDING, "bind", is_ready)
    await world.apply("mine", labels={"team": "a"})
    await world.apply("other")
    await world.service_ready("mine", "mine-00001")
    await world.service_ready("other", "other-00001")
    mine = await world.client.get(CONFIGURATION, "mine", "default")
    assert env_of(mine) == [{"name": "K_SINK", "value": SINK_URL}]
    assert env_of(await world.client.get(CONFIGURATION, "other", "default")) == []


@in_world
async def test_a_sink_binding_of_something_else_than_services_is_refused(world: World) -> None:
    await with_broker(world)
    subject = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    await apply(world, SINK_BINDING, "bind", {"subject": subject, "sink": BROKER_SINK})
    binding = await world.until(
        SINK_BINDING, "bind", lambda raw: condition(raw, "SinkBindingAvailable").get("status") == "False"
    )
    assert condition(binding, "Ready")["reason"] == "SubjectNotSupported"
