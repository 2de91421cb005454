"""Which bindings concern a Service, and what they put into its template. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from faas.client.protocol import Object
from faas.engine.controllers.addressing import group_of
from faas.resources.duck import LabelSelector as LabelSelectorView
from faas.resources.kinds import SERVICE
from faas.resources.selectors import LabelSelector, Operator, Requirement
from faas.resources.sources.knative import SinkBinding, Subject

Variables = tuple[tuple[str, str], ...]
_OPERATORS: dict[str, Operator] = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}


def is_supported(subject: Subject) -> bool:
    return (group_of(subject.api_version), subject.kind) == (SERVICE.group, SERVICE.kind)


def concerns(binding: SinkBinding, service: Object) -> bool:
    """Whether a Service of the binding's namespace is its subject, by name or by labels."""
    subject = binding.spec.subject
    if not is_supported(subject):
        return False
    if subject.name:
        return bool(subject.name == service["metadata"]["name"])
    return subject.selector is not None and compiled(subject.selector).matches(service)


def compiled(selector: LabelSelectorView) -> LabelSelector:
    """An operator that there is not matches nothing: admission has refused it."""
    wanted = [Requirement(key, "=", frozenset({value})) for key, value in selector.match_labels.items()]
    for expression in selector.match_expressions:
        operator = _OPERATORS.get(expression.operator, "in")
        wanted.append(Requirement(expression.key, operator, frozenset(expression.values)))
    return LabelSelector(tuple(wanted))


def variables_of(bindings: Iterable[SinkBinding]) -> Variables:
    """What the bindings of one Service put into it; of several the last by name counts."""
    found: dict[str, str] = {}
    for binding in sorted(bindings, key=lambda one: one.metadata.name):
        if not binding.status.sink_uri or binding.metadata.deletion_timestamp:
            continue
        found["K_SINK"] = binding.status.sink_uri
        overrides = binding.spec.ce_overrides
        if overrides is not None and overrides.extensions:
            found["K_CE_OVERRIDES"] = json.dumps({"extensions": overrides.extensions}, separators=(",", ":"))
        else:
            found.pop("K_CE_OVERRIDES", None)
    return tuple(found.items())


def injected(template: Object, variables: Variables) -> Object:
    """A copy of a template whose containers have these variables, in the place of their own of the same name."""
    if not variables:
        return template
    spec = dict(template.get("spec") or {})
    for group in ("containers", "initContainers"):
        if spec.get(group):
            spec[group] = [_with(container, variables) for container in spec[group]]
    return {**template, "spec": spec}


def _with(container: dict[str, Any], variables: Variables) -> dict[str, Any]:
    names = {name for name, _ in variables}
    own = [variable for variable in container.get("env") or () if variable.get("name") not in names]
    return {**container, "env": [*own, *({"name": name, "value": value} for name, value in variables)]}
