"""From declared functions to Knative Services: golden."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from faas_runtime.declaring.spec import FunctionSpec, Trigger

from faas.project.errors import ProjectError, SettingsError
from faas.project.manifests.labels import Belonging
from faas.project.manifests.podspec import Overrides
from faas.project.manifests.service import Port, make_image_service, make_service
from faas.project.pyproject.settings import Settings
from faas.project.services import ServiceSpec, make_services

IMAGE = "faas.local/shop@sha256:" + "ab" * 32
HTTP = (Trigger(kind="http"),)
EVENT = (Trigger(kind="event", options={"type": "a.b"}),)


def function(name: str = "quote", **more: Any) -> FunctionSpec:
    fields: dict[str, Any] = {"target": f"main:{name}", "service": name, "triggers": HTTP, **more}
    return FunctionSpec(name=name, **fields)


def settings(**functions: dict[str, Any]) -> Settings:
    return Settings(Path("/shop"), "shop", functions)


def services(*functions: FunctionSpec, **more: Any) -> tuple[ServiceSpec, ...]:
    return make_services(functions, more.pop("settings", settings()), **more)


def manifest(spec: ServiceSpec, overrides: Overrides = Overrides()) -> Any:
    return make_service(spec, IMAGE, Belonging("shop", "default"), overrides=overrides)


def test_the_smallest_function() -> None:
    (spec,) = services(function())

    assert manifest(spec) == {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {
            "name": "quote",
            "namespace": "default",
            "labels": {
                "faas.dev/project": "shop",
                "app.kubernetes.io/managed-by": "faas",
                "faas.dev/function": "quote",
            },
        },
        "spec": {
            "template": {
                "metadata": {"labels": {"faas.dev/project": "shop", "faas.dev/function": "quote"}},
                "spec": {
                    "containerConcurrency": 20,
                    "containers": [{"image": IMAGE, "env": [{"name": "FAAS_FUNCTION", "value": "main:quote"}]}],
                },
            }
        },
    }


def test_every_option_becomes_what_knative_has_for_it() -> None:
    options = {
        "min_scale": 1,
        "max_scale": 50,
        "initial_scale": 2,
        "target": 10.0,
        "metric": "rps",
        "concurrency": 5,
        "timeout": 90.5,
        "cpu": "500m",
        "memory": "256Mi",
        "env": {"B": "2", "A": "1"},
        "secrets": ["db"],
        "config": ["limits.v1"],
        "labels": {"team": "sales"},
        "scale_to_zero_after": 90.0,
        "snapshot": False,
        "max_body": 1024,
    }
    (spec,) = services(function(options=options, is_async=True))

    made = manifest(spec, Overrides(rollout_duration_s=120))

    assert made["metadata"]["annotations"] == {"serving.knative.dev/rollout-duration": "120s"}
    assert made["metadata"]["labels"]["team"] == "sales"
    template = made["spec"]["template"]
    assert template["metadata"]["annotations"] == {
        "autoscaling.knative.dev/initial-scale": "2",
        "autoscaling.knative.dev/max-scale": "50",
        "autoscaling.knative.dev/metric": "rps",
        "autoscaling.knative.dev/min-scale": "1",
        "autoscaling.knative.dev/target": "10",
        "faas.dev/scale-to-zero-after": "1m30s",
        "faas.dev/snapshot": "false",
    }
    assert template["spec"] == {
        "containerConcurrency": 5,
        "timeoutSeconds": 91,
        "containers": [
            {
                "image": IMAGE,
                "env": [
                    {"name": "FAAS_FUNCTION", "value": "main:quote"},
                    {"name": "A", "value": "1"},
                    {"name": "B", "value": "2"},
                    {"name": "FAAS_MAX_BODY", "value": "1024"},
                ],
                "resources": {
                    "requests": {"cpu": "500m", "memory": "256Mi"},
                    "limits": {"cpu": "500m", "memory": "256Mi"},
                },
                "volumeMounts": [
                    {"name": "secrets-db", "mountPath": "/var/run/faas/secrets/db", "readOnly": True},
                    {"name": "config-limits-v1", "mountPath": "/var/run/faas/config/limits.v1", "readOnly": True},
                ],
            }
        ],
        "volumes": [
            {"name": "secrets-db", "secret": {"secretName": "db"}},
            {"name": "config-limits-v1", "configMap": {"name": "limits.v1"}},
        ],
    }


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, 20),
        ({"is_async": True}, 100),
        ({"kind": "asgi"}, 100),
        ({"kind": "wsgi"}, 20),
        ({"options": {"concurrency": 7}, "is_async": True}, 7),
    ],
    ids=["sync", "async", "asgi", "wsgi", "given"],
)
def test_container_concurrency_follows_how_a_function_works(more: dict[str, Any], expected: int) -> None:
    (spec,) = services(function(**more))

    assert manifest(spec)["spec"]["template"]["spec"]["containerConcurrency"] == expected


@pytest.mark.parametrize(
    ("triggers", "options", "local"),
    [
        (HTTP, {}, False),
        (EVENT, {}, True),
        ((*EVENT, *HTTP), {}, False),
        (HTTP, {"visibility": "cluster-local"}, True),
        (EVENT, {"visibility": "public"}, False),
    ],
    ids=["http", "event", "both", "hidden", "shown"],
)
def test_what_only_events_trigger_is_cluster_local(
    triggers: tuple[Trigger, ...], options: dict[str, Any], local: bool
) -> None:
    (spec,) = services(function(triggers=triggers, options=options))

    labels = manifest(spec)["metadata"]["labels"]

    assert (labels.get("networking.knative.dev/visibility") == "cluster-local") is local


def test_functions_that_share_a_service_are_one() -> None:
    page, api = function("page", service="web"), function("api", service="web", is_async=True)

    (spec,) = services(page, api)
    made = manifest(spec)

    assert made["metadata"]["name"] == "web"
    assert made["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] == "main:page,main:api"
    assert made["spec"]["template"]["metadata"]["annotations"] == {"faas.dev/functions": "page,api"}
    assert made["spec"]["template"]["spec"]["containerConcurrency"] == 20


def test_functions_that_share_a_service_must_not_contradict_each_other() -> None:
    one = function("one", service="web", options={"max_scale": 1})
    two = function("two", service="web", options={"max_scale": 2})

    with pytest.raises(ProjectError, match="functions of service web disagree on max_scale: 1 and 2"):
        services(one, two)


def test_the_later_place_wins_decorator_file_environment_flag() -> None:
    decorated = function(options={"min_scale": 1, "max_scale": 1, "initial_scale": 1, "concurrency": 1})
    written = settings(quote={"max_scale": 2, "initial_scale": 2, "concurrency": 2})

    (spec,) = services(
        decorated,
        settings=written,
        variables={"FAAS_INITIAL_SCALE": "3", "FAAS_CONCURRENCY": "3"},
        flags={"concurrency": 4},
    )

    assert spec.options == {"min_scale": 1, "max_scale": 2, "initial_scale": 3, "concurrency": 4}


def test_a_function_is_found_in_pyproject_by_its_python_name_too() -> None:
    (spec,) = services(
        function("get-order", target="main:get_order", service="get-order"), settings=settings(get_order={"cpu": "1"})
    )

    assert spec.options == {"cpu": "1"}


def test_variables_are_added_and_taken_away_by_flags() -> None:
    (spec,) = services(function(options={"env": {"A": "1", "B": "2"}}))

    env = manifest(spec, Overrides(env={"C": "3"}, without_env=frozenset({"A"})))["spec"]["template"]["spec"]

    assert [variable["name"] for variable in env["containers"][0]["env"]] == ["FAAS_FUNCTION", "B", "C"]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"qoute": {}}, r"tool.faas.functions.qoute: the project has no such function"),
        ({"quote": {"max_scle": 1}}, r"tool.faas.functions.quote: there is no option 'max_scle'"),
        ({"quote": {"concurrency": 0}}, r"tool.faas.functions.quote: concurrency=0 is out of range"),
    ],
    ids=["function", "option", "range"],
)
def test_a_wrong_setting_is_named_with_its_key(written: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message) as error:
        services(function(), settings=settings(**written))

    assert error.value.hint


def test_a_wrong_environment_variable_is_named() -> None:
    with pytest.raises(ProjectError, match="environment variable FAAS_MAX_SCALE: max_scale='many' is out of range"):
        services(function(), variables={"FAAS_MAX_SCALE": "many"})


def test_only_some_services_can_be_asked_for() -> None:
    both = (function("one"), function("two"))

    assert [spec.name for spec in services(*both, only=("two",))] == ["two"]
    with pytest.raises(ProjectError, match="no service three"):
        services(*both, only=("three",))


def test_a_service_from_an_image_says_only_what_was_said() -> None:
    assert make_image_service("web", "nginx", namespace="shop") == {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"template": {"spec": {"containers": [{"image": "nginx"}]}}},
    }


def test_everything_that_can_be_said_of_an_image() -> None:
    made = make_image_service(
        "web",
        "nginx",
        namespace="shop",
        port=Port(9000, "h2c"),
        options={"min_scale": 1, "concurrency": 5},
        overrides=Overrides(env={"B": "2", "A": "1"}, rollout_duration_s=90),
    )

    assert made["metadata"]["annotations"] == {"serving.knative.dev/rollout-duration": "90s"}
    assert made["spec"]["template"] == {
        "metadata": {"annotations": {"autoscaling.knative.dev/min-scale": "1"}},
        "spec": {
            "containers": [
                {
                    "image": "nginx",
                    "ports": [{"containerPort": 9000, "name": "h2c"}],
                    "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
                }
            ],
            "containerConcurrency": 5,
        },
    }
