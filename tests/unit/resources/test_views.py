"""Raw objects as typed views and back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from faas.resources import core
from faas.resources.catalog import view_of
from faas.resources.kinds import KINDS
from faas.resources.meta import Condition, ObjectMeta
from faas.resources.podspec import Container, EnvVar, Probe, TCPSocketAction
from faas.resources.serving import (
    RevisionSpec,
    RevisionTemplate,
    Service,
    ServiceSpec,
    ServiceStatus,
    TemplateMeta,
    TrafficTarget,
)
from faas.resources.views import UndecodableObject, decode, encode, owner_reference

SERVICE: dict[str, Any] = {
    "apiVersion": "serving.knative.dev/v1",
    "kind": "Service",
    "metadata": {"name": "hello", "namespace": "default", "creationTimestamp": "2026-11-23T12:00:00Z"},
    "spec": {
        "template": {
            "metadata": {"annotations": {"autoscaling.knative.dev/min-scale": "1"}},
            "spec": {
                "containers": [
                    {
                        "image": "hello",
                        "env": [{"name": "A", "value": "b"}],
                        "readinessProbe": {"tcpSocket": {"port": 0}, "successThreshold": 1},
                    }
                ],
                "containerConcurrency": 0,
                "hostIPC": False,
                "volumes": [{"name": "scratch", "emptyDir": {}}],
            },
        },
        "traffic": [{"latestRevision": True, "percent": 100}],
    },
    "status": {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-23T12:00:01Z"}]},
}


def test_a_view_reads_what_it_knows() -> None:
    service = decode(Service, SERVICE)

    container = service.spec.template.spec.containers[0]
    assert service.metadata.creation_timestamp == datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert container.env == (EnvVar(name="A", value="b"),)
    assert container.readiness_probe == Probe(tcp_socket=TCPSocketAction(port=0), success_threshold=1)
    assert service.spec.template.spec.host_ipc is False
    assert service.spec.template.spec.volumes[0].empty_dir == {}


def test_an_object_that_is_known_completely_survives_its_view() -> None:
    raw = SERVICE | {"spec": SERVICE["spec"]}
    assert encode(decode(Service, raw)) == raw


def test_null_counts_as_absent() -> None:
    raw = SERVICE | {"metadata": {"name": "hello", "creationTimestamp": None, "labels": None}}

    assert decode(Service, raw).metadata == ObjectMeta(name="hello")


def test_a_field_of_the_wrong_type_is_named() -> None:
    with pytest.raises(UndecodableObject, match=r"cannot read a Service: .*metadata.name"):
        decode(Service, SERVICE | {"metadata": {"name": 7}})


def test_what_is_made_has_only_what_is_set() -> None:
    service = Service(
        metadata=ObjectMeta(name="hello", namespace="default"),
        spec=ServiceSpec(
            template=RevisionTemplate(
                metadata=TemplateMeta(annotations={"faas.dev/snapshot": "false"}),
                spec=RevisionSpec(containers=(Container(image="hello"),), container_concurrency=0),
            ),
            traffic=(TrafficTarget(latest_revision=True, percent=0),),
        ),
        status=ServiceStatus(
            conditions=(
                Condition(type="Ready", status="Unknown", last_transition_time=datetime(2026, 1, 1, tzinfo=UTC)),
            )
        ),
    )

    assert encode(service) == {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": "hello", "namespace": "default"},
        "spec": {
            "template": {
                "metadata": {"annotations": {"faas.dev/snapshot": "false"}},
                "spec": {"containers": [{"image": "hello"}], "containerConcurrency": 0},
            },
            "traffic": [{"latestRevision": True, "percent": 0}],
        },
        "status": {
            "conditions": [{"type": "Ready", "status": "Unknown", "lastTransitionTime": "2026-01-01T00:00:00Z"}]
        },
    }


def test_secret_values_are_bytes_in_a_view_and_base64_on_the_wire() -> None:
    secret = decode(core.Secret, {"metadata": {"name": "s"}, "data": {"password": "aHVudGVyMg=="}})

    assert secret.data == {"password": b"hunter2"}
    assert encode(secret)["data"] == {"password": "aHVudGVyMg=="}


def test_every_kind_has_a_view_of_its_own() -> None:
    assert [view_of(kind).KIND for kind in KINDS] == list(KINDS)


def test_an_owner_is_named_as_the_controller() -> None:
    raw = SERVICE | {"metadata": {"name": "hello", "uid": "u1"}}

    assert owner_reference(raw) == {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "name": "hello",
        "uid": "u1",
        "controller": True,
        "blockOwnerDeletion": True,
    }
