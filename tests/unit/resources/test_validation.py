"""What is refused, and in which words: those of Knative's webhooks and of the Kubernetes API server."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from faas.resources import kinds
from faas.resources.config import Config, parse_config
from faas.resources.defaulting import set_defaults
from faas.resources.kinds import Kind
from faas.resources.validation import FieldError, refusal, validate

Raw = dict[str, Any]
SPEC = "spec.template.spec"
CONTAINER = f"{SPEC}.containers[0]"
LABEL_WORDS = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    "'[a-z]([-a-z0-9]*[a-z0-9])?')"
)


def service(
    container: Raw | None = None,
    spec: Raw | None = None,
    annotations: Raw | None = None,
    metadata: Raw | None = None,
    traffic: list[Raw] | None = None,
) -> Raw:
    raw: Raw = {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": "hello", "namespace": "default", **(metadata or {})},
        "spec": {
            "template": {
                "metadata": {"annotations": annotations or {}},
                "spec": {"containers": [{"image": "example.com/hello:1", **(container or {})}], **(spec or {})},
            }
        },
    }
    if traffic is not None:
        raw["spec"]["traffic"] = traffic
    return set_defaults(kinds.SERVICE, raw, Config())


def complaints(kind: Kind, new: Raw, old: Raw | None = None, config: Config | None = None) -> list[str]:
    return [str(error) for error in validate(kind, new, old, config or Config())]


def test_a_good_service_is_let_in() -> None:
    assert complaints(kinds.SERVICE, service()) == []


def test_everything_that_knative_lets_in_is_let_in() -> None:
    raw = service(
        container={
            "name": "web",
            "image": "registry.example.com:5000/team/hello@sha256:" + "0" * 64,
            "args": ["--fast"],
            "ports": [{"containerPort": 8081, "name": "h2c", "protocol": "TCP"}],
            "env": [
                {"name": "A", "value": "b"},
                {"name": "S", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": True}}},
                {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}},
            ],
            "envFrom": [{"prefix": "X_", "secretRef": {"name": "s"}}, {"configMapRef": {"name": "c"}}],
            "livenessProbe": {"httpGet": {"path": "/live", "port": 8081}},
            "readinessProbe": {"grpc": {"port": 8081}, "periodSeconds": 5},
            "startupProbe": {"exec": {"command": ["true"]}},
            "resources": {"requests": {"cpu": "100m"}, "limits": {"cpu": 1, "memory": "128Mi"}},
            "securityContext": {"runAsUser": 1000, "capabilities": {"drop": ["ALL"]}},
            "volumeMounts": [
                {"name": "scratch", "mountPath": "/scratch"},
                {"name": "all", "mountPath": "/etc/all", "readOnly": True},
                {"name": "secret", "mountPath": "/etc/secret", "readOnly": True, "subPath": "a"},
            ],
        },
        spec={
            "volumes": [
                {"name": "scratch", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
                {"name": "secret", "secret": {"secretName": "s", "items": [{"key": "a", "path": "b/c"}]}},
                {
                    "name": "all",
                    "projected": {"sources": [{"secret": {"name": "s"}}, {"configMap": {"name": "c"}}]},
                },
            ],
            "serviceAccountName": "runner",
            "imagePullSecrets": [{"name": "registry"}],
            "containerConcurrency": 10,
            "timeoutSeconds": 600,
            "responseStartTimeoutSeconds": 10,
            "idleTimeoutSeconds": 10,
        },
        annotations={
            "autoscaling.knative.dev/class": "kpa.autoscaling.knative.dev",
            "autoscaling.knative.dev/metric": "rps",
            "autoscaling.knative.dev/target": "10",
            "autoscaling.knative.dev/minScale": "1",
            "autoscaling.knative.dev/max-scale": "10",
            "autoscaling.knative.dev/activation-scale": "3",
            "autoscaling.knative.dev/window": "30s",
            "autoscaling.knative.dev/scale-down-delay": "0s",
            "autoscaling.knative.dev/target-burst-capacity": "-1",
            "autoscaling.knative.dev/metric-aggregation-algorithm": "weighted-exponential",
            "serving.knative.dev/progress-deadline": "30s",
            "queue.sidecar.serving.knative.dev/cpu-resource-request": "10m",
            "faas.dev/snapshot": "false",
            "faas.dev/scale-to-zero-after": "10s",
            "faas.dev/ordered-by": "subject",
        },
        metadata={
            "annotations": {"serving.knative.dev/rollout-duration": "30s"},
            "labels": {"networking.knative.dev/visibility": "cluster-local"},
        },
        traffic=[
            {"latestRevision": True, "percent": 90, "tag": "current"},
            {"revisionName": "hello-00001", "percent": 10},
        ],
    )

    assert complaints(kinds.SERVICE, raw) == []


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ({"containers": []}, f"missing field(s): {SPEC}.containers"),
        ({"timeoutSeconds": 1001}, f"expected 0 <= 1001 <= 600: {SPEC}.timeoutSeconds"),
        ({"timeoutSeconds": -1}, f"expected 0 <= -1 <= 600: {SPEC}.timeoutSeconds"),
        ({"containerConcurrency": 1001}, f"expected 0 <= 1001 <= 1000: {SPEC}.containerConcurrency"),
        ({"idleTimeoutSeconds": -1}, f"expected 0 <= -1 <= 600: {SPEC}.idleTimeoutSeconds"),
        ({"nodeSelector": {"a": "b"}}, f"must not set the field(s): {SPEC}.nodeSelector"),
        (
            {"affinity": {"x": 1}, "hostNetwork": True},
            f"must not set the field(s): {SPEC}.affinity, {SPEC}.hostNetwork",
        ),
        (
            {"initContainers": [{"image": "x"}]},
            f"pod spec support for init-containers is off, but found 1 init containers: {SPEC}.initContainers",
        ),
        (
            {"containers": [{"image": "a"}, {"image": "b"}]},
            f"missing field(s): {SPEC}.containers[*].ports",
        ),
        (
            {"containers": [{"image": "a", "ports": [{}]}, {"image": "b", "ports": [{}]}]},
            f"more than one container port is set: {SPEC}.containers[*].ports\n"
            "Only a single port is allowed across all containers",
        ),
        (
            {"containers": [{"image": "a", "ports": [{}], "name": "x"}, {"image": "b", "name": "x"}]},
            f'duplicate container name "x": {SPEC}.containers[1].name',
        ),
        (
            {"containers": [{"image": "a", "ports": [{}]}, {"image": "b", "livenessProbe": {"exec": {}}}]},
            f"must not set the field(s): {SPEC}.containers[1].livenessProbe",
        ),
        (
            {"volumes": [{"name": "v", "secret": {"secretName": "s"}}]},
            f'volume with name "v" not mounted: {SPEC}.volumes[0].name',
        ),
    ],
)
def test_a_revisions_spec_has_bounds(spec: Raw, complaint: str) -> None:
    assert complaints(kinds.SERVICE, service(spec=spec)) == [complaint]


@pytest.mark.parametrize(
    ("container", "complaint"),
    [
        ({"image": ""}, f"missing field(s): {CONTAINER}.image"),
        (
            {"image": "busybox%"},
            f"Failed to parse image reference: {CONTAINER}.image\n"
            'image: "busybox%", error: could not parse reference: busybox%',
        ),
        ({"name": "queue-proxy"}, f'"queue-proxy" is a reserved container name: {CONTAINER}.name'),
        ({"env": [{"name": "PORT"}]}, f'"PORT" is a reserved environment variable: {CONTAINER}.env[0].name'),
        ({"env": [{"name": ""}]}, f"missing field(s): {CONTAINER}.env[0].name"),
        (
            {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]},
            f"must not set the field(s): {CONTAINER}.env[0].valueFrom.fieldRef",
        ),
        (
            {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"key": "k"}}}]},
            f"missing field(s): {CONTAINER}.env[0].valueFrom.secretKeyRef.name",
        ),
        (
            {"env": [{"name": "A", "value": "x", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]},
            f"expected exactly one, got both: {CONTAINER}.env[0].value, {CONTAINER}.env[0].valueFrom",
        ),
        ({"envFrom": [{"configMapRef": {}}]}, f"missing field(s): {CONTAINER}.envFrom[0].configMapRef.name"),
        (
            {"envFrom": [{}]},
            f"expected exactly one, got neither: {CONTAINER}.envFrom[0].configMapRef, {CONTAINER}.envFrom[0].secretRef",
        ),
        (
            {"ports": [{"containerPort": 8012}]},
            f"invalid value: 8012 is a reserved port: {CONTAINER}.ports.containerPort\n"
            "8012 is a reserved port, please use a different value",
        ),
        ({"ports": [{"containerPort": 65536}]}, f"expected 0 <= 65536 <= 65535: {CONTAINER}.ports.containerPort"),
        (
            {"ports": [{"name": "grpc"}]},
            f"Port name grpc is not allowed: {CONTAINER}.ports\nName must be empty, or one of: 'h2c', 'http1'",
        ),
        ({"imagePullPolicy": "Sometimes"}, f"invalid value: Sometimes: {CONTAINER}.imagePullPolicy"),
        (
            {"securityContext": {"seccompProfile": {"type": "Localhost"}}},
            f"invalid value: Localhost: {CONTAINER}.securityContext.seccompProfile.type\n"
            "this machine has no profiles by name: RuntimeDefault, Unconfined",
        ),
        ({"ports": [{"protocol": "UDP"}]}, f"invalid value: UDP: {CONTAINER}.ports.protocol"),
        (
            {"ports": [{"containerPort": 1}, {"containerPort": 2}]},
            f"more than one container port is set: {SPEC}.containers[*].ports\n"
            "Only a single port is allowed across all containers",
        ),
        (
            {"livenessProbe": {}},
            "expected exactly one, got neither: "
            + ", ".join(f"{CONTAINER}.livenessProbe.{name}" for name in ("exec", "grpc", "httpGet", "tcpSocket")),
        ),
        (
            {"startupProbe": {"exec": {}, "httpGet": {}}},
            f"expected exactly one, got both: {CONTAINER}.startupProbe.exec, {CONTAINER}.startupProbe.httpGet",
        ),
        (
            {"readinessProbe": {"httpGet": {"port": "other"}}},
            f"invalid value: other: {CONTAINER}.readinessProbe.httpGet.port\nProbe port must match container port",
        ),
        (
            {"readinessProbe": {"failureThreshold": 2}},
            f"failureThreshold is disallowed when periodSeconds is zero: {CONTAINER}.readinessProbe.failureThreshold",
        ),
        (
            {"readinessProbe": {"periodSeconds": -1}},
            f"expected 0 <= -1 <= 2147483647: {CONTAINER}.readinessProbe.periodSeconds",
        ),
        (
            {"resources": {"limits": {"memory": "lots"}}},
            f"invalid value: lots: {CONTAINER}.resources.limits.memory\nquantities must match the regular expression "
            "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        ),
        (
            {"resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "1500m"}}},
            f"invalid value: 1500m: {CONTAINER}.resources.requests.cpu\nmust be less than or equal to cpu limit of 1",
        ),
        (
            {"securityContext": {"privileged": True}},
            f"must not set the field(s): {CONTAINER}.securityContext.privileged",
        ),
        (
            {"securityContext": {"runAsUser": -1}},
            f"expected 0 <= -1 <= 2147483647: {CONTAINER}.securityContext.runAsUser",
        ),
        ({"terminationMessagePolicy": "Shout"}, f"invalid value: Shout: {CONTAINER}.terminationMessagePolicy"),
        (
            {"volumeMounts": [{"name": "v", "mountPath": "/v"}]},
            f"volumeMount has no matching volume: {CONTAINER}.volumeMounts[0].name",
        ),
    ],
)
def test_a_container_has_rules(container: Raw, complaint: str) -> None:
    assert complaints(kinds.SERVICE, service(container=container)) == [complaint]


@pytest.mark.parametrize(
    ("volume", "mount", "complaint"),
    [
        ({"emptyDir": {}}, {"mountPath": "/dev/"}, 'mountPath "/dev" is a reserved path: {mount}.mountPath'),
        ({"emptyDir": {}}, {"mountPath": "v"}, "invalid value: v: {mount}.mountPath"),
        (
            {"emptyDir": {}},
            {"mountPath": "/v", "mountPropagation": "None"},
            "Volume Mount Propagation support is disabled, but found volume mount v with mount propagation: "
            "{mount}.mountPropagation",
        ),
        ({"emptyDir": {"medium": "Tape"}}, {"mountPath": "/v"}, "invalid value: Tape: {volume}.emptyDir.medium"),
        (
            {},
            {"mountPath": "/v"},
            "expected exactly one, got neither: "
            "{volume}.configMap, {volume}.emptyDir, {volume}.projected, {volume}.secret",
        ),
        (
            {"secret": {"secretName": "s"}, "configMap": {"name": "c"}},
            {"mountPath": "/v"},
            "expected exactly one, got both: {volume}.configMap, {volume}.secret",
        ),
        (
            {"hostPath": {"path": "/"}},
            {"mountPath": "/v"},
            "HostPath volume support is disabled, but found HostPath volume v: {volume}.hostPath",
        ),
        (
            {"secret": {"secretName": "s", "items": [{"key": "k", "path": "../up"}]}},
            {"mountPath": "/v"},
            'invalid value: ../up: {volume}.secret.items[0].path\nmust be a relative path without ".."',
        ),
        ({"secret": {}}, {"mountPath": "/v"}, "missing field(s): {volume}.secret.secretName"),
        ({"configMap": {}}, {"mountPath": "/v"}, "missing field(s): {volume}.configMap.name"),
        (
            {"projected": {"sources": [{"secret": {}}]}},
            {"mountPath": "/v"},
            "missing field(s): {volume}.projected[0].secret.name",
        ),
    ],
)
def test_a_volume_has_rules(volume: Raw, mount: Raw, complaint: str) -> None:
    raw = service(container={"volumeMounts": [{"name": "v", **mount}]}, spec={"volumes": [{"name": "v", **volume}]})

    expected = complaint.format(volume=f"{SPEC}.volumes[0]", mount=f"{CONTAINER}.volumeMounts[0]")
    assert complaints(kinds.SERVICE, raw) == [expected]


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("class", "nope.autoscaling.knative.dev", "invalid value: nope.autoscaling.knative.dev: {}"),
        ("metric", "latency", "invalid value: latency: {}"),
        ("target", "0", "target 0 should be at least 0.01: {}"),
        ("target", "ten", "invalid value: ten: {}"),
        ("target-utilization-percentage", "101", "expected 1 <= 101 <= 100: {}"),
        ("targetUtilizationPercentage", "0", "expected 1 <= 0 <= 100: {}"),
        ("target-burst-capacity", "-2", "invalid value: -2: {}"),
        ("window", "5s", "expected 6s <= 5s <= 1h0m0s: {}"),
        ("window", "6500ms", "must be specified with at most second precision: {}"),
        ("window", "60", "invalid value: 60: {}"),
        ("panic-window-percentage", "0", "expected 1 <= 0 <= 100: {}"),
        ("panicThresholdPercentage", "100", "expected 110 <= 100 <= 1000: {}"),
        ("min-scale", "-1", "expected 0 <= -1 <= 2147483647: {}"),
        ("minScale", "x", "invalid value: x: {}"),
        ("max-scale", "2147483648", "expected 0 <= 2147483648 <= 2147483647: {}"),
        ("max-scale", "9" * 5000, "expected 0 <= " + "9" * 5000 + " <= 2147483647: {}"),
        ("target", "inf", "invalid value: inf: {}"),
        ("initial-scale", "0", "invalid value: 0: {}=0 not allowed by cluster"),
        ("initial-scale", "-1", "invalid value: -1: {} must be greater than 0"),
        ("activation-scale", "1", "activation-scale=1 must be greater than 1: {}"),
        ("scale-down-delay", "2h", "expected 0s <= 2h <= 1h0m0s: {}"),
        ("scale-to-zero-pod-retention-period", "-1s", "expected 0s <= -1s <= 1h0m0s: {}"),
        ("metric-aggregation-algorithm", "median", "invalid value: median: {}"),
        ("serving.knative.dev/progress-deadline", "1.5s", "progress-deadline=1.5s is not at second precision: {}"),
        ("serving.knative.dev/progress-deadline", "-1s", "progress-deadline=-1s must be positive: {}"),
        ("faas.dev/snapshot", "no", 'invalid value: no: {}\nexpected "true" or "false"'),
        ("faas.dev/scale-to-zero-after", "2h", "expected 0s <= 2h <= 1h0m0s: {}"),
        (
            "faas.dev/ordered-by",
            "Order-Id",
            "invalid value: Order-Id: {}\n"
            "expected the name of an event's attribute: lower case letters and digits; or data.PATH",
        ),
    ],
)
def test_annotations_have_bounds(key: str, value: str, complaint: str) -> None:
    full = key if "/" in key else f"autoscaling.knative.dev/{key}"

    found = complaints(kinds.SERVICE, service(annotations={full: value}))

    assert found == [complaint.format(f"spec.template.metadata.annotations.{full}")]


def test_the_bounds_of_scaling_have_to_fit_together() -> None:
    at = "spec.template.metadata.annotations.autoscaling.knative.dev"
    raw = service(
        annotations={"autoscaling.knative.dev/min-scale": "5", "autoscaling.knative.dev/maxScale": "3"},
    )
    assert complaints(kinds.SERVICE, raw) == [f"max-scale=3 is less than min-scale=5: {at}/max-scale, {at}/min-scale"]

    limited = parse_config({"config-autoscaler": {"max-scale-limit": "10", "max-scale": "10"}})
    raw = service(annotations={"autoscaling.knative.dev/max-scale": "11"})
    assert complaints(kinds.SERVICE, raw, config=limited) == [f"expected 1 <= 11 <= 10: {at}/max-scale"]


def test_scaling_is_said_on_the_template_only() -> None:
    raw = service(metadata={"annotations": {"autoscaling.knative.dev/min-scale": "1"}})

    assert complaints(kinds.SERVICE, raw) == [
        'invalid key name "autoscaling.knative.dev/min-scale": metadata.annotations\n'
        'autoscaling annotations must be put under "spec.template.metadata.annotations" to work'
    ]


@pytest.mark.parametrize(
    ("traffic", "expected"),
    [
        ([{"percent": 99}], ["Traffic targets sum to 99, want 100: spec.traffic"]),
        (
            [{"percent": 101}, {"percent": -1}],
            ["expected 0 <= -1 <= 100: spec.traffic[1].percent", "expected 0 <= 101 <= 100: spec.traffic[0].percent"],
        ),
        (
            [{"percent": 100, "latestRevision": True, "revisionName": "r"}],
            ['may not set revisionName "r" when latestRevision is true: spec.traffic[0].latestRevision'],
        ),
        (
            [{"percent": 100, "latestRevision": False}],
            ['may not set revisionName "" when latestRevision is false: spec.traffic[0].latestRevision'],
        ),
        (
            [{"percent": 50, "tag": "a"}, {"percent": 50, "tag": "a"}],
            ['Multiple definitions for "a": spec.traffic[0].tag, spec.traffic[1].tag'],
        ),
        (
            [{"percent": 100, "tag": "A"}],
            [f"invalid value: not a DNS 1035 label: [{LABEL_WORDS}]: spec.traffic.tag[0]"],
        ),
        (
            [{"percent": 100, "configurationName": "c"}],
            ["must not set the field(s): spec.traffic[0].configurationName"],
        ),
        ([{"percent": 100, "url": "http://x"}], ["must not set the field(s): spec.traffic[0].url"]),
    ],
)
def test_traffic_has_rules(traffic: list[Raw], expected: list[str]) -> None:
    assert complaints(kinds.SERVICE, service(traffic=traffic)) == expected


def test_a_route_of_its_own_names_what_it_leads_to() -> None:
    raw = set_defaults(kinds.ROUTE, {"metadata": {"name": "r"}, "spec": {"traffic": [{"percent": 100}]}}, Config())

    assert complaints(kinds.ROUTE, raw) == [
        "expected exactly one, got neither: spec.traffic[0].configurationName, spec.traffic[0].revisionName"
    ]


def named(image: str, name: str) -> Raw:
    raw = service(container={"image": image})
    raw["spec"]["template"]["metadata"]["name"] = name
    return raw


def test_a_chosen_revision_name_starts_with_the_services() -> None:
    assert complaints(kinds.SERVICE, named("a", "hello-blue")) == []
    assert complaints(kinds.SERVICE, named("a", "blue")) == [
        'invalid value: "blue" must have prefix "hello-": spec.template.metadata.name'
    ]


def test_another_template_needs_another_name() -> None:
    old, new = named("a", "hello-blue"), named("b", "hello-blue")

    assert complaints(kinds.SERVICE, old, old) == []
    assert complaints(kinds.SERVICE, named("b", "hello-green"), old) == []
    assert complaints(kinds.SERVICE, new, old) == [
        "Saw the following changes without a name change (-old +new): spec.template.metadata.name\n"
        '-spec.containers[0].image: "a"\n+spec.containers[0].image: "b"'
    ]


def revision(image: str = "a", **metadata: Any) -> Raw:
    raw: Raw = {"metadata": {"name": "hello-00001", **metadata}, "spec": {"containers": [{"image": image}]}}
    return set_defaults(kinds.REVISION, raw, Config())


def test_a_revisions_spec_never_changes() -> None:
    assert complaints(kinds.REVISION, revision(annotations={"a": "b"}), revision()) == []
    assert complaints(kinds.REVISION, revision("b"), revision("a")) == [
        'Immutable fields changed (-old +new): spec\n-containers[0].image: "a"\n+containers[0].image: "b"'
    ]


def test_a_label_that_names_an_owner_needs_the_owner() -> None:
    labels = {"serving.knative.dev/configuration": "hello"}
    owner = {"apiVersion": "serving.knative.dev/v1", "kind": "Configuration", "name": "hello", "uid": "u"}

    assert complaints(kinds.REVISION, revision(labels=labels, ownerReferences=[owner])) == []
    assert complaints(kinds.REVISION, revision(labels=labels)) == [
        "missing field(s): metadata.labels.serving.knative.dev/configuration"
    ]


def test_who_made_a_service_never_changes() -> None:
    old = set_defaults(kinds.SERVICE, service(), Config(), user="jane")
    new = copy.deepcopy(old)
    new["metadata"]["annotations"] = {
        "serving.knative.dev/creator": "john",
        "serving.knative.dev/lastModifier": "john",
    }

    assert complaints(kinds.SERVICE, new, old) == [
        "annotation value is immutable: metadata.annotations.serving.knative.dev/creator",
        "invalid value: john: metadata.annotations.serving.knative.dev/lastModifier",
    ]


def test_visibility_is_cluster_local_or_not_said() -> None:
    raw = service(metadata={"labels": {"networking.knative.dev/visibility": "private"}})

    assert complaints(kinds.SERVICE, raw) == [
        "invalid value: private: metadata.labels.networking.knative.dev/visibility\n"
        'expected "cluster-local", or no such label'
    ]


def test_a_name_is_a_part_of_a_host_name() -> None:
    assert complaints(kinds.SERVICE, service(metadata={"name": "1hello"})) == [
        f"not a DNS 1035 label: [{LABEL_WORDS}]: metadata.name"
    ]


def test_a_gate_of_config_features_lets_placement_in() -> None:
    config = parse_config({"config-features": {"kubernetes.podspec-nodeselector": "enabled"}})

    assert complaints(kinds.SERVICE, service(spec={"nodeSelector": {"a": "b"}}), config=config) == []


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({}, "metadata.name: Required value: name or generateName is required"),
        (
            {"name": "Hello_World"},
            'metadata.name: Invalid value: "Hello_World": a lowercase RFC 1123 subdomain must consist of lower case '
            "alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character "
            "(e.g. 'example.com', regex used for validation is "
            r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
        ),
        (
            {"name": "a", "labels": {"k": "a b"}},
            'metadata.labels: Invalid value: "a b": a valid label must be an empty string or consist of alphanumeric '
            "characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or "
            "'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
        ),
        (
            {"name": "a", "labels": {"k": "v" * 64}},
            f'metadata.labels: Invalid value: "{"v" * 64}": must be no more than 63 bytes',
        ),
        ({"name": "a", "labels": {"/k": ""}}, 'metadata.labels: Invalid value: "/k": prefix part must be non-empty'),
        (
            {"name": "a", "annotations": {"k": "x" * 262144}},
            "metadata.annotations: Too long: may not be more than 262144 bytes",
        ),
    ],
)
def test_metadata_is_refused_in_kubernetes_words(metadata: Raw, expected: str) -> None:
    assert complaints(kinds.CONFIG_MAP, {"metadata": metadata}) == [expected]


@pytest.mark.parametrize("name", ["generate-", "a.b-", "x"])
def test_a_prefix_for_a_generated_name_may_end_in_a_dash(name: str) -> None:
    assert complaints(kinds.CONFIG_MAP, {"metadata": {"generateName": name}}) == []


def test_a_namespace_is_a_label() -> None:
    (complaint,) = complaints(kinds.NAMESPACE, {"metadata": {"name": "a.b"}})
    assert complaint.startswith('metadata.name: Invalid value: "a.b": a lowercase RFC 1123 label must consist of')


def test_keys_of_data_are_file_names() -> None:
    (complaint,) = complaints(kinds.CONFIG_MAP, {"metadata": {"name": "a"}, "data": {"a b": "x"}})
    assert complaint.startswith('data[a b]: Invalid value: "a b": a valid config key must consist of')


def test_an_immutable_secret_stays_as_it_is() -> None:
    old = {"metadata": {"name": "s"}, "type": "Opaque", "data": {"a": "YQ=="}, "immutable": True}

    assert complaints(kinds.SECRET, old, old) == []
    assert complaints(kinds.SECRET, old | {"data": {}}, old) == [
        "data: Forbidden: field is immutable when `immutable` is set"
    ]
    assert complaints(kinds.SECRET, old | {"type": "other"}, old) == [
        'type: Invalid value: "other": field is immutable'
    ]


def test_data_has_at_most_a_mebibyte() -> None:
    raw = {"metadata": {"name": "c"}, "data": {"a": "x" * (1024 * 1024 + 1)}}
    assert complaints(kinds.CONFIG_MAP, raw) == ["data: Too long: may not be more than 1048576 bytes"]


def test_a_webhooks_refusal_names_everything_in_one_message() -> None:
    raw = service(spec={"timeoutSeconds": 1001, "containers": []})

    answer = refusal(kinds.SERVICE, raw, validate(kinds.SERVICE, raw, None, Config()))

    assert answer is not None
    assert (answer.code, answer.reason, answer.causes) == (400, "BadRequest", ())
    assert answer.message == (
        'admission webhook "validation.webhook.serving.knative.dev" denied the request: validation failed: '
        f"expected 0 <= 1001 <= 600: {SPEC}.timeoutSeconds\nmissing field(s): {SPEC}.containers"
    )


def test_the_servers_own_refusal_has_a_cause_for_each_field() -> None:
    raw = {"metadata": {"name": "c", "labels": {"a": "v" * 64}}, "data": {"..a": "x"}}

    answer = refusal(kinds.CONFIG_MAP, raw, validate(kinds.CONFIG_MAP, raw, None, Config()))

    assert answer is not None
    assert (answer.code, answer.reason) == (422, "Invalid")
    assert answer.message.startswith('ConfigMap "c" is invalid: [')
    assert [(cause.reason, cause.field) for cause in answer.causes] == [
        ("FieldValueInvalid", "data[..a]"),
        ("FieldValueInvalid", "metadata.labels"),
    ]


def test_a_server_names_custom_kinds_with_their_group() -> None:
    raw = service(metadata={"name": "Hello"})

    answer = refusal(kinds.SERVICE, raw, validate(kinds.SERVICE, raw, None, Config()))

    assert answer is not None
    assert answer.message.startswith('Service.serving.knative.dev "Hello" is invalid: metadata.name: Invalid value')


def test_nothing_wrong_is_no_refusal() -> None:
    assert refusal(kinds.SERVICE, service(), []) is None


def test_the_same_complaint_about_several_fields_is_said_once() -> None:
    raw = service(container={"env": [{"name": ""}, {"name": ""}]})

    assert validate(kinds.SERVICE, raw, None, Config()) == [
        FieldError("missing field(s)", (f"{CONTAINER}.env[0].name", f"{CONTAINER}.env[1].name"))
    ]


def domain_mapping(name: str = "shop.example.com", *, metadata: Any = None, **spec: Any) -> dict[str, Any]:
    ref = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "shop"}
    raw = {"metadata": {"name": name, "namespace": "default", **(metadata or {})}, "spec": {"ref": ref, **spec}}
    return set_defaults(kinds.DOMAIN_MAPPING, raw, Config())


def test_a_domain_mapping_refers_to_its_own_namespace() -> None:
    raw = domain_mapping()

    assert raw["spec"]["ref"]["namespace"] == "default"
    assert complaints(kinds.DOMAIN_MAPPING, raw) == []


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(
            domain_mapping("shop"),
            'invalid name "shop": name: Invalid value: "shop": should be a domain with at least two segments '
            "separated by dots: metadata.name",
            id="no domain",
        ),
        pytest.param(
            domain_mapping(f"{'x' * 64}.example.com"),
            f'invalid name "{"x" * 64}.example.com": name: Invalid value: "{"x" * 64}": must be no more than 63 '
            "characters: metadata.name",
            id="too long a label",
        ),
        pytest.param(
            domain_mapping("shop.default.svc.cluster.local"),
            'invalid name "shop.default.svc.cluster.local": must not be a subdomain of cluster local domain '
            '"cluster.local": metadata.name',
            id="a name of the cluster",
        ),
        pytest.param(
            domain_mapping(metadata={"generateName": "shop-"}),
            "must not set the field(s): metadata.generateName",
            id="a made up name",
        ),
        pytest.param(
            domain_mapping(
                ref={"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "a", "namespace": "b"}
            ),
            'mismatched namespaces: spec.ref.namespace\nparent namespace: "default" does not match ref: "b"',
            id="another namespace",
        ),
        pytest.param(
            domain_mapping(ref={"name": "shop"}),
            "missing field(s): spec.ref.apiVersion, spec.ref.kind",
            id="half a reference",
        ),
        pytest.param(
            domain_mapping(ref={**domain_mapping()["spec"]["ref"], "group": "serving.knative.dev"}),
            "must not set the field(s): spec.ref.group",
            id="a group",
        ),
    ],
)
def test_a_domain_mapping_is_refused_in_knatives_words(raw: dict[str, Any], expected: str) -> None:
    assert complaints(kinds.DOMAIN_MAPPING, raw) == [expected]


def test_whoever_made_a_domain_mapping_stays_its_maker() -> None:
    raw = domain_mapping(metadata={"annotations": {"serving.knative.dev/creator": "ada"}})
    changed = domain_mapping(metadata={"annotations": {"serving.knative.dev/creator": "eve"}})

    found = complaints(kinds.DOMAIN_MAPPING, changed, raw)

    assert found == ["annotation value is immutable: metadata.annotations.serving.knative.dev/creator"]
