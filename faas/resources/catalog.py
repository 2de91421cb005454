"""Which view belongs to which kind."""

from __future__ import annotations

from collections.abc import Mapping

from faas.resources import core, definitions, eventing, eventtypes, extension_sources, kinds, serving, sources
from faas.resources.kinds import Kind
from faas.resources.views import ObjectView

_VIEWS: Mapping[Kind, type[ObjectView]] = {
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
        definitions.CustomResourceDefinition,
        eventing.Broker,
        eventing.Trigger,
        eventtypes.EventType,
        eventtypes.EventTypeV1Beta2,
        sources.PingSource,
        sources.ApiServerSource,
        sources.ContainerSource,
        sources.SinkBinding,
        extension_sources.KafkaSource,
        extension_sources.KafkaSourceV1Beta1,
        extension_sources.RedisStreamSource,
        extension_sources.RabbitmqSource,
        extension_sources.GitHubSource,
    )
} | {
    kinds.EVENT_TYPE_V1BETA1: eventtypes.EventTypeV1Beta2,  # the fields are the same
    kinds.PING_SOURCE_V1BETA2: sources.PingSource,
}


def view_of(kind: Kind) -> type[ObjectView]:
    """The view by which objects of this kind are read. Raises KeyError for a kind nobody serves."""
    return _VIEWS[kind]
