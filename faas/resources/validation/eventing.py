"""The rules for Broker, Trigger and EventType. Source: knative/eventing pkg/apis/eventing/v1/*_validation.go."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from faas.resources import keys, names, periods, quantities
from faas.resources.config import Config
from faas.resources.eventing import Broker, Trigger
from faas.resources.eventtypes import EventType, EventTypeV1Beta2
from faas.resources.validation.destinations import validate_delivery, validate_destination, validate_reference
from faas.resources.validation.diff import difference
from faas.resources.validation.errors import FieldError, invalid_value, missing, multiple_one_of
from faas.resources.validation.filters import validate_attributes, validate_filters
from faas.resources.views import Raw, decode

AT_ANNOTATIONS = "metadata.annotations"
_ORDERED_BY = re.compile(r"[a-z0-9]{1,20}|data(\.[^.\s]+)+")


def validate_broker(new: Raw, old: Raw | None, config: Config) -> Iterator[FieldError]:
    broker = decode(Broker, new)
    annotations = broker.metadata.annotations
    if not annotations.get(keys.BROKER_CLASS):
        yield missing(keys.BROKER_CLASS)
    if broker.spec.config is not None:
        yield from validate_reference(broker.spec.config, "spec.config")
    yield from validate_delivery(broker.spec.delivery, "spec.delivery")
    yield from _validate_retention(annotations)
    yield from _validate_dead_letter_stream(annotations)
    if old is None:
        return
    if changes := difference(_without_delivery(old), _without_delivery(new)):
        yield FieldError("Immutable fields changed (-old +new)", ("spec",), changes)
    before = (old["metadata"].get("annotations") or {}).get(keys.BROKER_CLASS)
    if changes := difference(before, annotations.get(keys.BROKER_CLASS)):
        yield FieldError("Immutable annotations changed (-old +new)", ("annotations",), changes)


def validate_trigger(new: Raw, old: Raw | None, config: Config) -> Iterator[FieldError]:
    trigger = decode(Trigger, new)
    spec, annotations = trigger.spec, trigger.metadata.annotations
    if spec.broker_ref is None and not spec.broker:
        yield missing("spec.broker")
    elif spec.broker_ref is not None and spec.broker:
        yield multiple_one_of("spec.broker", "spec.brokerRef")
    if spec.broker_ref is not None and spec.broker_ref.namespace:
        details = (
            "only name, apiVersion and kind are supported fields when feature.CrossNamespaceEventLinks is disabled"
        )
        yield FieldError("must not set the field(s)", ("spec.namespace",), details)
    if spec.filter is not None:
        yield from validate_attributes(spec.filter.attributes, "spec.filter.attributes")
    yield from validate_filters(spec.filters, "spec.filters")
    yield from validate_destination(spec.subscriber, "spec.subscriber")
    yield from validate_delivery(spec.delivery, "spec.delivery")
    if (dependency := annotations.get(keys.DEPENDENCY)) is not None:
        yield from _validate_dependency(dependency, trigger.metadata.namespace)
    if (injection := annotations.get(keys.INJECTION)) is not None:
        yield from _validate_injection(injection, spec.broker)
    yield from validate_event_annotations(annotations, AT_ANNOTATIONS)
    if old is None:
        return
    if changes := difference(_broker_of(old), _broker_of(new)):
        yield FieldError("Immutable fields changed (-old +new)", ("spec.broker",), changes)


def validate_event_annotations(annotations: Mapping[str, str], at: str) -> Iterator[FieldError]:
    """Of a Trigger, or of a Service's template for its Triggers: ours."""
    ordered_by = annotations.get(keys.ORDERED_BY)
    if ordered_by is not None and not _ORDERED_BY.fullmatch(ordered_by):
        details = "expected the name of an event's attribute: lower case letters and digits; or data.PATH"
        yield invalid_value(ordered_by, f"{at}.{keys.ORDERED_BY}", details)
    for key in (keys.PARALLELISM, keys.BACKLOG_TARGET):
        value = annotations.get(key)
        if value is not None and not re.fullmatch(r"[1-9]\d{0,5}", value, re.ASCII):
            yield invalid_value(value, f"{at}.{key}", "expected a whole number from 1 to 999999")
    yield from _validate_dead_letter_stream(annotations, at)


