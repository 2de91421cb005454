"""What a function that is gone from the code keeps as long as it is there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from faas.deploy.objects.gone import Gone, gone_from
from faas.deploy.objects.live import Live
from faas.deploy.objects.plan import Change
from faas.deploy.objects.staying import staying_with
from faas.deploy.objects.which import which
from faas.resources.kinds import SECRET, SERVICE, TRIGGER

SERVING, SOURCES = "serving.knative.dev/v1", "sources.knative.dev/v1"


def made(api_version: str, kind: str, name: str, function: str = "", **spec: Any) -> dict[str, Any]:
    labels = {"faas.dev/project": "shop", **({"faas.dev/function": function} if function else {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "labels": labels}, "spec": spec}


def service(name: str, function: str = "", functions: str = "", **pod: Any) -> dict[str, Any]:
    metadata = {"annotations": {"faas.dev/functions": functions}} if functions else {}
    return made(SERVING, "Service", name, function, template={"metadata": metadata, "spec": pod})


def trigger(name: str, subscriber: str, source: str = "") -> dict[str, Any]:
    filters = [{"exact": {"faassource": source}}] if source else []
    ref = {"apiVersion": SERVING, "kind": "Service", "name": subscriber}
    return made("eventing.knative.dev/v1", "Trigger", name, subscriber=({"ref": ref}), filters=filters)


def told(*objects: dict[str, Any], gone: tuple[str, ...]) -> dict[str, list[str]]:
    """Of all these objects, what stays with the functions that are gone."""
    live = Live({which(obj): obj for obj in objects}, frozenset(map(which, objects)))
    leaving = [Change(name, "delete", live.objects[kind, name], live.objects[kind, name], False, (), kind)
               for kind, name in live.objects]  # fmt: skip
    found = staying_with(gone, leaving, live)
    return {name: [f"{change.kind.kind} {change.name}" for change in changes] for name, changes in found.items()}


def test_what_leads_to_a_function_stays_with_it_and_what_leads_to_others_goes() -> None:
    reference = {"kind": "Service", "name": "old"}

    assert told(
        service("old"), service("new"), trigger("old", "old"), trigger("old-tick", "old", "old-tick"),
        trigger("new-was", "new", "new-was"), *(made(SOURCES, "PingSource", name) for name in ("old-tick", "new-was")),
        made("serving.knative.dev/v1beta1", "DomainMapping", "old.example.org", ref=reference),
        made("serving.knative.dev/v1beta1", "DomainMapping", "new.example.org", ref={**reference, "name": "new"}),
        gone=("old",),
    ) == {
        "old": ["Trigger old", "Trigger old-tick", "PingSource old-tick", "DomainMapping old.example.org"],
    }  # fmt: skip


def test_a_source_whose_trigger_somebody_deleted_is_its_functions() -> None:
    assert told(
        service("old", functions="count,note"), service("new", "buy"), made(SOURCES, "PingSource", "note-tick", "note"),
        made(SOURCES, "PingSource", "buy-tick", "buy"), gone=("old",),
    ) == {"old": ["PingSource note-tick"]}  # fmt: skip


def test_what_it_and_its_sources_read_stays_and_may_be_shared() -> None:
    env = [{"name": "X", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password", "optional": True}}}]
    rbac = "rbac.authorization.k8s.io/v1"
    account = [
        made("v1", "ServiceAccount", "a-pods"),
        made(rbac, "Role", "a-pods"),
        made(rbac, "RoleBinding", "a-pods"),
    ]
    secrets = [made("v1", "Secret", name) for name in ("db", "unread")]

    assert told(
        service("a", containers=[{"env": env}]), service("b", imagePullSecrets=[{"name": "db"}]),
        trigger("a-pods", "a", "a-pods"), made(SOURCES, "ApiServerSource", "a-pods", serviceAccountName="a-pods"),
        *account, *secrets, gone=("a", "b"),
    ) == {
        "a": ["Trigger a-pods", "ApiServerSource a-pods", "ServiceAccount a-pods", "Role a-pods", "RoleBinding a-pods",
              "Secret db"],
        "b": ["Secret db"],
    }  # fmt: skip


def test_a_function_that_has_nothing_is_not_told() -> None:
    assert told(service("old"), made("v1", "ConfigMap", "texts"), gone=("old",)) == {}


def test_what_goes_at_once_is_what_nobody_who_stays_needs() -> None:
    secret = made("v1", "Secret", "unread")
    objects = (service("old"), service("new"), trigger("old", "old"), trigger("was", "new"), secret)
    live = Live({which(obj): obj for obj in objects}, frozenset(map(which, objects)))
    kinds = (TRIGGER, SERVICE, SECRET)

    found = gone_from(live, kinds, {(SERVICE, "new")}, asked=(SERVICE,))

    assert [change.name for change in found.at_once] == ["was", "unread"]
    assert [change.kind.kind for change in found.with_asked] == ["Service", "Trigger"]
    hidden = replace(live, unknown=frozenset({SERVICE}))
    assert gone_from(hidden, kinds, {(SERVICE, "new")}, asked=(SERVICE,)) == Gone()
