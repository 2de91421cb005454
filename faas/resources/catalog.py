"""Which view belongs to which kind."""

from __future__ import annotations

from faas.resources import core, serving
from faas.resources.kinds import Kind
from faas.resources.views import ObjectView

_VIEWS: dict[Kind, type[ObjectView]] = {
    view.KIND: view
    for view in (
        serving.Service,
        serving.Configuration,
        serving.Revision,
        serving.Route,
        core.Namespace,
        core.Secret,
        core.ConfigMap,
        core.Pod,
        core.Event,
        core.ServiceAccount,
    )
}


def view_of(kind: Kind) -> type[ObjectView]:
    """The view by which objects of this kind are read. Raises KeyError for a kind nobody serves."""
    return _VIEWS[kind]
