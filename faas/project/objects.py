"""All that a project is to an API: its Services, and the Brokers, sources and Triggers that bring them events. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from faas_runtime.spec import FunctionSpec, Trigger

from faas.project.errors import ProjectError
from faas.project.interpolation import filled
from faas.project.manifests import Object, Overrides, make_service
from faas.project.services import DEFAULT_BROKER, ServiceSpec
from faas.project.sources import make_source
from faas.project.triggers import Subscriber, broker_address, broker_of, make_broker, make_trigger


@dataclass(frozen=True, slots=True)
class Objects:
    services: tuple[Object, ...]
    brokers: tuple[Object, ...]  # made where they are missing
    sources: tuple[Object, ...]
    triggers: tuple[Object, ...]

    def only(self, services: Collection[str]) -> Objects:
        """What belongs to these services."""
        triggers = tuple(each for each in self.triggers if each["spec"]["subscriber"]["ref"]["name"] in services)
        names = {trigger["metadata"]["name"] for trigger in triggers}
        return Objects(
            services=tuple(each for each in self.services if each["metadata"]["name"] in services),
            brokers=self.brokers,
            sources=tuple(each for each in self.sources if each["metadata"]["name"] in names),
            triggers=triggers,
        )


def make_objects(
    services: Sequence[ServiceSpec],
    image: str | Mapping[str, str],
    *,
    project: str,
    namespace: str,
    root: Path,
    variables: Mapping[str, str],
    overrides: Overrides = Overrides(),
) -> Objects:
    """Args:
        services: of the whole project: which functions are there decides what names mean.
        image: what they run from: one image, or each service's own by its name.
        root: of the project; watched folders are relative to it.
        variables: what fills `${NAME}` in addresses.
    Raises: ProjectError: a name is there twice, or an address cannot be.
    """
    images = dict.fromkeys((spec.name for spec in services), image) if isinstance(image, str) else image
    dead_letters = _dead_letter_sinks(services)
    sources: list[Object] = []
    triggers: list[Object] = []
    brokers: dict[str, None] = {}
    for spec, function, trigger in _event_triggers(services):
        broker = broker_of(spec, trigger)
        brokers[broker] = None
        triggers.append(
            make_trigger(spec, function, trigger, project=project, namespace=namespace, dead_letters=dead_letters)
        )
        if trigger.kind != "event":
            options = filled(trigger.kind, trigger.options, variables, where=function.name)
            if trigger.kind == "files":
                options["path"] = str(root / options["path"])
            sources.append(make_source(function, trigger, options, broker=broker, project=project, namespace=namespace))
    _check_names(triggers)
    sinks = {spec.name: _sink(spec, has_events=bool(triggers)) for spec in services}
    brokers |= dict.fromkeys(sink for sink in sinks.values() if sink)
    return Objects(
        services=tuple(
            make_service(
                spec, images[spec.name], project=project, namespace=namespace, overrides=overrides,
                sink=broker_address(namespace, sink) if (sink := sinks[spec.name]) else "",
            )
            for spec in services
        ),
        brokers=tuple(make_broker(name, namespace=namespace) for name in sorted(brokers)),
        sources=tuple(sources),
        triggers=tuple(triggers),
    )  # fmt: skip


def _event_triggers(services: Sequence[ServiceSpec]) -> list[tuple[ServiceSpec, FunctionSpec, Trigger]]:
    return [
        (spec, function, trigger)
        for spec in services
        for function in spec.functions
        for trigger in function.triggers
        if trigger.kind != "http"
    ]


def _sink(spec: ServiceSpec, *, has_events: bool) -> str:
    """The Broker that a service publishes to: its own, else its first Trigger's; "" in a project without events."""
    given = spec.options.get("broker")
    if given:
        return str(given)
    first = next((t for f in spec.functions for t in f.triggers if t.kind != "http"), None)
    if first is not None:
        return broker_of(spec, first)
    return DEFAULT_BROKER if has_events else ""


def _dead_letter_sinks(services: Sequence[ServiceSpec]) -> dict[str, Subscriber]:
    """By the names of services and of functions; a function's wins: a service may hold several."""
    found = {spec.name: Subscriber(spec.name, "/") for spec in services}
    for spec in services:
        for function in spec.functions:
            events = [trigger.path for trigger in function.triggers if trigger.kind != "http"]
            found[function.name] = Subscriber(spec.name, events[0] if events else "/")
    return found


def _check_names(triggers: Sequence[Object]) -> None:
    seen: set[str] = set()
    for trigger in triggers:
        name = trigger["metadata"]["name"]
        if name in seen:
            raise ProjectError(
                f"two decorators make a Trigger {name}",
                "A function's second event decorator gets its name with -2; rename the function that is called so",
            )
        seen.add(name)
