"""What an object gets that does not say it itself; each module has the defaults of some kinds."""

from __future__ import annotations

import copy
from collections.abc import Callable

from faas.resources import kinds
from faas.resources.config import Config
from faas.resources.defaulting import builtin, eventing, serving, sources
from faas.resources.kinds import Kind
from faas.resources.views import Raw


def set_defaults(kind: Kind, raw: Raw, config: Config, *, old: Raw | None = None, user: str = "") -> Raw:
    """The object with its defaults; the argument stays as it is.

    Args:
        old: what the object replaces; None when it is created.
        user: who writes, for the creator and lastModifier annotations; empty for nobody in particular.
    """
    setter = _SETTERS.get(kind)
    if setter is None:
        return raw
    result = copy.deepcopy(raw)
    setter(result, config, old, user)
    return result


_SETTERS: dict[Kind, Callable[[Raw, Config, Raw | None, str], None]] = {
    kinds.SERVICE: serving.default_service,
    kinds.CONFIGURATION: serving.default_configuration,
    kinds.REVISION: serving.default_revision,
    kinds.ROUTE: serving.default_route,
    kinds.DOMAIN_MAPPING: serving.default_domain_mapping,
    kinds.SECRET: builtin.default_secret,
    kinds.NAMESPACE: builtin.default_namespace,
    kinds.BROKER: eventing.default_broker,
    kinds.TRIGGER: eventing.default_trigger,
    kinds.EVENT_TYPE: eventing.default_event_type,
    kinds.PING_SOURCE: sources.default_ping_source,
    kinds.API_SERVER_SOURCE: sources.default_api_server_source,
    kinds.CONTAINER_SOURCE: sources.default_container_source,
    kinds.SINK_BINDING: sources.default_sink_binding,
    kinds.KAFKA_SOURCE: sources.default_kafka_source,
    kinds.REDIS_STREAM_SOURCE: sources.default_source,
    kinds.RABBITMQ_SOURCE: sources.default_rabbitmq_source,
    kinds.GITHUB_SOURCE: sources.default_source,
}
