"""How the Triggers and sources of a function read in `faas list` and `faas describe`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from faas.cli.conditions import readiness, ready_of
from faas.cli.eventing.filter_words import filter_words
from faas.cli.output import first_line
from faas.resources.keys import SOURCES_IMAGE

if TYPE_CHECKING:
    from faas.client.protocol import Object
    from faas.deploy.objects.belonging import EventObjects

_ADAPTERS = SOURCES_IMAGE.rpartition("/")[2]  # wherever it was pushed to
_WORDS = {
    "PingSource": "schedule", "ApiServerSource": "kubernetes", "KafkaSource": "kafka", "RedisStreamSource": "redis",
    "RabbitmqSource": "rabbitmq", "GitHubSource": "github",
}  # fmt: skip


def triggers_text(events: EventObjects | None, service: Object) -> str:
    """`event, mqtt (ConnectionRefused)`: what brings a Service events, with what keeps it from that."""
    if events is None:
        return ""
    own = events.of_service(service["metadata"]["name"])
    return ", ".join(_short(trigger, source) for trigger, source in _pairs(own))


def describe_events(events: EventObjects) -> list[str]:
    """A line for each Trigger, and one for the source before it."""
    lines = []
    for trigger, source in _pairs(events):
        lines.append(f"{trigger['metadata']['name']}  {_ready(trigger)}  {filters_text(trigger)}{_delivery(trigger)}")
        if source is not None:
            lines.append(
                f"  ← {source['kind']} {source['metadata']['name']}  {_ready(source)}  {summary_of(source)}".rstrip()
            )
    return lines


def source_word(source: Mapping[str, Any]) -> str:
    """The decorator that makes such a source; of somebody else's container its name."""
    if source["kind"] != "ContainerSource":
        return _WORDS.get(str(source["kind"]), str(source["kind"]))
    container = _container(source)
    if _ADAPTERS not in container.get("image", _ADAPTERS):
        return str(container.get("name") or "container")
    args = container.get("args") or [source["kind"]]
    return str(args[0])


def summary_of(source: Mapping[str, Any]) -> str:
    """What it listens to, in a few words."""
    spec = source["spec"]
    match source["kind"]:
        case "PingSource":
            return f"{spec.get('schedule', '')} {spec.get('timezone', '')}".rstrip()
        case "ApiServerSource":
            return ", ".join(f"{each['apiVersion']}/{each['kind']}" for each in spec.get("resources") or ())
        case "KafkaSource":
            return f"{', '.join(spec.get('topics') or ())} at {', '.join(spec.get('bootstrapServers') or ())}"
        case "RedisStreamSource":
            return f"{spec.get('stream', '')} at {spec.get('address', '')}"
        case "RabbitmqSource":
            return str((spec.get("rabbitmqResourcesConfig") or {}).get("queueName", ""))
        case "GitHubSource":
            return f"{spec.get('ownerAndRepository', '')} {', '.join(spec.get('eventTypes') or ())}"
        case _:
            return _adapter_summary(source)


def adapter_options(source: Mapping[str, Any]) -> dict[str, Any]:
    """What a ContainerSource asks of our adapter; {} when it is not that."""
    variables = {each["name"]: each.get("value", "") for each in _container(source).get("env") or ()}
    try:
        return dict(json.loads(variables.get("FAAS_SOURCE", "{}")))
    except (ValueError, TypeError):
        return {}


def _adapter_summary(source: Mapping[str, Any]) -> str:
    options = adapter_options(source)
    what = next((options[key] for key in ("topics", "bucket", "stream", "queue", "path") if options.get(key)), "")
    where = next((options[key] for key in ("url", "endpoint", "address") if options.get(key)), "")
    text = ", ".join(what) if isinstance(what, list) else str(what)
    return f"{text} at {where}" if where else text


def _pairs(events: EventObjects) -> list[tuple[Object, Object | None]]:
    from faas.deploy.objects.belonging import source_of

    by_name = {source["metadata"]["name"]: source for source in events.sources}
    triggers = sorted(events.triggers, key=lambda trigger: str(trigger["metadata"]["name"]))
    return [(trigger, by_name.get(source_of(trigger))) for trigger in triggers]


def _short(trigger: Object, source: Object | None) -> str:
    word = source_word(source) if source is not None else "event"
    for obj in (trigger, source) if source is not None else (trigger,):
        if ready_of(obj).get("status") != "True":
            return f"{word} ({readiness(obj)})"
    return word


def _ready(obj: Object) -> str:
    condition = ready_of(obj)
    told = first_line(condition.get("message", "")) if condition.get("status") != "True" else ""
    return f"{readiness(obj)} {told}".rstrip()


def filters_text(trigger: Mapping[str, Any]) -> str:
    """Which events of which Broker; that they are a source's is said by the source."""
    from faas.deploy.objects.belonging import source_of

    spec = trigger["spec"]
    broker = spec.get("broker", "")
    if source_of(trigger):
        own = list(spec["filters"])[1:]
        if not own:
            return f"Broker {broker}"
        trigger = {"spec": {"filters": own}}
    return f"{filter_words(trigger)}  of Broker {broker}"


def _delivery(trigger: Object) -> str:
    from faas.resources import keys

    delivery = trigger["spec"].get("delivery") or {}
    annotations = trigger["metadata"].get("annotations") or {}
    said = [f"retry {delivery['retry']}"] if "retry" in delivery else []
    said += [f"ordered by {annotations[keys.ORDERED_BY]}"] if keys.ORDERED_BY in annotations else []
    sink = ((delivery.get("deadLetterSink") or {}).get("ref") or {}).get("name") or annotations.get(
        keys.DEAD_LETTER_STREAM
    )
    said += [f"dead letters to {sink}"] if sink else []
    return f"  {', '.join(said)}" if said else ""


def _container(source: Mapping[str, Any]) -> Mapping[str, Any]:
    template = source["spec"].get("template") or {}
    containers = (template.get("spec") or {}).get("containers") or [{}]
    return containers[0]  # type: ignore[no-any-return]  # of raw JSON
