"""Options of a cluster: what each takes, what each becomes, and what is said of what it does not take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from faas_runtime.declaring.spec import FunctionSpec, Trigger
from faas_runtime.errors import OptionError
from faas_runtime.options.checking import from_environment, merge, validate
from faas_runtime.options.placed import split_volume
from hypothesis import given
from hypothesis import strategies as st

from faas.project.manifests.labels import Belonging
from faas.project.manifests.podspec import Overrides
from faas.project.manifests.service import make_service
from faas.project.pyproject.settings import Settings
from faas.project.services import make_services


def service(options: dict[str, Any], overrides: Overrides = Overrides()) -> Any:
    spec = FunctionSpec(
        name="f", target="main:f", service="f", triggers=(Trigger(kind="http"),), options=validate(options)
    )  # fmt: skip
    (made,) = make_services([spec], Settings(Path("/shop"), "shop"))
    return make_service(made, "image", Belonging("shop", "default"), overrides=overrides)


def revision(options: dict[str, Any], overrides: Overrides = Overrides()) -> tuple[Any, Any]:
    """Its spec without what every function has, and its container likewise."""
    spec = service(options, overrides)["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    rest = {key: value for key, value in spec.items() if key not in ("containers", "containerConcurrency")}
    return rest, {key: value for key, value in container.items() if key != "image"}


ENV = [{"name": "FAAS_FUNCTION", "value": "main:f"}]


@pytest.mark.parametrize(
    ("options", "annotations"),
    [
        ({"autoscaler": "hpa", "metric": "cpu", "target": 80},
         {"class": "hpa.autoscaling.knative.dev", "metric": "cpu", "target": "80"}),
        ({"metric": "memory"}, {"class": "hpa.autoscaling.knative.dev", "metric": "memory"}),
        ({"autoscaler": "kpa"}, {"class": "kpa.autoscaling.knative.dev"}),
        ({"autoscaler": "keda.autoscaling.example.org"}, {"class": "keda.autoscaling.example.org"}),
        ({"target_utilization": "80", "target_burst_capacity": -1, "activation_scale": 2},
         {"target-utilization-percentage": "80", "target-burst-capacity": "-1", "activation-scale": "2"}),
        ({"window": "1m", "scale_down_delay": "15m", "pod_retention": 30},
         {"window": "60s", "scale-down-delay": "900s", "scale-to-zero-pod-retention-period": "30s"}),
    ],
)  # fmt: skip
def test_scaling_is_annotated(options: dict[str, Any], annotations: dict[str, str]) -> None:
    found = service(options)["spec"]["template"]["metadata"]["annotations"]

    assert found == {f"autoscaling.knative.dev/{key}": value for key, value in annotations.items()}


def test_an_option_wins_over_an_annotation_of_the_same_meaning() -> None:
    made = service({"annotations": {"autoscaling.knative.dev/window": "10s", "example.org/a": "1"}, "window": 20})

    assert made["spec"]["template"]["metadata"]["annotations"] == {
        "autoscaling.knative.dev/window": "20s", "example.org/a": "1",
    }  # fmt: skip


def test_how_a_revision_is_brought_in() -> None:
    made = service({"rollout_duration": "2m", "progress_deadline": "20m"})
    flagged = service({"rollout_duration": "2m"}, Overrides(rollout_duration_s=0))

    assert made["metadata"]["annotations"] == {"serving.knative.dev/rollout-duration": "120s"}
    annotations = made["spec"]["template"]["metadata"]["annotations"]
    assert annotations == {"serving.knative.dev/progress-deadline": "1200s"}
    assert flagged["metadata"]["annotations"] == {"serving.knative.dev/rollout-duration": "0s"}


def test_where_it_runs() -> None:
    affinity: dict[str, Any] = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}
    tolerations = [{"key": "gpu", "operator": "Exists", "tolerationSeconds": 60}]
    options = {
        "service_account": "quoter", "image_pull_secrets": "a,b", "node_selector": {"disk": "ssd"},
        "tolerations": tolerations, "affinity": affinity, "runtime_class": "gvisor",
    }  # fmt: skip

    assert revision(options) == (
        {
            "serviceAccountName": "quoter", "imagePullSecrets": [{"name": "a"}, {"name": "b"}],
            "nodeSelector": {"disk": "ssd"}, "tolerations": tolerations, "affinity": affinity,
            "runtimeClassName": "gvisor",
        },
        {"env": ENV},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "resources"),
    [
        ({"gpu": 1}, {"limits": {"nvidia.com/gpu": "1"}}),
        ({"cpu": 1, "resources": {"requests": {"cpu": "100m"}}}, {"requests": {"cpu": "100m"}, "limits": {"cpu": "1"}}),
        ({"resources": {"limits": {"amd.com/gpu": 2, "memory": "1Gi"}}},
         {"limits": {"amd.com/gpu": "2", "memory": "1Gi"}}),
    ],
)  # fmt: skip
def test_what_it_may_use(options: dict[str, Any], resources: dict[str, Any]) -> None:
    assert revision(options)[1]["resources"] == resources


def test_what_is_mounted() -> None:
    rest, container = revision({
        "volumes": {"/w": "pvc:work:rw", "/d/": "pvc:data", "/e": "empty", "/f": "empty:1Gi", "/m": "memory:64Mi",
                    "/s": "secret:certs", "/c": "config:limits"},
    })  # fmt: skip

    assert {mount["mountPath"]: mount.get("readOnly", False) for mount in container["volumeMounts"]} == {
        "/c": True, "/d": True, "/e": False, "/f": False, "/m": False, "/s": True, "/w": False,
    }  # fmt: skip
    assert [{key: value for key, value in volume.items() if key != "name"} for volume in rest["volumes"]] == [
        {"configMap": {"name": "limits"}},
        {"persistentVolumeClaim": {"claimName": "data", "readOnly": True}},
        {"emptyDir": {}},
        {"emptyDir": {"sizeLimit": "1Gi"}},
        {"emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}},
        {"secret": {"secretName": "certs"}},
        {"persistentVolumeClaim": {"claimName": "work"}},
    ]
    names = [mount["name"] for mount in container["volumeMounts"]]
    assert names == [volume["name"] for volume in rest["volumes"]]
    assert len(set(names)) == 7


def test_variables_come_from_keys_and_a_flag_wins() -> None:
    options = {"env": {"A": "1"}, "secret_env": {"TOKEN": "db/token.v1", "B": "db/B"}, "config_env": {"MAX": "lim/MAX"}}

    env = revision(options, Overrides(env={"B": "here"}, without_env=frozenset({"A"})))[1]["env"]

    assert env == [
        *ENV,
        {"name": "B", "value": "here"},
        {"name": "MAX", "valueFrom": {"configMapKeyRef": {"name": "lim", "key": "MAX"}}},
        {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "db", "key": "token.v1"}}},
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"domains": ["https://a.b"]}, "'https://a.b' is no host"),
        ({"domains": ["localhost"]}, "'localhost' is no host"),
        ({"domains": ["a.b", "a.b"]}, "is out of range"),
        ({"domains": ["*.example.org"]}, "is no host"),
        ({"volumes": {"data": "pvc:x"}}, "'data' is no path to mount at"),
        ({"volumes": {"/a/../b": "pvc:x"}}, "is no path to mount at"),
        ({"volumes": {"/": "empty"}}, "nothing can be mounted at /"),
        ({"volumes": {"/dev/": "empty"}}, "nothing can be mounted at /dev/"),
        ({"volumes": {"/a": "pvc"}}, "'pvc' is no volume"),
        ({"volumes": {"/a": "empty:lots"}}, "'empty:lots' is no volume"),
        ({"volumes": {"/a": "nfs:x"}}, "'nfs:x' is no volume"),
        ({"volumes": {"/a": "secret:x:rw"}}, "a secret is read-only"),
        ({"secret_env": {"A": "db"}}, "is out of range"),
        ({"secret_env": {"1A": "db/K"}}, "is out of range"),
        ({"env": {"A": "1"}, "secret_env": {"A": "db/K"}}, "the variable A stands in env and in secret_env"),
        ({"resources": {"request": {}}}, "is out of range"),
        ({"resources": {"limits": {"cpu": "lots"}}}, "is out of range"),
        ({"tolerations": [{"kye": "a"}]}, "there is no 'kye' in a toleration"),
        ({"tolerations": {"key": "a"}}, "is out of range"),
        ({"affinity": {"node": {}}}, "there is no 'node' in an affinity"),
        ({"window": 5}, "window=5 is out of range"),
        ({"window": 6.5}, "window=6.5 is out of range"),
        ({"scale_down_delay": "2h"}, "is out of range"),
        ({"target_utilization": 0}, "is out of range"),
        ({"target_burst_capacity": -2}, "is out of range"),
        ({"activation_scale": 1}, "is out of range"),
        ({"activation_scale": 3, "max_scale": 2}, "activation_scale=3 is not between min_scale=0 and max_scale=2"),
        ({"autoscaler": "vpa"}, "is out of range"),
        ({"autoscaler": "kpa", "metric": "cpu"}, "the autoscaler kpa knows no cpu"),
        ({"gpu": 0}, "is out of range"),
        ({"annotations": {"a b": "1"}}, "is out of range"),
        ({"service_account": "No"}, "is out of range"),
    ],
)
def test_a_wrong_value_is_said(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        validate(options)

    assert message in caught.value.message
    assert caught.value.hint


def test_the_environment_sets_what_is_one_word() -> None:
    found = from_environment({"FAAS_DOMAINS": "a.b, c.d", "FAAS_WINDOW": "90s", "FAAS_TARGET_BURST_CAPACITY": "-1"})

    assert found == {"domains": ["a.b", "c.d"], "window": 90, "target_burst_capacity": -1}


@given(st.sampled_from(["env", "secret_env", "config_env"]), st.sampled_from(["env", "secret_env", "config_env"]))
def test_a_variable_is_in_one_option_whoever_gave_it(weaker: str, stronger: str) -> None:
    merged = merge({weaker: {"A": "x/y", "B": "x/y"}}, {stronger: {"A": "z/z"}})

    assert [option for option in merged if "A" in merged[option]] == [stronger]
    assert merged[stronger]["A"] == "z/z"
    assert merged[weaker]["B"] == "x/y"


@given(
    st.sampled_from(["pvc", "secret", "config"]), st.from_regex(r"\A[a-z0-9]([-a-z0-9.]{0,20}[a-z0-9])?\Z")
)  # fmt: skip
def test_a_volume_says_what_it_is(kind: str, name: str) -> None:
    assert validate({"volumes": {"/a": f"{kind}:{name}"}}) == {"volumes": {"/a": f"{kind}:{name}"}}
    assert split_volume(f"{kind}:{name}") == (kind, name, False)
