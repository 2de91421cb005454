"""What the volumes of a container hold, read: a Secret's and a ConfigMap's keys become files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from faas.client.protocol import Object
from faas.engine.contract.revision import ContainerPlan, RevisionPlan, SecretRef, VolumeMount
from faas.engine.instances.driver import File, Mount
from faas.engine.instances.provisioning.references import MissingReference


def make_mounts(container: ContainerPlan, values: Mapping[SecretRef, Mapping[str, str]]) -> tuple[Mount, ...]:
    """One for each path; the parts of a projected volume come together in it, later ones over earlier ones.

    Raises: MissingReference: a key that a volume asks for does not exist.
    """
    by_path: dict[str, list[VolumeMount]] = {}
    for volume in container.volumes:
        by_path.setdefault(volume.path, []).append(volume)
    return tuple(_mount(parts, values) for parts in by_path.values())


def _mount(parts: list[VolumeMount], values: Mapping[SecretRef, Mapping[str, str]]) -> Mount:
    first = parts[0]
    files: dict[str, File] | None = {} if first.sources else None
    if files is not None:
        for part in parts:
            modes = dict(part.modes)
            for path, text in chosen_keys(part, values).items():
                content = text.encode("utf-8", "surrogateescape")
                files[path] = File(path, content, modes.get(path, part.mode))
    return Mount(
        path=first.path,
        volume=first.volume,
        files=tuple(files.values()) if files is not None else None,
        read_only=first.read_only,
        sub_path=first.sub_path,
        in_memory=first.in_memory,
        size_limit_bytes=first.size_limit_bytes,
    )


def chosen_keys(volume: VolumeMount, values: Mapping[SecretRef, Mapping[str, str]]) -> dict[str, str]:
    """The text of each file of a volume by its relative path. Raises: MissingReference."""
    found: dict[str, str] = {}
    for source in volume.sources:
        data = values.get(source, {})
        wanted = dict(volume.items) or {key: key for key in data}
        if not source.optional and (missing := sorted(wanted.keys() - data.keys())):
            raise MissingReference(f"{source.kind.lower()} {source.name!r} has no key {', '.join(missing)}")
        found |= {name: data[key] for key, name in wanted.items() if key in data}
    return found


def describe_volumes(plan: RevisionPlan) -> list[Object]:
    """The volumes of a Pod, as its spec has them."""
    by_name: dict[str, dict[VolumeMount, None]] = {}
    for container in plan.containers:
        for mount in container.volumes:
            by_name.setdefault(mount.volume, {})[replace(mount, path="", sub_path="", read_only=True)] = None
    return [{"name": name, **_source(list(parts))} for name, parts in by_name.items()]


def _source(parts: list[VolumeMount]) -> Object:
    first = parts[0]
    if not first.sources:
        empty: dict[str, Any] = {"medium": "Memory"} if first.in_memory else {}
        if first.size_limit_bytes is not None:
            empty["sizeLimit"] = str(first.size_limit_bytes)
        return {"emptyDir": empty}
    if len(parts) > 1:
        return {"projected": {"sources": [_projection(part) for part in parts], "defaultMode": first.mode}}
    named = "secretName" if first.sources[0].kind == "Secret" else "name"
    field, described = next(iter(_projection(first).items()))
    return {field: {named: described.pop("name"), **described, "defaultMode": first.mode}}


def _projection(part: VolumeMount) -> dict[str, dict[str, Any]]:
    source, modes = part.sources[0], dict(part.modes)
    described: dict[str, Any] = {"name": source.name}
    if part.items:
        described["items"] = [
            {"key": key, "path": path, **({"mode": modes[path]} if path in modes else {})} for key, path in part.items
        ]
    if source.optional:
        described["optional"] = True
    return {"secret" if source.kind == "Secret" else "configMap": described}
