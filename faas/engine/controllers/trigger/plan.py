"""What the broker's process has to know of a Trigger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from faas_runtime.events.matching import filters_of

from faas.client.protocol import Object
from faas.engine.contract.eventing import BROKER_NAMESPACE, TriggerConfig
from faas.engine.contract.settings import LOCAL_DOMAIN
from faas.engine.controllers.addressing import Unresolved
from faas.engine.controllers.deliveries import make_delivery
from faas.resources.eventing import Broker, Trigger
from faas.resources.keys import BACKLOG_TARGET, DEAD_LETTER_STREAM, ORDERED_BY, PARALLELISM


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a Trigger depends on, as it is now."""

    broker: Broker | None  # None: there is none of that name, or it is not ours
    subscriber: str | Unresolved
    dead_letter: str | Unresolved = ""  # the Trigger's own, else its Broker's; "" when neither names one
    dependency: Unresolved | None = None  # why what it is to wait for is not ready
    template: Mapping[str, str] | None = None  # annotations of the subscriber's template, which speak for its triggers


def make_trigger(raw: Object, trigger: Trigger, around: Surroundings) -> TriggerConfig | None:
    """None while it cannot be delivered to: then its events wait."""
    if around.broker is None or around.dependency is not None or isinstance(around.subscriber, Unresolved):
        return None
    namespace, spec = trigger.metadata.namespace, raw.get("spec") or {}
    annotations = {**(around.template or {}), **trigger.metadata.annotations}
    return TriggerConfig(
        key=f"{namespace}/{trigger.metadata.name}",
        uid=trigger.metadata.uid,
        broker=f"{namespace}/{around.broker.metadata.name}",
        subscriber_uri=around.subscriber,
        filters=tuple(dict(one) for one in filters_of(spec.get("filters") or (), spec.get("filter"))),
        delivery=make_delivery(
            trigger.spec.delivery,
            around.broker.spec.delivery,
            sink=around.dead_letter if isinstance(around.dead_letter, str) else "",
            stream=annotations.get(DEAD_LETTER_STREAM, ""),
        ),
        ordered_by=annotations.get(ORDERED_BY, ""),
        parallelism=_positive(annotations.get(PARALLELISM, "")),
        backlog_target=_positive(annotations.get(BACKLOG_TARGET, "")),
        target=target_of(around.subscriber),
    )


def target_of(uri: str) -> str:
    """The gateway's target behind a URL of the engine's own: `http://NAME.NAMESPACE.svc.cluster.local/…`."""
    host = urlsplit(uri).hostname or ""
    label, _, namespace = host.removesuffix(f".{LOCAL_DOMAIN}").partition(".")
    is_service = host.endswith(f".{LOCAL_DOMAIN}") and namespace and "." not in namespace
    return f"{namespace}/{label}" if is_service and namespace != BROKER_NAMESPACE else ""


def _positive(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0
