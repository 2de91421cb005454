"""What is wrong with an object, in the words of Knative's webhooks and of the Kubernetes API server.

`validate` takes objects that fit their schema (`faas.resources.fields.type_errors` found nothing) and that have their
defaults; `refusal` makes the API's answer of what it found. Each module holds the rules for one part of an object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from faas.resources import kinds
from faas.resources.config import Config
from faas.resources.kinds import Kind
from faas.resources.validation import domains, errors, eventing, serving, sources
from faas.resources.validation.builtin import validate_config_map, validate_secret
from faas.resources.validation.errors import FieldError, Refusal, RefusalCause, merged, refusal
from faas.resources.validation.filters import warnings_of
from faas.resources.validation.metadata import validate_metadata
from faas.resources.views import Raw

__all__ = ["FieldError", "Refusal", "RefusalCause", "refusal", "validate", "warnings"]

_KNATIVE: dict[Kind, Callable[[Raw, Raw | None, Config], Iterable[FieldError]]] = {
    kinds.SERVICE: serving.validate_service,
    kinds.CONFIGURATION: serving.validate_configuration,
    kinds.REVISION: serving.validate_revision,
    kinds.ROUTE: serving.validate_route,
    kinds.DOMAIN_MAPPING: domains.validate_domain_mapping,
    kinds.BROKER: eventing.validate_broker,
    kinds.TRIGGER: eventing.validate_trigger,
    kinds.EVENT_TYPE: eventing.validate_event_type,
    kinds.EVENT_TYPE_V1BETA2: eventing.validate_old_event_type,
    kinds.EVENT_TYPE_V1BETA1: eventing.validate_old_event_type,
    kinds.PING_SOURCE: sources.validate_ping_source,
    kinds.API_SERVER_SOURCE: sources.validate_api_server_source,
    kinds.CONTAINER_SOURCE: sources.validate_container_source,
    kinds.SINK_BINDING: sources.validate_sink_binding,
    kinds.KAFKA_SOURCE: sources.validate_kafka_source,
    kinds.REDIS_STREAM_SOURCE: sources.validate_redis_stream_source,
    kinds.RABBITMQ_SOURCE: sources.validate_rabbitmq_source,
    kinds.GITHUB_SOURCE: sources.validate_github_source,
}
_BUILTIN = {kinds.SECRET: validate_secret, kinds.CONFIG_MAP: validate_config_map}
_WEBHOOKS = {
    "eventing.knative.dev": errors.EVENTING_WEBHOOK,
    "sources.knative.dev": errors.EVENTING_WEBHOOK,
    str(kinds.KAFKA_SOURCE): errors.KAFKA_WEBHOOK,
    str(kinds.RABBITMQ_SOURCE): errors.RABBITMQ_WEBHOOK,
    str(kinds.GITHUB_SOURCE): errors.GITHUB_WEBHOOK,
}


def validate(kind: Kind, new: Raw, old: Raw | None, config: Config) -> list[FieldError]:
    """What is wrong with `new`, which replaces `old` (None: it is created); empty if nothing is.

    A write of the status alone is not to be validated: rules may have become stricter since the spec was stored.
    """
    found = list(validate_metadata(kind, new))
    if kind in _KNATIVE:
        found += _said_by(kind, _KNATIVE[kind](new, old, config))
    elif kind in _BUILTIN:
        found += _BUILTIN[kind](new, old)
    return merged(found)


def warnings(kind: Kind, raw: Raw) -> list[str]:
    """What a user should know of an object that is valid."""
    return warnings_of(raw["spec"].get("filters") or []) if kind == kinds.TRIGGER else []


def _said_by(kind: Kind, found: Iterable[FieldError]) -> Iterable[FieldError]:
    """Each of Knative's parts has a webhook of its own."""
    webhook = _WEBHOOKS.get(str(kind)) or _WEBHOOKS.get(kind.group)
    if webhook is None:
        return found
    return [replace(error, by=webhook) if error.by == errors.WEBHOOK else error for error in found]
