"""What a chart lets people choose: values of the base, and what each stage says over them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from faas_builders.oci.references import split

from faas.client.protocol import Object
from faas.deploy.export.editions.edition import Edition, identity, moved, said_anew
from faas.project.manifests.labels import PROJECT_LABEL, STAGE_LABEL
from faas.resources import keys

HERE = "faas-release-namespace"
"""Stands in an object for the namespace of a release, until a template has its own word for it."""

SAID_BY_TEMPLATE = ("FAAS_FUNCTION", "FAAS_NAMESPACE", "K_SINK")  # variables that a release knows better
POD = ("containerConcurrency", "timeoutSeconds", "containers")  # what else is in a Revision's spec is `pod`
CONTAINER = ("image", "env", "resources")  # what else is in its container is `container`
_LARGEST = 999_999  # above it Helm writes a number as 1e+06


class Editions:
    """All editions of a project beside each other, with every object in namespace HERE."""

    def __init__(self, base: Edition, stages: Sequence[Edition]) -> None:
        self.every = (base, *stages)
        self._here = [{identity(obj): _here(obj, edition) for obj in edition.objects} for edition in self.every]

    def services(self) -> dict[str, list[Object | None]]:
        """By name: the Service in each edition."""
        names = [obj["metadata"]["name"] for edition in self.every for obj in edition.services]
        which = ("serving.knative.dev", "Service")
        return {name: [here.get((*which, name)) for here in self._here] for name in dict.fromkeys(names)}

    def others(self) -> dict[str, list[Object | None]]:
        """By kind and name: any other object in each edition, but those that `domains` are."""
        found: dict[str, list[Object | None]] = {}
        for here in self._here:
            for which, obj in here.items():
                if which[:2] != ("serving.knative.dev", "Service") and not _is_plain_domain(obj):
                    found.setdefault(f"{which[1].lower()}-{which[2]}", [each.get(which) for each in self._here])
        return found

    def domains(self, service: str) -> list[list[str]]:
        """The hosts of a Service in each edition."""
        return [
            sorted(obj["metadata"]["name"] for obj in here.values()
                   if _is_plain_domain(obj) and obj["spec"]["ref"]["name"] == service)
            for here in self._here
        ]  # fmt: skip


def _here(obj: Object, edition: Edition) -> Object:
    found = moved(obj, HERE)
    labels = found["metadata"].get("labels") or {}
    if labels.get(STAGE_LABEL) != edition.stage:
        return found
    kept = {key: value for key, value in labels.items() if key != STAGE_LABEL}
    return {**found, "metadata": {**found["metadata"], "labels": kept}}


def _is_plain_domain(obj: Mapping[str, Any]) -> bool:
    """One that says no more than the host of a Service."""
    return (
        obj["kind"] == "DomainMapping"
        and set(obj["spec"]) == {"ref"}
        and obj["spec"]["ref"].get("kind") == "Service"
        and set(obj["metadata"].get("labels") or {}) <= {PROJECT_LABEL}
        and "annotations" not in obj["metadata"]
    )


def make_values(editions: Editions) -> list[Object]:
    """The values of each edition, whole."""
    services, others = editions.services(), editions.others()
    images = [_commonest(edition) for edition in editions.every]
    made: list[Object] = []
    for index, edition in enumerate(editions.every):
        functions: Object = {}
        for name, each in services.items():
            if (service := each[index]) is not None:
                shared = shared_container(each)
                functions[name] = _of_function(service, images[index], editions.domains(name)[index], shared)
        values: Object = {"stage": edition.stage, "image": _parts(images[index]), "functions": functions}
        if edition.of_kind("Broker"):
            values["brokers"] = True
        varying = {key: _body(obj, edition, with_metadata=metadata_varies(each)) for key, each in others.items()
                   if varies(each) and (obj := each[index]) is not None}  # fmt: skip
        if any(varies(each) for each in others.values()):
            values["objects"] = varying
        made.append(values)
    return made


def over(base: Mapping[str, Any], wanted: Mapping[str, Any]) -> Object:
    """What has to be said over `base` for `wanted`; null takes away."""
    found: Object = {key: None for key in base if key not in wanted}
    for key, value in wanted.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            if inner := over(base[key], value):
                found[key] = inner
        elif key not in base or base[key] != value:
            found[key] = value
    return found


def varies(editions: Sequence[Object | None]) -> bool:
    return any(obj != editions[0] for obj in editions)


def metadata_varies(editions: Sequence[Object | None]) -> bool:
    """Whether those that have the object label it differently, but for the stage."""
    found = [obj["metadata"] for obj in editions if obj is not None]
    return any(metadata != found[0] for metadata in found)


def _body(obj: Object, edition: Edition, *, with_metadata: bool) -> Object:
    """All of an object but what it is called."""
    rest = {key: value for key, value in obj.items() if key not in ("apiVersion", "kind", "metadata")}
    if with_metadata:
        metadata = {key: value for key, value in obj["metadata"].items() if key in ("labels", "annotations")}
        if edition.stage and PROJECT_LABEL in metadata.get("labels", {}):
            metadata["labels"] = {**metadata["labels"], STAGE_LABEL: edition.stage}
        rest = {"metadata": metadata, **rest}
    body: Object = said_anew(rest, HERE, edition.namespace)
    return body


def shared_container(services: Iterable[Object | None]) -> Object:
    """The fields of a Service's container that are the same in all editions, and so belong into its template."""
    containers = [
        {
            key: value
            for key, value in service["spec"]["template"]["spec"]["containers"][0].items()
            if key not in CONTAINER
        }
        for service in services
        if service is not None
    ]
    return {key: value for key, value in containers[0].items() if all(each.get(key) == value for each in containers)}


def _of_function(service: Object, image: str, domains: list[str], shared: Mapping[str, Any]) -> Object:
    template = service["spec"]["template"]
    spec, container = template["spec"], template["spec"]["containers"][0]
    annotations = (template.get("metadata") or {}).get("annotations") or {}
    prefix = f"{keys.AUTOSCALING_GROUP}/"
    made: Object = {"scale": {key.removeprefix(prefix): _number(value) for key, value in sorted(annotations.items())
                              if key.startswith(prefix)}}  # fmt: skip
    if others := {key: value for key, value in annotations.items() if not key.startswith(prefix)}:
        made["annotations"] = others
    made["concurrency"] = spec.get("containerConcurrency", 0)
    if "timeoutSeconds" in spec:
        made["timeout"] = spec["timeoutSeconds"]
    made["env"] = {each["name"]: each["value"] if "value" in each else {"valueFrom": each["valueFrom"]}
                   for each in container.get("env") or () if each["name"] not in SAID_BY_TEMPLATE}  # fmt: skip
    made["resources"] = container.get("resources") or {}
    made["domains"] = domains
    if container["image"] != image:
        made["image"] = _parts(container["image"])
    if pod := {key: value for key, value in spec.items() if key not in POD}:
        made["pod"] = pod
    if rest := {key: value for key, value in container.items() if key not in CONTAINER and key not in shared}:
        made["container"] = rest
    return made


def _commonest(edition: Edition) -> str:
    """The image that most functions run from."""
    images = [service["spec"]["template"]["spec"]["containers"][0]["image"] for service in edition.services]
    return max(sorted(set(images)), key=images.count) if images else ""


def _parts(reference: str) -> Object:
    return split(reference)._asdict()


def _number(text: str) -> str | int:
    return int(text) if text.isascii() and text.isdigit() and str(int(text)) == text and int(text) <= _LARGEST else text
