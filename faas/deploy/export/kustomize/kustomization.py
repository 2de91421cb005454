"""An edition as a base, and what the project's stages make of it as overlays. Pure.

An overlay says what differs: the namespace, a label, images, and patches. `kubectl kustomize overlays/STAGE` gives
the very objects of `faas export --project --stage STAGE`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from faas_builders.oci.references import Written, split

from faas.client.protocol import Object
from faas.deploy.export.documents import Files, file_names, to_yaml
from faas.deploy.export.editions.edition import Edition, containers_of, identity, moved
from faas.deploy.export.kustomize.differences import difference
from faas.deploy.export.needed import make_secrets_page
from faas.project.manifests.labels import PROJECT_LABEL, STAGE_LABEL

_HEAD = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}


def make_kustomization(base: Edition, stages: Sequence[Edition] = ()) -> Files:
    """`base/`, `overlays/STAGE/`, and SECRETS.md where Secrets are needed."""
    objects = [moved(obj, "") for obj in base.objects]
    files: Files = {}
    _add(files, "base/", {**_HEAD}, objects)
    for stage in stages:
        _add(files, f"overlays/{stage.stage}/", *_overlay(objects, stage))
    return {**files, **make_secrets_page([base, *stages])}


def _add(files: Files, folder: str, kustomization: Object, objects: Sequence[Object]) -> None:
    named = file_names(objects)
    resources = [*kustomization.pop("resources", ()), *named]
    head = {key: kustomization.pop(key) for key in _HEAD}
    if resources:
        head["resources"] = resources
    files[f"{folder}kustomization.yaml"] = to_yaml({**head, **kustomization})
    files |= {f"{folder}{name}": to_yaml(obj) for name, obj in named.items()}


def _overlay(base: Sequence[Object], stage: Edition) -> tuple[Object, list[Object]]:
    """The kustomization, and the objects that only this stage has."""
    found = {identity(obj): obj for obj in base}
    wanted = {identity(obj): _without_stage(moved(obj, ""), stage.stage) for obj in stage.objects}
    images = _images(found, wanted)
    renamed = {change["name"]: change for change in images}
    patches = [_labelling(stage)] + [_deletion(obj) for which, obj in found.items() if which not in wanted]
    for which, obj in wanted.items():
        if which in found:
            patches += _patches(found[which], _before_renaming(found[which], obj, renamed))
    made: Object = {**_HEAD, "resources": ["../../base"], "namespace": stage.namespace}
    if images:
        made["images"] = images
    made["patches"] = patches
    return made, [obj for which, obj in wanted.items() if which not in found]


def _without_stage(obj: Object, stage: str) -> Object:
    """The object as it is before kustomize labels it."""
    labels = obj["metadata"].get("labels") or {}
    if labels.get(STAGE_LABEL) != stage:
        return obj
    kept = {key: value for key, value in labels.items() if key != STAGE_LABEL}
    return {**obj, "metadata": {**obj["metadata"], "labels": kept}}


def _images(base: Mapping[Any, Object], wanted: Mapping[Any, Object]) -> list[Object]:
    """Names of images that are others in this stage; one that becomes several is left to patches."""
    pairs = {
        (before["image"], after["image"])
        for which, obj in wanted.items()
        if which in base
        for before, after in zip(containers_of(base[which]), containers_of(obj), strict=False)
    }
    becomes: dict[str, set[str]] = {}
    for before, after in pairs:
        becomes.setdefault(split(before).repository, set()).add(after)
    changed = {split(before).repository for before, after in pairs if before != after}
    changes = [_change(name, split(next(iter(becomes[name])))) for name in sorted(changed) if len(becomes[name]) == 1]
    return [change for change in changes if change]


def _change(name: str, image: Written) -> Object | None:
    """As kustomize says it; it cannot take a tag away."""
    parts = {
        "newName": image.repository if image.repository != name else "",
        "newTag": image.tag,
        "digest": image.digest,
    }
    said = {key: value for key, value in parts.items() if value}
    return {"name": name, **said} if said else None


def _before_renaming(base: Object, obj: Object, renamed: Mapping[str, Object]) -> Object:
    """The object with the base's image wherever kustomize makes the right one of it."""
    found = deepcopy(obj)
    for own, container in zip(containers_of(base), containers_of(found), strict=False):
        if _renamed(str(own.get("image")), renamed) == container.get("image"):
            container["image"] = own["image"]
    return found


def _renamed(reference: str, renamed: Mapping[str, Object]) -> str:
    """What kustomize makes of a reference: a tag or a digest replaces both."""
    name, tag, digest = split(reference)
    if change := renamed.get(name):
        name = change.get("newName", name)
        if "newTag" in change or "digest" in change:
            tag, digest = change.get("newTag", ""), change.get("digest", "")
    return name + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")


def _patches(base: Object, wanted: Object) -> list[Object]:
    found = difference(base, wanted)
    patches: list[Object] = []
    if found.merge:
        named = {key: base[key] for key in ("apiVersion", "kind")}
        metadata = {"name": base["metadata"]["name"], **found.merge.get("metadata", {})}
        patches.append({"patch": to_yaml({**named, "metadata": metadata, **found.merge} | {"metadata": metadata})})
    if found.operations:
        patches.append({"target": _target(base), "patch": to_yaml(found.operations)})
    return patches


def _labelling(stage: Edition) -> Object:
    """The stage, on what is the project's: a Broker is everybody's."""
    pointer = f"/metadata/labels/{STAGE_LABEL.replace('/', '~1')}"
    operation = {"op": "add", "path": pointer, "value": stage.stage}
    return {"target": {"labelSelector": f"{PROJECT_LABEL}={stage.project}"}, "patch": to_yaml([operation])}


def _deletion(obj: Object) -> Object:
    named: Object = {key: obj[key] for key in ("apiVersion", "kind")}
    return {"patch": to_yaml({"$patch": "delete", **named, "metadata": {"name": obj["metadata"]["name"]}})}


def _target(obj: Mapping[str, Any]) -> Object:
    group, kind, name = identity(obj)
    target = {"kind": kind, "name": name}
    return {"group": group, **target} if group else target
