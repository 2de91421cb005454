"""What a cluster is told beside what the engine is told: golden."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from faas_runtime.declaring.spec import FunctionSpec, Trigger
from hypothesis import given
from hypothesis import strategies as st

from faas.project.errors import ProjectError
from faas.project.manifests.in_cluster import plural_of
from faas.project.manifests.objects import Objects, make_objects
from faas.project.manifests.surroundings import Surroundings
from faas.project.pyproject.brokers import BrokerSettings
from faas.project.pyproject.settings import Settings
from faas.project.pyproject.stages import Stage
from faas.project.secret_values import SecretValue
from faas.project.services import make_services

IMAGE = "registry.example.org/shop@sha256:" + "ab" * 32
ADAPTERS = "registry.example.org/faas-sources@sha256:" + "cd" * 32


def function(*triggers: Trigger, name: str = "on-order", **more: Any) -> FunctionSpec:
    return FunctionSpec(name=name, target=f"main:{name}", service=name, triggers=triggers, **more)


def source(kind: str, name: str = "", **options: Any) -> Trigger:
    return Trigger(kind=kind, name=name or f"on-order-{kind}", path="/_faas/events/on-order", options=options)


def event(name: str = "on-order", **options: Any) -> Trigger:
    return Trigger(kind="event", name=name, path="/", options={"filters": [{"exact": {"type": "a"}}], **options})


def objects(*functions: FunctionSpec, for_cluster: bool = True, **said: Any) -> Objects:
    settings = Settings(Path("/shop"), "shop", **said)
    return make_objects(
        make_services(functions, settings), IMAGE, project="shop", namespace="team", root=Path("/shop"), variables={},
        settings=settings, there=Surroundings() if for_cluster else None,
        config={"limits": {"MAX": b"5"}, "unread": {"A": b"1"}},
        secrets={name: {"K": SecretValue(b"v")} for name in ("db", "mq", "pull", "unread")},
    )  # fmt: skip


def container_of(manifest: Any) -> Any:
    (container,) = manifest["spec"]["template"]["spec"]["containers"]
    return container


def test_a_function_is_probed_and_knows_what_others_are_called() -> None:
    (made,) = objects(function(Trigger(kind="http"))).services
    (for_the_engine,) = objects(function(Trigger(kind="http")), for_cluster=False).services

    container = container_of(made)
    assert container["readinessProbe"] == {"httpGet": {"path": "/_faas/ready"}, "successThreshold": 1}
    assert container["livenessProbe"] == {
        "httpGet": {"path": "/_faas/live"},
        "initialDelaySeconds": 60, "periodSeconds": 10, "timeoutSeconds": 10, "failureThreshold": 3,
    }  # fmt: skip
    assert container["env"] == [
        {"name": "FAAS_FUNCTION", "value": "main:on-order"},
        {"name": "FAAS_DOMAIN", "value": "svc.cluster.local"},
        {"name": "FAAS_NAMESPACE", "value": "team"},
    ]
    assert container_of(for_the_engine) == {
        "image": IMAGE,
        "env": [{"name": "FAAS_FUNCTION", "value": "main:on-order"}],
    }


def test_an_image_of_ours_asks_for_no_rights() -> None:
    settings = Settings(Path("/shop"), "shop")
    (made,) = make_objects(
        make_services([function(Trigger(kind="http"))], settings), IMAGE, project="shop", namespace="team",
        root=Path("/shop"), variables={}, there=Surroundings(), unprivileged=True,
    ).services  # fmt: skip

    assert container_of(made)["securityContext"] == {
        "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }  # fmt: skip


def test_a_users_own_check_has_time_and_a_slow_start_is_no_death() -> None:
    (made,) = objects(
        function(Trigger(kind="http"), checks=("ready",), options={"progress_deadline": 1200})
    ).services  # fmt: skip

    container = container_of(made)
    assert container["readinessProbe"] == {
        "httpGet": {"path": "/_faas/ready"},
        "successThreshold": 1, "periodSeconds": 1, "timeoutSeconds": 5, "failureThreshold": 3,
    }  # fmt: skip
    assert container["livenessProbe"]["initialDelaySeconds"] == 1200


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({"scale_to_zero_after": 300.0}, "240s"),
        ({"scale_to_zero_after": 30.0}, "0s"),
        ({"scale_to_zero_after": 300.0, "window": 100}, "200s"),
        ({"scale_to_zero_after": 86400.0}, "3600s"),
        ({"scale_to_zero_after": 300.0, "pod_retention": 5}, "5s"),
    ],
)
def test_the_last_instance_is_kept_as_long_as_knative_can_be_told(options: dict[str, Any], kept: str) -> None:
    (made,) = objects(function(Trigger(kind="http"), options=options)).services

    annotations = made["spec"]["template"]["metadata"]["annotations"]
    assert annotations["autoscaling.knative.dev/scale-to-zero-pod-retention-period"] == kept


def test_an_adapter_asks_for_no_rights_and_is_told_its_name() -> None:
    made = objects(function(source("mqtt", topics=["a"], qos=1, version=5, url="mqtt://b")))

    (adapter,) = made.sources
    container = container_of(adapter)
    assert container["env"][-2:] == [
        {"name": "NAME", "value": "on-order-mqtt"}, {"name": "NAMESPACE", "value": "team"},
    ]  # fmt: skip
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }  # fmt: skip
    assert container["resources"]["limits"] == {"memory": "256Mi"}
    assert made.needs_adapters
    (named,) = made.with_adapters(ADAPTERS).sources
    assert container_of(named)["image"] == ADAPTERS
    assert not made.with_adapters(ADAPTERS).needs_adapters


@pytest.mark.parametrize("broker_class", ["", "Kafka"])
def test_an_adapter_that_is_called_is_a_service(broker_class: str) -> None:
    hook = source("webhook", path="/hook", methods=["POST"], secret="mq", signature="X-S", id_header="X-Id")
    made = objects(function(hook), brokers={"default": BrokerSettings(broker_class)}).with_adapters(ADAPTERS)

    assert made.sources == ()
    (receiver,) = [each for each in made.services if each["metadata"]["name"] == "on-order-webhook"]
    assert receiver["apiVersion"] == "serving.knative.dev/v1"
    assert receiver["metadata"]["labels"]["faas.dev/function"] == "on-order"
    assert "networking.knative.dev/visibility" not in receiver["metadata"]["labels"]
    container = container_of(receiver)
    assert (container["image"], container["args"]) == (ADAPTERS, ["webhook"])
    env = {each["name"]: each.get("value") for each in container["env"]}
    ingress = "kafka-broker-ingress" if broker_class else "broker-ingress"
    assert env["K_SINK"] == f"http://{ingress}.knative-eventing.svc.cluster.local/team/default"
    assert json.loads(env["K_CE_OVERRIDES"] or "") == {"extensions": {"faassource": "on-order-webhook"}}
    # It refuses what it had before, so there is one of it, which remembers.
    assert receiver["spec"]["template"]["metadata"]["annotations"] == {
        "autoscaling.knative.dev/max-scale": "1", "autoscaling.knative.dev/min-scale": "1",
    }  # fmt: skip


def test_who_watches_resources_may_see_them() -> None:
    resources = [
        {"apiVersion": "v1", "kind": "Pod"}, {"apiVersion": "apps/v1", "kind": "Deployment"},
        {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"},
    ]  # fmt: skip
    made = objects(function(source("kubernetes", resources=resources, mode="resource")))

    (watcher,) = made.sources
    account, role, binding = made.access
    assert watcher["spec"]["serviceAccountName"] == account["metadata"]["name"] == "on-order-kubernetes"
    assert role["rules"] == [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": ["get", "list", "watch"]},
    ]
    assert binding["roleRef"] == {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "Role",
        "name": "on-order-kubernetes",
    }
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "on-order-kubernetes", "namespace": "team"}]


@pytest.mark.parametrize("more", [{"service_account": "watcher"}, {"namespaces": ["other"]}])
def test_who_names_an_account_or_looks_elsewhere_gets_none(more: dict[str, Any]) -> None:
    resources = [{"apiVersion": "v1", "kind": "Pod"}]
    made = objects(function(source("kubernetes", resources=resources, mode="resource", **more)))

    assert made.access == ()
    assert made.sources[0]["spec"].get("serviceAccountName", "") == more.get("service_account", "")


@given(st.sampled_from([("Pod", "pods"), ("Ingress", "ingresses"), ("Endpoints", "endpoints"), ("Policy", "policies")]))
def test_resources_are_called_as_kubernetes_guesses(case: tuple[str, str]) -> None:
    assert plural_of(case[0]) == case[1]


def test_order_is_asked_of_the_broker_that_can_keep_it() -> None:
    kafka = {"orders": BrokerSettings("Kafka")}
    made = objects(
        function(event(ordered_by="subject", broker="orders"), event("b", ordered_by="subject")), brokers=kafka
    )

    annotations = {each["metadata"]["name"]: each["metadata"]["annotations"] for each in made.triggers}
    assert annotations == {
        "on-order": {"faas.dev/ordered-by": "subject", "kafka.eventing.knative.dev/delivery.order": "ordered"},
        "b": {"faas.dev/ordered-by": "subject"},
    }


@pytest.mark.parametrize(
    ("broker_class", "address"),
    [
        ("", "http://broker-ingress.knative-eventing.svc.cluster.local/team/orders"),
        ("MTChannelBasedBroker", "http://broker-ingress.knative-eventing.svc.cluster.local/team/orders"),
        ("Kafka", "http://kafka-broker-ingress.knative-eventing.svc.cluster.local/team/orders"),
        ("KafkaNamespaced", "http://kafka-broker-ingress.team.svc.cluster.local/team/orders"),
        ("RabbitMQBroker", "http://orders-broker-ingress.team.svc.cluster.local"),
    ],
)
def test_events_are_published_where_the_class_takes_them(broker_class: str, address: str) -> None:
    made = objects(function(event(broker="orders")), brokers={"orders": BrokerSettings(broker_class)})

    assert {"name": "K_SINK", "value": address} in container_of(made.services[0])["env"]


def test_a_described_broker_is_the_projects_and_one_that_is_named_is_nobodys() -> None:
    said = BrokerSettings(
        "Kafka", {"apiVersion": "v1", "kind": "ConfigMap", "name": "k"},
        {"retry": 3, "backoff_delay": 0.5, "delivery_timeout": 90.0, "dead_letter": "on-order"}, {"a": "1"},
    )  # fmt: skip
    made = objects(function(event(broker="named")), brokers={"orders": said}, stage=Stage("x"))

    assert made.brokers == (
        {
            "apiVersion": "eventing.knative.dev/v1",
            "kind": "Broker",
            "metadata": {"name": "named", "namespace": "team"},
        },
        {
            "apiVersion": "eventing.knative.dev/v1",
            "kind": "Broker",
            "metadata": {
                "name": "orders",
                "namespace": "team",
                "labels": {
                    "faas.dev/project": "shop", "app.kubernetes.io/managed-by": "faas", "faas.dev/stage": "x",
                },
                "annotations": {"a": "1", "eventing.knative.dev/broker.class": "Kafka"},
            },
            "spec": {
                "config": {"apiVersion": "v1", "kind": "ConfigMap", "name": "k"},
                "delivery": {
                    "retry": 3, "backoffPolicy": "exponential", "backoffDelay": "PT0.5S", "timeout": "PT90S",
                    "deadLetterSink": {
                        "ref": {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "on-order"}
                    },
                },
            },
        },
    )  # fmt: skip


def test_a_brokers_dead_letters_go_to_a_function_of_the_project() -> None:
    with pytest.raises(ProjectError, match="Broker default has dead_letter='bury', and the project has no such"):
        objects(function(event()), brokers={"default": BrokerSettings(delivery={"dead_letter": "bury"})})


def test_what_has_no_sink_for_dead_letters_is_known() -> None:
    made = objects(
        function(event(retry=1), event("b", dead_letter="stream"), event("c", dead_letter="on-order")),
    )

    assert made.dead_letter_streams == {"on-order": "", "b": "stream"}


def test_only_some_services_with_all_that_they_need() -> None:
    web = function(
        Trigger(kind="http"), name="web",
        options={"domains": ["a.example.org"], "config_env": {"MAX": "limits/MAX"}, "secret_env": {"K": "db/K"},
                 "image_pull_secrets": ["pull"]},
    )  # fmt: skip
    resources = [{"apiVersion": "v1", "kind": "Pod"}]
    made = objects(
        web,
        function(
            source("mqtt", topics=["a"], url="mqtt://b", secret="mq"),
            source("kubernetes", resources=resources, mode="resource"),
            source("webhook", path="/"),
        ),
    )

    def names(manifests: tuple[Any, ...]) -> list[str]:
        return [each["metadata"]["name"] for each in manifests]

    only = made.only(["web"])
    assert (names(only.services), names(only.domain_mappings)) == (["web"], ["a.example.org"])
    assert (names(only.secrets), names(only.config_maps)) == (["db", "pull"], ["limits"])
    assert (only.sources, only.triggers, only.access) == ((), (), ())
    other = made.only(["on-order"])
    assert names(other.services) == ["on-order", "on-order-webhook"]
    assert names(other.sources) == ["on-order-mqtt", "on-order-kubernetes"]
    assert (names(other.secrets), len(other.access), other.config_maps) == (["mq"], 3, ())
    assert names(made.secrets) == ["db", "mq", "pull", "unread"]
