"""The real kubectl against the API server."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from faas.resources import kinds

pytestmark = pytest.mark.kubectl

SERVICE = """\
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: NAME, labels: {app: shop}}
spec:
  template:
    spec:
      containers:
      - image: example.com/shop:1
        env: [{name: COLOR, value: red}]
"""


def ok(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout


def service(name: str) -> str:
    return SERVICE.replace("NAME", name)


def test_api_resources_names_all_kinds_with_their_short_names(api: Any) -> None:
    rows = {tuple(line.split()[-3:]) for line in ok(api.kubectl("api-resources")).splitlines()}
    assert ("serving.knative.dev/v1", "true", "Service") in rows
    assert ("v1", "false", "Namespace") in rows
    assert ("events.k8s.io/v1", "true", "Event") in rows
    ok(api.kubectl("get", "ksvc,cfg,rev,rt,dm,cdc,ns,cm,secret,po,ev,sa", "-A"))


def test_the_client_and_the_server_greet_each_other(api: Any) -> None:
    version = json.loads(ok(api.kubectl("version", "-o", "json")))
    assert version["serverVersion"]["gitVersion"].endswith("+faas")


def test_namespaces_are_there_from_the_start(api: Any) -> None:
    names = ok(api.kubectl("get", "ns", "-o", "name")).split()
    assert {"namespace/default", "namespace/kube-system", "namespace/knative-serving"} <= set(names)


def test_get_shows_the_columns_of_the_kind(api: Any) -> None:
    ok(api.kubectl("create", "configmap", "columns", "--from-literal=a=1", "--from-literal=b=2"))
    head, *rows = ok(api.kubectl("get", "configmap", "columns")).splitlines()
    assert head.split() == ["NAME", "DATA", "AGE"]
    assert rows[0].split()[:2] == ["columns", "2"]
    ok(api.kubectl("apply", "-f", "-", input=service("columns")))
    head = ok(api.kubectl("get", "ksvc", "columns")).splitlines()[0]
    assert head.split() == ["NAME", "URL", "LATESTCREATED", "LATESTREADY", "READY", "REASON"]


def test_created_objects_come_back_as_they_were_sent(api: Any) -> None:
    ok(api.kubectl("create", "namespace", "made"))
    ok(api.kubectl("create", "secret", "generic", "s", "-n", "made", "--from-literal=password=hunter2"))
    ok(api.kubectl("create", "configmap", "c", "-n", "made", "--from-literal=k=v"))
    ok(api.kubectl("create", "serviceaccount", "robot", "-n", "made"))
    secret = json.loads(ok(api.kubectl("get", "secret", "s", "-n", "made", "-o", "json")))
    assert secret["data"] == {"password": "aHVudGVyMg=="}
    assert secret["type"] == "Opaque"
    assert ok(api.kubectl("get", "cm", "c", "-n", "made", "-o", "jsonpath={.data.k}")) == "v"
    assert ok(api.kubectl("get", "sa", "-n", "made", "-o", "name")).split() == [
        "serviceaccount/default",
        "serviceaccount/robot",
    ]


def test_client_side_apply_creates_and_changes(api: Any) -> None:
    assert "created" in ok(api.kubectl("apply", "-f", "-", input=service("applied")))
    changed = service("applied").replace("red", "blue")
    diff = api.kubectl("diff", "-f", "-", input=changed)
    assert diff.returncode == 1, diff.stderr
    assert "value: blue" in diff.stdout
    assert "configured" in ok(api.kubectl("apply", "-f", "-", input=changed))
    live = json.loads(ok(api.kubectl("get", "ksvc", "applied", "-o", "json")))
    assert live["metadata"]["generation"] == 2
    assert live["spec"]["template"]["spec"]["containers"][0]["env"] == [{"name": "COLOR", "value": "blue"}]
    assert live["spec"]["traffic"] == [{"latestRevision": True, "percent": 100}]


def test_client_side_apply_of_a_built_in_kind_is_unchanged_the_second_time(api: Any) -> None:
    manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: same}\ndata: {a: '1'}\n"
    ok(api.kubectl("apply", "-f", "-", input=manifest))
    assert "unchanged" in ok(api.kubectl("apply", "-f", "-", input=manifest))
    ok(api.kubectl("apply", "-f", "-", input=manifest.replace("a: '1'", "b: '2'")))
    assert json.loads(ok(api.kubectl("get", "cm", "same", "-o", "jsonpath={.data}"))) == {"b": "2"}


def test_server_side_apply_keeps_owners_and_refuses_what_another_owns(api: Any) -> None:
    manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: owned}\ndata: {a: '1', b: '1'}\n"
    ok(api.kubectl("apply", "--server-side", "--field-manager=one", "-f", "-", input=manifest))
    other = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: owned}\ndata: {b: '2'}\n"
    refused = api.kubectl("apply", "--server-side", "--field-manager=two", "-f", "-", input=other)
    assert refused.returncode != 0
    assert 'Apply failed with 1 conflict: conflict with "one": .data.b' in refused.stderr
    ok(api.kubectl("apply", "--server-side", "--field-manager=two", "--force-conflicts", "-f", "-", input=other))
    # "one" no longer states a: it goes; b belongs to "two" and stays
    less = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: owned}\ndata: {c: '3'}\n"
    ok(api.kubectl("apply", "--server-side", "--field-manager=one", "-f", "-", input=less))
    assert json.loads(ok(api.kubectl("get", "cm", "owned", "-o", "jsonpath={.data}"))) == {"b": "2", "c": "3"}


def test_server_side_apply_takes_over_from_client_side_apply(api: Any) -> None:
    ok(api.kubectl("apply", "-f", "-", input=service("moved")))
    ok(api.kubectl("apply", "--server-side", "-f", "-", input=service("moved").replace("red", "green")))
    live = json.loads(ok(api.kubectl("get", "ksvc", "moved", "-o", "json", "--show-managed-fields")))
    assert live["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] == "green"
    assert "kubectl-client-side-apply" not in {entry["manager"] for entry in live["metadata"]["managedFields"]}


@pytest.mark.parametrize(
    ("type_", "patch", "expected"),
    [
        pytest.param("merge", '{"data": {"a": null, "b": "2"}}', {"b": "2", "z": "0"}, id="merge"),
        pytest.param("strategic", '{"data": {"a": "7"}}', {"a": "7", "z": "0"}, id="strategic"),
        pytest.param("json", '[{"op": "remove", "path": "/data/z"}]', {"a": "1"}, id="json"),
    ],
)
def test_patches_of_every_type(api: Any, type_: str, patch: str, expected: dict[str, str]) -> None:
    name = f"patched-{type_}"
    ok(api.kubectl("create", "configmap", name, "--from-literal=a=1", "--from-literal=z=0"))
    ok(api.kubectl("patch", "configmap", name, f"--type={type_}", "-p", patch))
    assert json.loads(ok(api.kubectl("get", "cm", name, "-o", "jsonpath={.data}"))) == expected


def test_a_custom_kind_takes_no_strategic_patch(api: Any) -> None:
    ok(api.kubectl("apply", "-f", "-", input=service("custom")))
    refused = api.kubectl("patch", "ksvc", "custom", "-p", "{}")
    assert "strategic-merge-patch+json is not supported" in refused.stderr


def test_edit_label_and_annotate(api: Any) -> None:
    ok(api.kubectl("apply", "-f", "-", input=service("edited")))
    ok(api.kubectl("edit", "ksvc", "edited", KUBE_EDITOR="sed -i s/red/violet/"))
    ok(api.kubectl("label", "ksvc", "edited", "tier=front"))
    ok(api.kubectl("annotate", "ksvc", "edited", "note=1"))
    assert "violet" in ok(api.kubectl("get", "ksvc", "-l", "tier=front", "-o", "json"))
    assert ok(api.kubectl("get", "ksvc", "-l", "tier=back", "-o", "name")) == ""


def test_delete_waits_until_the_object_is_gone(api: Any) -> None:
    ok(api.kubectl("create", "configmap", "short"))
    assert "deleted" in ok(api.kubectl("delete", "configmap", "short"))
    missing = api.kubectl("get", "configmap", "short")
    assert 'Error from server (NotFound): configmaps "short" not found' in missing.stderr


def test_deleting_a_namespace_takes_what_is_in_it(api: Any) -> None:
    ok(api.kubectl("create", "namespace", "doomed"))
    ok(api.kubectl("create", "configmap", "inside", "-n", "doomed"))
    ok(api.kubectl("delete", "namespace", "doomed", "--timeout=20s"))
    assert ok(api.kubectl("get", "cm", "-n", "doomed", "-o", "name")) == ""
    refused = api.kubectl("delete", "namespace", "default")
    assert "this namespace may not be deleted" in refused.stderr


def test_wait_sees_a_condition_become_true(api: Any) -> None:
    ok(api.kubectl("apply", "-f", "-", input=service("waited")))
    waiting = subprocess.Popen(
        [*api.command, "wait", "ksvc/waited", "--for=condition=Ready", "--timeout=30s"],
        env=api.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    status = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    api.call(lambda backend: backend.patch(kinds.SERVICE, "waited", status, "default", subresource="status"))
    out, _ = waiting.communicate(timeout=40)
    assert "condition met" in out


def test_get_watch_prints_changes_as_rows(api: Any) -> None:
    ok(api.kubectl("create", "configmap", "watched"))
    watching = subprocess.Popen(
        [*api.command, "get", "configmap", "watched", "-w", "--no-headers"],
        env=api.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert watching.stdout is not None
    try:
        assert watching.stdout.readline().split()[:2] == ["watched", "0"]
        ok(api.kubectl("patch", "configmap", "watched", "-p", '{"data": {"a": "1"}}'))
        assert watching.stdout.readline().split()[:2] == ["watched", "1"]
    finally:
        watching.kill()
        watching.communicate()


def test_explain_reads_the_schema(api: Any) -> None:
    text = ok(api.kubectl("explain", "ksvc.spec.template.spec.containerConcurrency"))
    assert "FIELD: containerConcurrency <integer>" in text


def test_an_unknown_field_is_refused_by_name(api: Any) -> None:
    refused = api.kubectl("apply", "-f", "-", input=service("typo").replace("spec:\n  template", "spec:\n  tmplate"))
    assert 'strict decoding error: unknown field "spec.tmplate"' in refused.stderr


@pytest.mark.parametrize("version", ["sources.knative.dev/v1", "flows.knative.dev/v1"])
def test_a_kind_that_is_not_there_is_named(api: Any, version: str) -> None:
    done = api.kubectl("apply", "-f", "-", input=f"apiVersion: {version}\nkind: Sequence\nmetadata: {{name: s}}\n")
    assert done.returncode != 0
    assert f'no matches for kind "Sequence" in version "{version}"' in done.stderr


def test_dry_run_on_the_server_stores_nothing(api: Any) -> None:
    out = ok(api.kubectl("apply", "--dry-run=server", "-f", "-", "-o", "json", input=service("dry")))
    assert json.loads(out)["spec"]["template"]["spec"]["timeoutSeconds"] == 300
    assert "NotFound" in api.kubectl("get", "ksvc", "dry").stderr


def test_describe_shows_the_events_of_the_object(api: Any) -> None:
    ok(api.kubectl("apply", "-f", "-", input=service("described")))
    uid = ok(api.kubectl("get", "ksvc", "described", "-o", "jsonpath={.metadata.uid}"))
    event = {
        "metadata": {"name": "described.1", "namespace": "default"},
        "involvedObject": {
            "apiVersion": "serving.knative.dev/v1",
            "kind": "Service",
            "namespace": "default",
            "name": "described",
            "uid": uid,
        },
        "reason": "Created",
        "message": "Created Configuration",
        "type": "Normal",
        "count": 1,
        "source": {"component": "service-controller"},
        "firstTimestamp": "2026-01-01T00:00:00Z",
        "lastTimestamp": api.backend.records.now(),
    }
    api.call(lambda backend: backend.create(kinds.EVENT, event))
    assert "Created Configuration" in ok(api.kubectl("describe", "ksvc", "described"))
    assert "Created Configuration" in ok(api.kubectl("events"))
    assert "Created Configuration" in ok(api.kubectl("get", "events"))
    assert "Created Configuration" in ok(api.kubectl("get", "events.events.k8s.io", "-o", "yaml"))


def test_pods_can_be_read_and_deleted_but_not_written(api: Any) -> None:
    pod = {
        "metadata": {"name": "p", "namespace": "default"},
        "spec": {"containers": [{"name": "user-container", "image": "x"}]},
        "status": {"phase": "Running", "containerStatuses": [{"name": "user-container", "ready": True}]},
    }
    api.call(lambda backend: backend.create(kinds.POD, pod))
    row = ok(api.kubectl("get", "pods", "p", "--no-headers")).split()
    assert row[:4] == ["p", "1/1", "Running", "0"]
    assert ok(api.kubectl("logs", "p", "--tail=2")) == "two\nthree\n"
    assert ok(api.kubectl("logs", "-f", "p")) == "one\ntwo\nthree\n"
    refused = api.kubectl("label", "pod", "p", "a=b")
    assert "read-only" in refused.stderr
    ok(api.kubectl("delete", "pod", "p", "--wait=false"))
    assert api.evicted == ["default/p"]
    assert "Terminating" in ok(api.kubectl("get", "pod", "p"))
    api.call(lambda backend: backend.delete(kinds.POD, "p", "default"))
    assert "NotFound" in api.kubectl("get", "pod", "p").stderr


def test_who_may_do_what(api: Any) -> None:
    assert ok(api.kubectl("auth", "can-i", "create", "ksvc")).strip() == "yes"
    assert api.kubectl("auth", "can-i", "create", "pods").stdout.startswith("no")
    assert "faas-admin" in ok(api.kubectl("auth", "whoami"))


def test_a_domain_is_an_object_like_any_other(api: Any) -> None:
    mapping = """\
