"""Plans of Revisions for tests, changed without caring which part of a plan has the field."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from faas.engine.contract.revision import ContainerPlan, RevisionPlan

_OF_THE_CONTAINER = {field.name for field in fields(ContainerPlan)}


def changed(plan: RevisionPlan, **changes: Any) -> RevisionPlan:
    """`plan` with other fields, its own or its serving container's."""
    inner = {name: value for name, value in changes.items() if name in _OF_THE_CONTAINER}
    outer = {name: value for name, value in changes.items() if name not in _OF_THE_CONTAINER}
    return replace(plan, container=replace(plan.container, **inner), **outer)
