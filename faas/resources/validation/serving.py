"""The rules for Knative's kinds. Source: knative/serving pkg/apis/serving/v1/*_validation.go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from faas.resources import keys, names
from faas.resources.config import Config
from faas.resources.serving import Configuration, Revision, RevisionTemplate, Route, Service
from faas.resources.validation.annotations import (
    validate_not_on_parent,
    validate_revision_annotations,
    validate_rollout_duration,
    validate_scaling,
)
from faas.resources.validation.diff import difference
from faas.resources.validation.errors import FieldError, invalid_value, missing
from faas.resources.validation.podspec import validate_revision_spec
from faas.resources.validation.traffic import validate_traffic
from faas.resources.views import Raw, decode, without_nulls

AT_ANNOTATIONS = "metadata.annotations"


def validate_service(new: Raw, old: Raw | None, config: Config) -> Iterator[FieldError]:
    service = decode(Service, new)
    annotations = service.metadata.annotations
    yield from _validate_label_name(service.metadata.name)
    yield from validate_not_on_parent(annotations, AT_ANNOTATIONS)
    yield from validate_rollout_duration(annotations, AT_ANNOTATIONS)
    yield from _validate_visibility(service.metadata.labels)
    yield from _validate_template(service.spec.template, service.metadata.name, config)
    yield from validate_traffic(service.spec.traffic, "spec.traffic", of_service=True)
    if old is not None:
        yield from validate_provenance(new, old)
        yield from _validate_name_change(new, old)


def validate_configuration(new: Raw, old: Raw | None, config: Config) -> Iterator[FieldError]:
    configuration = decode(Configuration, new)
    yield from _validate_label_name(configuration.metadata.name)
    yield from validate_not_on_parent(configuration.metadata.annotations, AT_ANNOTATIONS)
    yield from _validate_owner_label(new, keys.SERVICE_LABEL, "Service")
    yield from _validate_template(configuration.spec.template, configuration.metadata.name, config)
    if old is not None and not new["metadata"].get("ownerReferences"):
        # A Service answers for its Configuration: each of its steps was valid, of which this may be the sum.
        yield from validate_provenance(new, old)
        yield from _validate_name_change(new, old)


def validate_revision(new: Raw, old: Raw | None, config: Config) -> Iterator[FieldError]:
    revision = decode(Revision, new)
    annotations = revision.metadata.annotations
    yield from _validate_label_name(revision.metadata.name)
    yield from validate_scaling(annotations, config, AT_ANNOTATIONS)
    yield from validate_revision_annotations(annotations, AT_ANNOTATIONS)
    yield from _validate_owner_label(new, keys.CONFIGURATION_LABEL, "Configuration")
    if old is None:
        yield from validate_revision_spec(revision.spec, config, "spec")
        return
    changes = difference(old.get("spec"), new.get("spec"))
    if changes:
        yield FieldError("Immutable fields changed (-old +new)", ("spec",), changes)


def validate_route(new: Raw, old: Raw | None, config: Config) -> Iterator[FieldError]:
    route = decode(Route, new)
    yield from _validate_label_name(route.metadata.name)
    yield from validate_not_on_parent(route.metadata.annotations, AT_ANNOTATIONS)
    yield from validate_rollout_duration(route.metadata.annotations, AT_ANNOTATIONS)
    yield from _validate_visibility(route.metadata.labels)
    yield from _validate_owner_label(new, keys.SERVICE_LABEL, "Service")
    yield from validate_traffic(route.spec.traffic, "spec.traffic", of_service=False)
    if old is not None and not new["metadata"].get("ownerReferences"):
        yield from validate_provenance(new, old)


def _validate_label_name(name: str) -> Iterator[FieldError]:
    """Services, Configurations, Revisions and Routes become parts of host names."""
    if name and (problem := names.label_1035_problem(name)):
        yield FieldError(f"not a DNS 1035 label: [{problem}]", ("metadata.name",))


def _validate_template(template: RevisionTemplate, parent: str, config: Config) -> Iterator[FieldError]:
    annotations, at = template.metadata.annotations, "spec.template.metadata.annotations"
    yield from validate_revision_spec(template.spec, config, "spec.template.spec")
    yield from validate_scaling(annotations, config, at)
    yield from validate_revision_annotations(annotations, at)
    name = template.metadata.name
    if not name:
        return
    if problem := names.label_1035_problem(name):
        yield invalid_value(f"not a DNS 1035 label: [{problem}]", "spec.template.metadata.name")
    elif not parent:
        yield FieldError("must not set the field(s)", ("spec.template.metadata.name",))  # generateName names the parent
    elif not name.startswith(f"{parent}-"):
        yield invalid_value(f'"{name}" must have prefix "{parent}-"', "spec.template.metadata.name")


def _validate_visibility(labels: Mapping[str, str]) -> Iterator[FieldError]:
    value = labels.get(keys.VISIBILITY_LABEL)
    if value not in (None, keys.CLUSTER_LOCAL):
        path = f"metadata.labels.{keys.VISIBILITY_LABEL}"
        yield invalid_value(value, path, f'expected "{keys.CLUSTER_LOCAL}", or no such label')


def _validate_owner_label(raw: Raw, label: str, kind: str) -> Iterator[FieldError]:
    """The label says who owns the object, so the object has to say the same in its ownerReferences."""
    metadata = raw["metadata"]
    name = (metadata.get("labels") or {}).get(label)
    owners = metadata.get("ownerReferences") or []
    if name is not None and not any(owner["kind"] == kind and owner["name"] == name for owner in owners):
        yield missing(f"metadata.labels.{label}")


def validate_provenance(new: Raw, old: Raw) -> Iterator[FieldError]:
    """Who made an object never changes; who changed it last only when its spec does."""
    before, after = _annotations(old), _annotations(new)
    if before.get(keys.CREATOR) != after.get(keys.CREATOR):
        yield FieldError("annotation value is immutable", (f"{AT_ANNOTATIONS}.{keys.CREATOR}",))
    same_spec = without_nulls(old.get("spec")) == without_nulls(new.get("spec"))
    if same_spec and before.get(keys.LAST_MODIFIER) != after.get(keys.LAST_MODIFIER):
        yield invalid_value(after.get(keys.LAST_MODIFIER, ""), f"{AT_ANNOTATIONS}.{keys.LAST_MODIFIER}")


def _validate_name_change(new: Raw, old: Raw) -> Iterator[FieldError]:
    """A template that names its Revision needs another name whenever it changes: the Revision is there already."""
    after, before = new["spec"].get("template") or {}, (old.get("spec") or {}).get("template") or {}
    name = (after.get("metadata") or {}).get("name")
    if not name or name != (before.get("metadata") or {}).get("name"):
        return
    changes = difference(before, after)
    if changes:
        message = "Saw the following changes without a name change (-old +new)"
        yield FieldError(message, ("spec.template.metadata.name",), changes)


def _annotations(raw: Raw) -> dict[str, Any]:
    annotations: dict[str, Any] = raw["metadata"].get("annotations") or {}
    return annotations
