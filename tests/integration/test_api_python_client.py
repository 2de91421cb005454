"""The official Kubernetes client for Python: objects, custom objects, watches, errors."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the client's own, at import
    from kubernetes import client, config, dynamic, watch


@pytest.fixture(scope="module")
def cluster(api: Any) -> Iterator[client.ApiClient]:
    with config.new_client_from_config(str(api.kubeconfig)) as made:
        yield made


def test_core_objects_make_the_round(cluster: Any) -> None:
    core = client.CoreV1Api(cluster)
    body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="py"), data={"a": "1"})
    made = core.create_namespaced_config_map("default", body)
    made.data["b"] = "2"
    assert core.replace_namespaced_config_map("py", "default", made).data == {"a": "1", "b": "2"}
    with pytest.raises(client.ApiException) as caught:
        core.replace_namespaced_config_map("py", "default", made)
    assert caught.value.status == 409
    core.delete_namespaced_config_map("py", "default")
    assert "default" in [item.metadata.name for item in core.list_namespace().items]


def test_a_watch_streams_typed_events(cluster: Any) -> None:
    core = client.CoreV1Api(cluster)
    version = core.list_namespaced_secret("default").metadata.resource_version
    core.create_namespaced_secret(
        "default", client.V1Secret(metadata=client.V1ObjectMeta(name="w"), string_data={"k": "v"})
    )
    core.delete_namespaced_secret("w", "default")
    seen = []
    stream = watch.Watch()
    for event in stream.stream(core.list_namespaced_secret, "default", resource_version=version, timeout_seconds=20):
        seen.append((event["type"], event["object"].metadata.name))
        if len(seen) == 2:
            stream.stop()
    assert seen == [("ADDED", "w"), ("DELETED", "w")]


def test_knative_services_as_custom_objects_and_by_discovery(cluster: Any) -> None:
    custom = client.CustomObjectsApi(cluster)
    body = {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": "dyn"},
        "spec": {"template": {"spec": {"containers": [{"image": "example.com/x"}]}}},
    }
    custom.create_namespaced_custom_object("serving.knative.dev", "v1", "default", "services", body)
    services = dynamic.DynamicClient(cluster).resources.get(api_version="serving.knative.dev/v1", kind="Service")
    assert services.get(name="dyn", namespace="default").spec.template.spec.timeoutSeconds == 300
    applied = {**body, "metadata": {"name": "dyn", "labels": {"via": "apply"}}}
    services.server_side_apply(applied, namespace="default", field_manager="py", force_conflicts=True)
    assert services.get(label_selector="via=apply").items[0].metadata.name == "dyn"
