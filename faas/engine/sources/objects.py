"""Which objects an ApiServerSource is about, as functions of its spec."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from faas.client.protocol import Object
from faas.engine.sources.errors import ConfigurationError
from faas.resources.kinds import KINDS, Kind
from faas.resources.selectors import LabelSelector, Operator, Requirement

_OPERATORS: dict[str, Operator] = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}


class Expression(msgspec.Struct, frozen=True):
    key: str
    operator: str
    values: tuple[str, ...] = ()


class Selector(msgspec.Struct, rename="camel", frozen=True):
    match_labels: dict[str, str] = {}
    match_expressions: tuple[Expression, ...] = ()

    def compiled(self) -> LabelSelector:
        """Raises: ConfigurationError: an operator that there is not."""
        requirements = [Requirement(key, "=", frozenset({value})) for key, value in self.match_labels.items()]
        for expression in self.match_expressions:
            if expression.operator not in _OPERATORS:
                raise ConfigurationError("InvalidSelector", f"the selector's operator {expression.operator!r} is none")
            operator = _OPERATORS[expression.operator]
            requirements.append(Requirement(expression.key, operator, frozenset(expression.values)))
        return LabelSelector(tuple(requirements))


class Resource(msgspec.Struct, rename="camel", frozen=True):
    api_version: str
    kind: str
    selector: Selector = Selector()


class Owner(msgspec.Struct, rename="camel", frozen=True):
    api_version: str
    kind: str


class ApiServerSpec(msgspec.Struct, rename="camel", frozen=True):
    """What of an ApiServerSource's spec this part reads; the sink is in the plan's environment."""

    resources: tuple[Resource, ...] = ()
    mode: Literal["Resource", "Reference"] = "Reference"
    owner: Owner | None = None
    namespace_selector: Selector | None = None
    filters: tuple[dict[str, Any], ...] = ()  # as a Trigger's


@dataclass(frozen=True, slots=True)
class Wanted:
    """The objects of one kind that a source is about."""

    kind: Kind
    selector: LabelSelector
    owner: Owner | None

    def matches(self, obj: Object) -> bool:
        if not self.selector.matches(obj):
            return False
        if self.owner is None:
            return True
        owners = obj["metadata"].get("ownerReferences") or ()
        manager: dict[str, Any] = next((owner for owner in owners if owner.get("controller")), {})
        return (manager.get("apiVersion"), manager.get("kind")) == (self.owner.api_version, self.owner.kind)


def wanted_objects(spec: ApiServerSpec) -> list[Wanted]:
    """Raises: ConfigurationError: a kind that the engine does not serve."""
    return [Wanted(_kind_of(resource), resource.selector.compiled(), spec.owner) for resource in spec.resources]


def _kind_of(resource: Resource) -> Kind:
    group = resource.api_version.rpartition("/")[0]
    for kind in KINDS:
        if (kind.group, kind.kind) == (group, resource.kind):
            return kind
    raise ConfigurationError(
        "UnknownResource", f"this engine has no {resource.kind} ({resource.api_version}); see kubectl api-resources"
    )
