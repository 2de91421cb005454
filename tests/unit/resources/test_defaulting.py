"""Defaults, as Knative's webhook and the API server set them."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from faas.resources import kinds
from faas.resources.config import Config, parse_config
from faas.resources.defaulting import set_defaults

Raw = dict[str, Any]


def service(container: Raw | None = None, **spec: Any) -> Raw:
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": "hello", "namespace": "default"},
        "spec": {"template": {"spec": {"containers": [{"image": "hello", **(container or {})}]}}, **spec},
    }


def revision_spec(raw: Raw) -> Raw:
    spec: Raw = raw["spec"]["template"]["spec"]
    return spec


def test_a_bare_service_gets_what_knative_gives_it() -> None:
    raw = service()
    before = copy.deepcopy(raw)

    result = set_defaults(kinds.SERVICE, raw, Config(), user="jane")

    assert raw == before
    assert result == {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {
            "name": "hello",
            "namespace": "default",
            "annotations": {"serving.knative.dev/creator": "jane", "serving.knative.dev/lastModifier": "jane"},
        },
        "spec": {
            "template": {
                "spec": {
                    "containers": [
                        {
                            "image": "hello",
                            "name": "user-container",
                            "readinessProbe": {"successThreshold": 1, "tcpSocket": {"port": 0}},
                            "resources": {},
                        }
                    ],
                    "containerConcurrency": 0,
                    "enableServiceLinks": False,
                    "timeoutSeconds": 300,
                }
            },
            "traffic": [{"latestRevision": True, "percent": 100}],
        },
    }


def test_defaults_of_what_has_its_defaults_change_nothing() -> None:
    once = set_defaults(kinds.SERVICE, service(), Config(), user="jane")

    assert set_defaults(kinds.SERVICE, once, Config(), old=once, user="john") == once


def test_what_is_said_stays() -> None:
    raw = service({"name": "web", "readinessProbe": {"httpGet": {"path": "/"}}})
    revision_spec(raw).update(timeoutSeconds=10, containerConcurrency=5, enableServiceLinks=True)

    spec = revision_spec(set_defaults(kinds.SERVICE, raw, Config()))

    assert (spec["timeoutSeconds"], spec["containerConcurrency"], spec["enableServiceLinks"]) == (10, 5, True)
    assert spec["containers"][0]["name"] == "web"
    assert spec["containers"][0]["readinessProbe"] == {"httpGet": {"path": "/"}, "successThreshold": 1}


def test_a_readiness_probe_with_a_period_is_kubernetes_own() -> None:
    raw = service({"readinessProbe": {"periodSeconds": 10, "grpc": {"port": 0}}})

    (container,) = revision_spec(set_defaults(kinds.SERVICE, raw, Config()))["containers"]

    assert container["readinessProbe"] == {
        "periodSeconds": 10,
        "grpc": {"port": 0, "service": ""},
        "successThreshold": 1,
        "failureThreshold": 3,
        "timeoutSeconds": 1,
    }


def test_a_port_speaks_tcp() -> None:
    (container,) = revision_spec(set_defaults(kinds.SERVICE, service({"ports": [{"containerPort": 80}]}), Config()))[
        "containers"
    ]
    assert container["ports"] == [{"containerPort": 80, "protocol": "TCP"}]


def test_the_config_map_gives_other_defaults() -> None:
    config = parse_config(
        {
            "config-defaults": {
                "revision-timeout-seconds": "100",
                "revision-response-start-timeout-seconds": "50",
                "revision-idle-timeout-seconds": "20",
                "container-concurrency": "7",
                "container-name-template": "{{.Name}}-main",
                "revision-cpu-request": "100m",
                "revision-memory-limit": "1Gi",
                "enable-service-links": "default",
            }
        }
    )

    spec = revision_spec(set_defaults(kinds.SERVICE, service({"resources": {"requests": {"cpu": "1"}}}), config))

    assert spec["timeoutSeconds"] == 100
    assert spec["responseStartTimeoutSeconds"] == 50
    assert spec["idleTimeoutSeconds"] == 20
    assert spec["containerConcurrency"] == 7
    assert "enableServiceLinks" not in spec
    assert spec["containers"][0]["name"] == "hello-main"
    assert spec["containers"][0]["resources"] == {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}}


def test_volumes_that_cannot_be_written_are_mounted_read_only() -> None:
    raw = service({"volumeMounts": [{"name": "scratch", "mountPath": "/s"}, {"name": "conf", "mountPath": "/c"}]})
    revision_spec(raw)["volumes"] = [{"name": "scratch", "emptyDir": {}}, {"name": "conf", "configMap": {"name": "c"}}]

    (container,) = revision_spec(set_defaults(kinds.SERVICE, raw, Config()))["containers"]

    assert [mount.get("readOnly") for mount in container["volumeMounts"]] == [None, True]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({"revisionName": "hello-00001"}, {"revisionName": "hello-00001", "latestRevision": False, "percent": 0}),
        ({"percent": 100}, {"percent": 100, "latestRevision": True}),
    ],
)
def test_traffic_targets_say_whether_they_follow_the_latest_revision(target: Raw, expected: Raw) -> None:
    result = set_defaults(kinds.SERVICE, service(traffic=[target]), Config())
    assert result["spec"]["traffic"] == [expected]


def test_only_a_change_of_the_spec_changes_the_last_modifier() -> None:
    old = set_defaults(kinds.SERVICE, service(), Config(), user="jane")
    labelled = copy.deepcopy(old)
    labelled["metadata"]["labels"] = {"a": "b"}
    changed = copy.deepcopy(old)
    revision_spec(changed)["timeoutSeconds"] = 10

    for raw, modifier in ((labelled, "jane"), (changed, "john")):
        annotations = set_defaults(kinds.SERVICE, raw, Config(), old=old, user="john")["metadata"]["annotations"]
        assert annotations["serving.knative.dev/creator"] == "jane"
        assert annotations["serving.knative.dev/lastModifier"] == modifier


def test_a_template_that_keeps_its_revisions_name_gets_no_new_defaults() -> None:
    old = service()
    old["spec"]["template"]["metadata"] = {"name": "hello-a"}

    result = set_defaults(kinds.SERVICE, old, Config(), old=old)

    assert revision_spec(result) == {"containers": [{"image": "hello"}]}


def test_a_revision_gets_defaults_only_when_it_is_made() -> None:
    raw = {"metadata": {"name": "hello-00001"}, "spec": {"containers": [{"image": "hello"}]}}

    assert set_defaults(kinds.REVISION, raw, Config())["spec"]["timeoutSeconds"] == 300
    assert set_defaults(kinds.REVISION, raw, Config(), old=raw) == raw


def test_a_secrets_text_is_written_into_its_data() -> None:
    raw = {"metadata": {"name": "s"}, "data": {"a": "b2xk", "b": "Yg=="}, "stringData": {"a": "new"}}

    assert set_defaults(kinds.SECRET, raw, Config()) == {
        "metadata": {"name": "s"},
        "data": {"a": "bmV3", "b": "Yg=="},
        "type": "Opaque",
    }


def test_a_namespace_is_active_and_labelled_with_its_name() -> None:
    assert set_defaults(kinds.NAMESPACE, {"metadata": {"name": "shop"}}, Config()) == {
        "metadata": {"name": "shop", "labels": {"kubernetes.io/metadata.name": "shop"}},
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }


def test_kinds_without_defaults_pass_through() -> None:
    raw = {"metadata": {"name": "c"}}
    assert set_defaults(kinds.CONFIG_MAP, raw, Config()) is raw