def validate_event_type(new: Raw, old: Raw | None, config: Config) -> Iterator[FieldError]:
    attributes = {attribute.name for attribute in decode(EventType, new).spec.attributes}
    absent = [name for name in ("type", "source", "specversion", "id") if name not in attributes]
    if absent:
        yield missing(*(f"spec.attributes.{name}" for name in absent))


def validate_old_event_type(new: Raw, old: Raw | None, config: Config) -> Iterator[FieldError]:
    """Of v1beta1 and v1beta2."""
    if not decode(EventTypeV1Beta2, new).spec.type:
        yield missing("spec.type")


def _validate_retention(annotations: Mapping[str, str]) -> Iterator[FieldError]:
    retention = annotations.get(keys.EVENT_RETENTION)
    if retention is not None:
        at = f"{AT_ANNOTATIONS}.{keys.EVENT_RETENTION}"
        try:
            seconds = periods.parse_s(retention)
        except periods.PeriodError as error:
            yield invalid_value(retention, at, str(error))
        else:
            if seconds <= 0:
                yield invalid_value(retention, at, "expected a time greater than zero")
    size = annotations.get(keys.EVENT_MAX_BYTES)
    if size is not None:
        at = f"{AT_ANNOTATIONS}.{keys.EVENT_MAX_BYTES}"
        try:
            if quantities.bytes_of(size) <= 0:
                yield invalid_value(size, at, "expected more than nothing: 512Mi, 1Gi")
        except quantities.QuantityError as error:
            yield invalid_value(size, at, str(error))


def _validate_dead_letter_stream(annotations: Mapping[str, str], at: str = AT_ANNOTATIONS) -> Iterator[FieldError]:
    stream = annotations.get(keys.DEAD_LETTER_STREAM)
    if stream is not None and (problem := names.label_problem(stream)):
        yield invalid_value(stream, f"{at}.{keys.DEAD_LETTER_STREAM}", problem)


def _validate_dependency(text: str, namespace: str) -> Iterator[FieldError]:
    at = f"metadata.annotations[{keys.DEPENDENCY}]"
    try:
        reference = json.loads(text)
        if not isinstance(reference, dict):
            raise TypeError(f"it is no object but {type(reference).__name__}")
    except (ValueError, TypeError) as error:
        words = f"The provided annotation was not a corev1.ObjectReference: {json.dumps(text)}"
        yield FieldError(words, (at,), str(error))
        return
    if reference.get("namespace") not in (None, "", namespace):
        words = f'Namespace must be empty or equal to the trigger namespace "{namespace}"'
        yield FieldError(words, (f"{at}.namespace",))
    absent = [f"{at}.{name}" for name in ("kind", "name", "apiVersion") if not reference.get(name)]
    if absent:
        yield missing(*absent)


def _validate_injection(value: str, broker: str) -> Iterator[FieldError]:
    at = f"metadata.annotations[{keys.INJECTION}]"
    if value not in ("enabled", "disabled"):
        words = f'The provided injection annotation value can only be "enabled" or "disabled", not "{value}"'
        yield FieldError(words, (at,))
    elif broker != "default":
        words = (
            "The provided injection annotation is only used for default broker, but non-default broker specified "
            f'here: "{broker}"'
        )
        yield FieldError(words, (at,))


def _without_delivery(raw: Raw) -> Raw:
    return {name: value for name, value in (raw.get("spec") or {}).items() if name != "delivery"}


def _broker_of(raw: Raw) -> Raw:
    spec = raw.get("spec") or {}
    return {name: spec[name] for name in ("broker", "brokerRef") if spec.get(name)}
