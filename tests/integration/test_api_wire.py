"""The HTTPS surface itself: access, errors, watches, pages, what kn asks."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from faas.engine.api.guard import MAX_BODY_BYTES
from faas.resources import kinds

MAPS = "/api/v1/namespaces/default/configmaps"
SERVICES = "/apis/serving.knative.dev/v1/namespaces/default/services"


@pytest.fixture(scope="module")
def http(api: Any) -> Iterator[httpx.Client]:
    context = ssl.create_default_context(cadata=(api.state / "tls" / "ca.crt").read_text())
    headers = {"Authorization": f"Bearer {api.token}"}
    with httpx.Client(base_url=api.url, verify=context, headers=headers, timeout=20) as client:
        yield client


def config_map(name: str, **labels: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}}


def service(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"template": {"spec": {"containers": [{"image": "example.com/x"}]}}},
    }


def test_only_who_has_the_token_comes_in(api: Any, http: httpx.Client) -> None:
    refused = http.get(MAPS, headers={"Authorization": "Bearer wrong"})
    assert (refused.status_code, refused.json()["reason"]) == (401, "Unauthorized")
    del refused
    assert http.get("/healthz", headers={"Authorization": ""}).text == "ok"


def test_web_pages_are_refused_even_with_the_token(http: httpx.Client) -> None:
    assert http.get(MAPS, headers={"Origin": "https://evil.example"}).status_code == 403
    assert http.get(MAPS, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_the_kubeconfig_and_the_keys_are_the_users_own(api: Any) -> None:
    config = yaml.safe_load(api.kubeconfig.read_text())
    assert config["current-context"] == "faas"
    for file in (api.kubeconfig, *Path(api.state / "tls").iterdir()):
        assert file.stat().st_mode & 0o077 == 0, file


def test_what_is_not_there_is_a_status(http: httpx.Client) -> None:
    missing = http.get(f"{SERVICES}/none")
    assert missing.json() == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'services.serving.knative.dev "none" not found',
        "reason": "NotFound",
        "details": {"name": "none", "group": "serving.knative.dev", "kind": "services"},
        "code": 404,
    }
    for path in ("/apis/apps/v1", "/apis/apps/v1/deployments", "/nonsense", "/openapi/v2"):
        assert http.get(path).json()["reason"] == "NotFound"


def test_a_body_that_is_too_large_or_no_json_is_refused(http: httpx.Client) -> None:
    large = http.post(MAPS, content=b"x" * (MAX_BODY_BYTES + 1), headers={"Content-Type": "application/json"})
    assert (large.status_code, large.json()["reason"]) == (413, "RequestEntityTooLarge")
    broken = http.post(MAPS, content=b"{", headers={"Content-Type": "application/json"})
    assert (broken.status_code, broken.json()["reason"]) == (400, "BadRequest")
    html = http.post(MAPS, content=b"<p>", headers={"Content-Type": "text/html"})
    assert html.status_code == 415


def test_warnings_come_as_headers(http: httpx.Client) -> None:
    answer = http.post(MAPS, params={"fieldValidation": "Warn"}, json={**config_map("warned"), "dat": 1})
    assert answer.headers["Warning"] == '299 - "unknown field \\"dat\\""'


def test_limited_lists_go_on_where_they_stopped_at_one_version(http: httpx.Client) -> None:
    for name in "abcde":
        http.post(MAPS, json=config_map(f"page-{name}", paged="yes")).raise_for_status()
    query = {"labelSelector": "paged=yes", "limit": "2"}
    first = http.get(MAPS, params=query).json()
    http.delete(f"{MAPS}/page-e").raise_for_status()
    names = [item["metadata"]["name"] for item in first["items"]]
    page = first
    while token := page["metadata"].get("continue"):
        page = http.get(MAPS, params={**query, "continue": token}).json()
        assert page["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
        names += [item["metadata"]["name"] for item in page["items"]]
    assert names == ["page-a", "page-b", "page-c", "page-d", "page-e"]


def test_a_watch_goes_on_from_a_version(http: httpx.Client) -> None:
    version = http.get(MAPS).json()["metadata"]["resourceVersion"]
    http.post(MAPS, json=config_map("seen"))
    http.delete(f"{MAPS}/seen")
    query = {"watch": "true", "resourceVersion": version, "fieldSelector": "metadata.name=seen"}
    with http.stream("GET", MAPS, params=query) as stream:
        lines = stream.iter_lines()
        events = [json.loads(next(lines)) for _ in range(2)]
    assert [event["type"] for event in events] == ["ADDED", "DELETED"]


def test_an_informer_gets_what_there_is_and_then_a_bookmark(http: httpx.Client) -> None:
    query = {
        "watch": "true",
        "sendInitialEvents": "true",
        "resourceVersionMatch": "NotOlderThan",
        "allowWatchBookmarks": "true",
        "timeoutSeconds": "1",
    }
    events = [json.loads(line) for line in http.get("/api/v1/namespaces", params=query).text.splitlines()]
    names = [event["object"]["metadata"]["name"] for event in events if event["type"] == "ADDED"]
    assert {"default", "kube-system", "knative-serving"} <= set(names)
    mark = next(event for event in events if event["type"] == "BOOKMARK")
    assert mark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert http.get("/api/v1/namespaces", params={"watch": "1", "sendInitialEvents": "true"}).status_code == 422


def test_a_version_from_the_future_and_one_from_the_past(http: httpx.Client) -> None:
    future = http.get(MAPS, params={"resourceVersion": "999999999"})
    assert (future.status_code, future.json()["reason"]) == (504, "Timeout")
    assert http.get(MAPS, params={"resourceVersion": "x"}).status_code == 400


def test_tables_and_metadata_only(http: httpx.Client) -> None:
    http.post(SERVICES, json=service("formed")).raise_for_status()
    accept = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
    table = http.get(f"{SERVICES}/formed", headers=accept).json()
    assert [column["name"] for column in table["columnDefinitions"]] == [
        "Name", "URL", "LatestCreated", "LatestReady", "Ready", "Reason",
    ]  # fmt: skip
    assert table["rows"][0]["cells"] == ["formed", None, None, None, None, None]
    assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
    accept = {"Accept": "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"}
    partial = http.get(SERVICES, headers=accept).json()
    assert set(partial["items"][0]) == {"kind", "apiVersion", "metadata"}


def test_a_service_as_kn_makes_and_changes_it(http: httpx.Client) -> None:
    assert http.get(f"{SERVICES}/kn").status_code == 404
    created = http.post(SERVICES, json=service("kn"))
    assert created.status_code == 201
    live = http.get(f"{SERVICES}/kn").json()
    live["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "A", "value": "1"}]
    assert http.put(f"{SERVICES}/kn", json=live).json()["metadata"]["generation"] == 2
    stale = http.put(f"{SERVICES}/kn", json=live)
    assert (stale.status_code, stale.json()["reason"]) == (409, "Conflict")
    merged = http.patch(
        f"{SERVICES}/kn",
        json={"metadata": {"labels": {"a": "b"}}},
        headers={"Content-Type": "application/merge-patch+json"},
    )
    assert merged.json()["metadata"]["labels"] == {"a": "b"}
    body = {"propagationPolicy": "Background"}
    gone = http.request("DELETE", f"{SERVICES}/kn", json=body)
    assert gone.json()["status"] == "Success"


def test_collections_are_deleted_by_selector(http: httpx.Client) -> None:
    for name, tier in (("bulk-1", "x"), ("bulk-2", "x"), ("bulk-3", "y")):
        http.post(MAPS, json=config_map(name, tier=tier)).raise_for_status()
    http.delete(MAPS, params={"labelSelector": "tier=x"}).raise_for_status()
    left = http.get(MAPS, params={"labelSelector": "tier"}).json()["items"]
    assert [item["metadata"]["name"] for item in left] == ["bulk-3"]


def test_a_delete_holds_to_its_preconditions(http: httpx.Client) -> None:
    http.post(MAPS, json=config_map("conditional")).raise_for_status()
    wrong = http.request("DELETE", f"{MAPS}/conditional", json={"preconditions": {"uid": "other"}})
    assert wrong.status_code == 409
    assert "Precondition failed: UID in precondition: other" in wrong.json()["message"]


def test_events_under_both_of_their_groups(api: Any, http: httpx.Client) -> None:
    event = {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": "e"},
        "regarding": {"kind": "Service", "name": "x", "namespace": "default"},
        "reason": "R",
        "note": "what happened",
        "type": "Normal",
    }
    made = http.post("/apis/events.k8s.io/v1/namespaces/default/events", json=event)
    assert made.json()["note"] == "what happened"
    core = http.get("/api/v1/namespaces/default/events/e").json()
    assert (core["apiVersion"], core["message"]) == ("v1", "what happened")
    assert core["involvedObject"]["name"] == "x"


def test_discovery_one_group_at_a_time(http: httpx.Client) -> None:
    assert http.get("/api").json()["versions"] == ["v1"]
    groups = {group["name"] for group in http.get("/apis").json()["groups"]}
    assert groups == {
        "serving.knative.dev",
        "eventing.knative.dev",
        "sources.knative.dev",
        "apiextensions.k8s.io",
        "events.k8s.io",
        "authorization.k8s.io",
        "authentication.k8s.io",
        "networking.internal.knative.dev",
    }
    resources = {entry["name"] for entry in http.get("/apis/serving.knative.dev/v1").json()["resources"]}
    assert {"services", "services/status", "routes", "revisions", "configurations"} <= resources
    accept = {"Accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}
    aggregated = http.get("/apis", headers=accept)
    assert aggregated.headers["content-type"].endswith("v=v2;as=APIGroupDiscoveryList")
    assert aggregated.json()["kind"] == "APIGroupDiscoveryList"


def test_openapi_documents_are_cached_by_their_hash(http: httpx.Client) -> None:
    paths = http.get("/openapi/v3").json()["paths"]
    url = paths["apis/serving.knative.dev/v1"]["serverRelativeURL"]
    document = http.get(url)
    assert document.headers["cache-control"] == "public, immutable"
    assert "x-kubernetes-group-version-kind" in json.dumps(document.json()["components"]["schemas"])
    assert http.get(url, headers={"If-None-Match": document.headers["etag"]}).status_code == 304


def test_the_engines_own_status(http: httpx.Client) -> None:
    assert http.get("/faas/v1/status").json() == {"functions": 0, "readOnly": None}


def test_a_watch_that_began_before_a_write_in_process_sees_it(api: Any, http: httpx.Client) -> None:
    with http.stream("GET", MAPS, params={"watch": "true", "fieldSelector": "metadata.name=inner"}) as stream:
        api.call(
            lambda backend: backend.create(kinds.CONFIG_MAP, {"metadata": {"name": "inner", "namespace": "default"}})
        )
        assert json.loads(next(stream.iter_lines()))["object"]["metadata"]["name"] == "inner"
