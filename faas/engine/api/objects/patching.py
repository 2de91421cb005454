"""A request's patch, done with the means of `apply`, its problems in the API's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from faas.client.errors import ApiError, BadRequest, Cause, Conflict
from faas.client.protocol import Object, PatchType
from faas.engine.api.objects.apply import managers
from faas.engine.api.objects.apply.jsonpatch import PatchError, json_patch
from faas.engine.api.objects.apply.managers import ApplyConflict, Manager, Managers
from faas.engine.api.objects.apply.merge import merge_patch
from faas.engine.api.objects.apply.strategic import StrategicPatchError, strategic_merge
from faas.engine.api.objects.apply.typed import Undecidable
from faas.resources.kinds import Kind
from faas.resources.schema import field_tree

# kubectl as it was before --server-side: what it still owns nobody else has changed since, so the same user's
# server-side apply takes it over. kube-apiserver allows it only where the live value is the one that was applied,
# which Knative's defaults inside atomic lists never are.
CLIENT_SIDE = "kubectl-client-side-apply"


def patched(kind: Kind, obj: Object, patch: Any, type: PatchType) -> Any:
    """The object after a patch that knows no owners. Raises BadRequest, Invalid, 415."""
    if type == "json":
        if not isinstance(patch, list):
            raise BadRequest("a JSON patch is a list of operations")
        try:
            return json_patch(obj, patch)
        except PatchError as error:
            raise ApiError(f"the server rejected our request: {error}", code=422, reason="Invalid") from error
    if not isinstance(patch, Mapping):
        raise BadRequest("a merge patch is an object")
    if type == "merge":
        return merge_patch(obj, patch)
    if kind.custom:
        raise unsupported_patch()
    try:
        return strategic_merge(field_tree(kind), obj, patch)
    except StrategicPatchError as error:
        raise BadRequest(str(error)) from error


def apply_config(
    kind: Kind, live: Object, config: Object, manager: Manager, now: str, *, force: bool
) -> tuple[Object, Managers]:
    """Server-side apply on raw objects. Raises Conflict (with FieldManagerConflict causes), Invalid, BadRequest."""
    if config["metadata"].get("managedFields"):
        raise BadRequest("metadata.managedFields must be nil")
    if not manager.name:
        raise BadRequest(
            "PatchOptions.meta.k8s.io is invalid: fieldManager: Required value: is required for apply patch"
        )
    stated = {**config, "metadata": {k: v for k, v in config["metadata"].items() if k != "resourceVersion"}}
    if manager.subresource:
        stated = {name: stated[name] for name in ("apiVersion", "kind", "metadata", "status") if name in stated}
    elif kind.status_subresource:
        stated.pop("status", None)
    owners = managers.decode(live["metadata"].get("managedFields"))
    try:
        return managers.applied(owners, field_tree(kind), live, stated, manager, now, kind.api_version, force=force)
    except Undecidable as error:
        raise BadRequest(f"failed to create typed patch object ({kind.kind}): {error}") from error
    except ApplyConflict as error:
        if manager.name == "kubectl" and all(found.manager.name == CLIENT_SIDE for found in error.conflicts):
            return apply_config(kind, live, config, manager, now, force=True)
        causes = tuple(Cause("FieldManagerConflict", str(conflict), path) for conflict, path in error.with_paths())
        raise Conflict(str(error), causes=causes) from error


def unsupported_patch() -> ApiError:
    return ApiError(
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
        code=415,
        reason="UnsupportedMediaType",
    )
