"""A change of a Kubernetes object as an event, as Knative's ApiServerSource makes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from faas_runtime.events.event import JSON, Event
from faas_runtime.events.shapes.making import event_of, stable_id

Change = Literal["add", "update", "delete"]
Mode = Literal["Resource", "Reference"]
PREFIX = "dev.knative.apiserver."
_WORD: dict[Mode, str] = {"Resource": "resource", "Reference": "ref"}


def make_event(server: str, change: Change, obj: Mapping[str, Any], *, plural: str, mode: Mode) -> Event[Any]:
    """The event of one change; the same change of the same version has the same id.

    Args:
        server: the API server's URL.
        obj: the object as it is now, with apiVersion and kind.
        plural: of its resource, for its path.
        mode: Resource sends the whole object, Reference only which one it is.
    """
    metadata = obj["metadata"]
    api_version, kind = str(obj["apiVersion"]), str(obj["kind"])
    name, namespace = str(metadata["name"]), str(metadata.get("namespace") or "")
    data: Mapping[str, Any] = obj
    if mode == "Reference":
        reference = {"kind": kind, "namespace": namespace, "name": name, "apiVersion": api_version}
        data = {key: value for key, value in reference.items() if value}
    return event_of(
        f"{PREFIX}{_WORD[mode]}.{change}", server,
        stable_id(metadata.get("uid", ""), metadata.get("resourceVersion", ""), change),
        msgspec.json.encode(data), JSON, subject=self_link(api_version, plural, namespace, name),
        extensions={"apiversion": api_version, "kind": kind, "name": name, "namespace": namespace},
    )  # fmt: skip


def self_link(api_version: str, plural: str, namespace: str, name: str) -> str:
    """The object's path in the API: `/apis/apps/v1/namespaces/default/deployments/web`."""
    root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    return f"{root}/namespaces/{namespace}/{plural}/{name}" if namespace else f"{root}/{plural}/{name}"
