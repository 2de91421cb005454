"""The rules for metadata: names, labels, annotations, owners, finalizers. Source: apimachinery, pkg/api/validation."""

from __future__ import annotations

import re
from collections.abc import Iterator

from faas.resources import names
from faas.resources.kinds import NAMESPACE, Kind
from faas.resources.validation.errors import FieldError, server_invalid, server_required, server_too_long
from faas.resources.views import Raw

MAX_ANNOTATIONS_BYTES = 256 * 1024
_NAME_PART = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_NAME_PART_WORDS = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
    "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?"
    "[A-Za-z0-9]')"
)
_LABEL_VALUE_WORDS = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


def validate_metadata(kind: Kind, raw: Raw) -> Iterator[FieldError]:
    """The API server's own rules, the same for every kind."""
    metadata = raw.get("metadata") or {}
    yield from _validate_name(kind, metadata)
    yield from _validate_labels(metadata.get("labels") or {})
    yield from _validate_annotations(metadata.get("annotations") or {})
    yield from _validate_owners(metadata.get("ownerReferences") or [])
    for finalizer in metadata.get("finalizers") or []:
        for words in qualified_name_problems(finalizer):
            yield server_invalid("metadata.finalizers", finalizer, words)


def qualified_name_problems(key: str) -> Iterator[str]:
    """What is wrong with a key: NAME or PREFIX/NAME, the prefix a DNS subdomain."""
    prefix, slash, name = key.rpartition("/")
    if key.count("/") > 1:
        yield (
            f"a qualified name {_NAME_PART_WORDS} with an optional DNS subdomain prefix and '/' "
            "(e.g. 'example.com/MyName')"
        )
        return
    if slash:
        problem = names.subdomain_problem(prefix) if prefix else "must be non-empty"
        if problem:
            yield f"prefix part {problem}"
    if not name:
        yield "name part must be non-empty"
    elif len(name) > names.MAX_LABEL:
        yield f"name part must be no more than {names.MAX_LABEL} characters"
    if not _NAME_PART.fullmatch(name):
        yield f"name part {_NAME_PART_WORDS}"


def label_value_problem(value: str) -> str | None:
    if len(value) > names.MAX_LABEL:
        return f"must be no more than {names.MAX_LABEL} bytes"
    return None if _LABEL_VALUE.fullmatch(value) else _LABEL_VALUE_WORDS


def _validate_name(kind: Kind, metadata: Raw) -> Iterator[FieldError]:
    check = names.label_problem if kind == NAMESPACE else names.subdomain_problem
    prefix = metadata.get("generateName")
    if prefix and (problem := check(re.sub(r"-$", "a", prefix))):  # what follows the prefix starts with a letter
        yield server_invalid("metadata.generateName", prefix, problem)
    name = metadata.get("name")
    if not name:
        if not prefix:
            yield server_required("metadata.name", "name or generateName is required")
    elif problem := check(name):
        yield server_invalid("metadata.name", name, problem)
    namespace = metadata.get("namespace")
    if kind.namespaced and namespace and (problem := names.label_problem(namespace)):
        yield server_invalid("metadata.namespace", namespace, problem)


def _validate_labels(labels: dict[str, str]) -> Iterator[FieldError]:
    for key, value in labels.items():
        for words in qualified_name_problems(key):
            yield server_invalid("metadata.labels", key, words)
        if problem := label_value_problem(value):
            yield server_invalid("metadata.labels", value, problem)


def _validate_annotations(annotations: dict[str, str]) -> Iterator[FieldError]:
    for key in annotations:
        for words in qualified_name_problems(key.lower()):  # keys of annotations may have capitals in their prefix
            yield server_invalid("metadata.annotations", key, words)
    if sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items()) > MAX_ANNOTATIONS_BYTES:
        yield server_too_long("metadata.annotations", MAX_ANNOTATIONS_BYTES)


def _validate_owners(owners: list[Raw]) -> Iterator[FieldError]:
    for index, owner in enumerate(owners):
        for field in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(field):
                yield server_invalid(f"metadata.ownerReferences[{index}].{field}", "", f"{field} must not be empty")
    controllers = [owner.get("name", "") for owner in owners if owner.get("controller")]
    if len(controllers) > 1:
        words = f"Only one reference can have Controller set to true. Found {', '.join(map(repr, controllers))}"
        yield server_invalid("metadata.ownerReferences", "", words)
