"""Which view belongs to which kind."""

from __future__ import annotations

from collections.abc import Mapping

from faas.resources import core, definitions, domains, eventing, eventtypes, kinds, serving
from faas.resources.kinds import Kind
from faas.resources.sources import github, kafka, knative, rabbitmq, redis
from faas.resources.views import ObjectView

_VIEWS: Mapping[Kind, type[ObjectView]] = {
    view.KIND: view
    for view in (
        serving.Service,
        serving.Configuration,
        serving.Revision,
        serving.Route,
        domains.DomainMapping,
        domains.ClusterDomainClaim,
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
        knative.PingSource,
        knative.ApiServerSource,
        knative.ContainerSource,
        knative.SinkBinding,
        kafka.KafkaSource,
        kafka.KafkaSourceV1Beta1,
        redis.RedisStreamSource,
        rabbitmq.RabbitmqSource,
        github.GitHubSource,
    )
} | {
    kinds.EVENT_TYPE_V1BETA1: eventtypes.EventTypeV1Beta2,  # the fields are the same
    kinds.PING_SOURCE_V1BETA2: knative.PingSource,
}


def view_of(kind: Kind) -> type[ObjectView]:
    """The view by which objects of this kind are read. Raises KeyError for a kind nobody serves."""
    return _VIEWS[kind]
