"""Config maps of knative-serving, changed with kubectl while the engine runs: what changes, and what is refused."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from faas.resources.kinds import POD, REVISION, SERVICE
from tests.integration.conftest import KUBECTL
from tests.integration.engine.conftest import eventually
from tests.integration.engine.whole import Whole, host, running

CODE = """
from faas import Context, function

@function(scale_to_zero_after="1s")
def napper() -> str:
    return "here"

@function
async def caller(ctx: Context) -> str:
    return await ctx.call("napper", into=str)
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    folder = tmp_path_factory.mktemp("whole")
    with running(folder) as whole:
        whole.serve(folder / "shop", CODE)
        yield whole


def patch(whole: Whole, name: str, data: dict[str, str | None], *, code: int = 0) -> str:
    body = json.dumps({"data": data})
    return whole.kubectl("patch", "configmap", name, "-n", "knative-serving", "--type=merge", "-p", body, code=code)


@contextmanager
def changed(whole: Whole, name: str, **data: str) -> Iterator[None]:
    """Settings for the block; their defaults again after it."""
    settings = {key.replace("_", "-"): value for key, value in data.items()}
    patch(whole, name, dict(settings))
    try:
        yield
    finally:
        patch(whole, name, dict.fromkeys(settings))


def apply(whole: Whole, name: str, template: dict[str, Any], **changes: Any) -> None:
    """A Service as a Knative user writes it, with the image of one that is deployed."""
    (deployed,) = [item for item in whole.objects(SERVICE) if item["metadata"]["name"] == "napper"]
    container = deployed["spec"]["template"]["spec"]["containers"][0]
    spec = {"containers": [{**{key: container[key] for key in ("image", "env")}, **changes}], **template}
    manifest = {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"template": {"spec": spec}},
    }
    subprocess.run(
        [str(KUBECTL), "--kubeconfig", str(whole.state.kubeconfig), "apply", "-f", "-"],
        input=json.dumps(manifest),
        text=True,
        check=True,
        capture_output=True,
        timeout=60,
    )
    whole.kubectl("wait", "ksvc", name, "--for=condition=Ready", "--timeout=30s")


def revisions(whole: Whole, name: str) -> dict[str, dict[str, Any]]:
    found = whole.objects(REVISION, f"serving.knative.dev/service={name}")
    return {item["metadata"]["name"]: item for item in found}


def instances(whole: Whole, name: str) -> int:
    return len(whole.objects(POD, f"serving.knative.dev/service={name}"))


def test_what_may_not_scale_to_zero_wakes_at_once_and_sleeps_when_it_may_again(whole: Whole) -> None:
    eventually(lambda: instances(whole, "napper") == 0, "it sleeps")

    with changed(whole, "config-autoscaler", enable_scale_to_zero="false"):
        eventually(lambda: instances(whole, "napper") == 1, "it is woken without a request")

    eventually(lambda: instances(whole, "napper") == 0, "it sleeps again")


def test_a_changed_default_target_moves_the_target_of_what_runs(whole: Whole) -> None:
    apply(whole, "unlimited", {"containerConcurrency": 0})

    def target() -> float:
        lines = [line for line in whole.metrics().splitlines() if "target_per_instance{" in line]
        (line,) = [line for line in lines if 'service="unlimited"' in line]
        return float(line.rpartition(" ")[2])

    assert target() == 70
    with changed(whole, "config-autoscaler", container_concurrency_target_default="10"):
        eventually(lambda: target() == 7, "70 % of the new default")
    eventually(lambda: target() == 70, "the default is back")


@pytest.mark.parametrize(
    ("name", "setting", "value", "said"),
    [
        pytest.param("config-autoscaler", "stable-window", "1s", "stable-window", id="out-of-range"),
        pytest.param("config-autoscaler", "enable-scale-to-zero", "perhaps", "enable-scale-to-zero", id="no-bool"),
        pytest.param("config-autoscaler", "max-scale-up-rate", "1.0", "max-scale-up-rate", id="too-small"),
        pytest.param("config-defaults", "revision-timeout-seconds", "soon", "revision-timeout-seconds", id="no-number"),
        pytest.param("config-gc", "min-non-active-revisions", "-5", "min-non-active-revisions", id="negative"),
        pytest.param("config-network", "domain-template", "{{.Name}}", "domain-template", id="ambiguous-hosts"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_name(
    whole: Whole, name: str, setting: str, value: str, said: str
) -> None:
    before = whole.kubectl("get", "configmap", name, "-n", "knative-serving", "-o", "jsonpath={.data}")

    patch(whole, name, {setting: value}, code=1)

    assert said in whole.said
    assert whole.kubectl("get", "configmap", name, "-n", "knative-serving", "-o", "jsonpath={.data}") == before


def test_new_services_have_the_new_default_timeout(whole: Whole) -> None:
    apply(whole, "before", {})
    with changed(whole, "config-defaults", revision_timeout_seconds="7"):
        apply(whole, "meanwhile", {})

    for name, timeout in (("before", 300), ("meanwhile", 7)):
        (revision,) = revisions(whole, name).values()
        assert revision["spec"]["timeoutSeconds"] == timeout


def test_fewer_old_revisions_are_kept_when_config_gc_says_so(whole: Whole) -> None:
    for number in range(4):
        environment = [{"name": "FAAS_FUNCTION", "value": "main:napper"}, {"name": "A", "value": str(number)}]
        apply(whole, "many", {}, env=environment)
    assert len(revisions(whole, "many")) == 4

    few = {"min_non_active_revisions": "0", "max_non_active_revisions": "1"}
    at_once = {"retain_since_create_time": "disabled", "retain_since_last_active_time": "disabled"}
    with changed(whole, "config-gc", **few, **at_once):
        eventually(lambda: set(revisions(whole, "many")) == {"many-00003", "many-00004"}, "the oldest go")


def test_hosts_follow_the_domain_template_and_calls_go_on(whole: Whole) -> None:
    with whole.http("caller") as client:
        assert client.get("/").text == "here"
        with changed(whole, "config-network", domain_template="{{.Name}}-in-{{.Namespace}}.{{.Domain}}"):
            renamed = {"Host": "caller-in-default.localhost"}
            eventually(lambda: client.get("/", headers=renamed).status_code == 200, "it answers at the new host")
            assert client.get("/", headers=renamed).text == "here"
            assert client.get("/", headers={"Host": host("caller")}).status_code == 404
            assert whole.faas("invoke", "caller") == "here"
        eventually(lambda: client.get("/").status_code == 200, "it answers at the old host again")


def test_a_config_map_that_was_deleted_is_all_defaults(whole: Whole) -> None:
    patch(whole, "config-autoscaler", {"container-concurrency-target-default": "10"})
    whole.kubectl("delete", "configmap", "config-autoscaler", "-n", "knative-serving")

    apply(whole, "fresh", {"containerConcurrency": 0})

    line = next(line for line in whole.metrics().splitlines() if "target_per_instance{" in line and 'e="fresh"' in line)
    assert float(line.rpartition(" ")[2]) == 70