apiVersion: serving.knative.dev/v1beta1
kind: DomainMapping
metadata: {name: DOMAIN}
spec: {ref: {apiVersion: serving.knative.dev/v1, kind: Service, name: shop}}
"""
    ok(api.kubectl("apply", "-f", "-", input=mapping.replace("DOMAIN", "shop.example.com")))
    ok(api.kubectl("apply", "--server-side", "-f", "-", input=mapping.replace("DOMAIN", "www.example.com")))
    head, *rows = ok(api.kubectl("get", "dm")).splitlines()
    assert head.split() == ["NAME", "URL", "READY", "REASON"]
    assert [row.split()[0] for row in rows] == ["shop.example.com", "www.example.com"]
    assert ok(api.kubectl("get", "dm", "shop.example.com", "-o", "jsonpath={.spec.ref.namespace}")) == "default"
    assert "secretName\t<string> -required-" in ok(api.kubectl("explain", "domainmapping.spec.tls"))
    refused = api.kubectl("apply", "-f", "-", input=mapping.replace("DOMAIN", "shop"))
    assert 'admission webhook "validation.webhook.serving.knative.dev" denied the request' in refused.stderr
    assert "should be a domain with at least two segments separated by dots" in refused.stderr
    unfinished = api.kubectl("apply", "-f", "-", input=mapping.replace("ref:", "to:"))
    assert 'unknown field "spec.to"' in unfinished.stderr
    ok(api.kubectl("delete", "domainmapping", "shop.example.com", "www.example.com"))


def test_a_domain_can_be_given_to_a_namespace(api: Any) -> None:
    claim = {"apiVersion": "networking.internal.knative.dev/v1alpha1", "kind": "ClusterDomainClaim"}
    given = {**claim, "metadata": {"name": "shop.example.com"}, "spec": {"namespace": "team"}}
    ok(api.kubectl("apply", "-f", "-", input=json.dumps(given)))
    head, *rows = ok(api.kubectl("get", "cdc")).splitlines()
    assert (head.split(), [row.split()[0] for row in rows]) == (["NAME", "AGE"], ["shop.example.com"])
    refused = api.kubectl("apply", "-f", "-", input=json.dumps({**given, "spec": {}}))
    assert "spec.namespace" in refused.stderr
    ok(api.kubectl("delete", "cdc", "shop.example.com"))
