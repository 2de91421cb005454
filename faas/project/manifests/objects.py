"""All that a project is to an API: its Services, what they read, and what brings them requests and events. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from faas_runtime.declaring.spec import FunctionSpec, Trigger

from faas.project.errors import ProjectError
from faas.project.manifests.brokers import make_broker
from faas.project.manifests.in_cluster import Sources, sources_in_cluster, trigger_in_cluster
from faas.project.manifests.interpolation import filled
from faas.project.manifests.labels import Belonging, Object
from faas.project.manifests.podspec import Overrides
from faas.project.manifests.references import names_read
from faas.project.manifests.secrets import make_config_map, make_secret
from faas.project.manifests.service import make_domain_mappings, make_service
from faas.project.manifests.sources import make_source
from faas.project.manifests.surroundings import Surroundings
from faas.project.manifests.triggers import Subscriber, broker_address, broker_of, make_delivery, make_trigger
from faas.project.pyproject.brokers import BrokerSettings
from faas.project.pyproject.settings import Settings
from faas.project.secret_values import Values
from faas.project.services import DEFAULT_BROKER, ServiceSpec
from faas.resources import keys


@dataclass(frozen=True, slots=True)
class Objects:
    """Manifests. Those of Secrets are there only where their values were read, and do not show them."""

    services: tuple[Object, ...]
    brokers: tuple[Object, ...]  # made where they are missing
    sources: tuple[Object, ...]
    triggers: tuple[Object, ...]
    config_maps: tuple[Object, ...] = ()
    secrets: tuple[Object, ...] = ()
    domain_mappings: tuple[Object, ...] = ()
    access: tuple[Object, ...] = ()  # ServiceAccounts, Roles and RoleBindings of sources; on a cluster
    programs: tuple[Object, ...] = ()  # our own that the project's events need there: the store of dead letters

    def only(self, services: Collection[str]) -> Objects:
        """What belongs to these services."""
        triggers = tuple(each for each in self.triggers if each["spec"]["subscriber"]["ref"]["name"] in services)
        names = {trigger["metadata"]["name"] for trigger in triggers}
        kept = tuple(each for each in self.services if each["metadata"]["name"] in {*services, *names})
        sources = tuple(each for each in self.sources if each["metadata"]["name"] in names)
        accounts = {each["spec"].get("serviceAccountName", "") for each in sources}
        read = names_read((*kept, *sources))
        return Objects(
            services=kept,
            brokers=self.brokers,
            sources=sources,
            triggers=triggers,
            config_maps=tuple(each for each in self.config_maps if each["metadata"]["name"] in read),
            secrets=tuple(each for each in self.secrets if each["metadata"]["name"] in read),
            domain_mappings=tuple(each for each in self.domain_mappings if each["spec"]["ref"]["name"] in services),
            access=tuple(each for each in self.access if each["metadata"]["name"] in accounts),
            programs=self.programs,
        )

    @property
    def needs_adapters(self) -> bool:
        """Whether a source runs our own program, whose image a cluster has to be able to pull."""
        return any(_runs_adapter(each) for each in (*self.services, *self.sources))

    def with_adapters(self, image: str) -> Objects:
        """The same with our program's image in a registry, `REGISTRY/faas-sources@sha256:…`."""

        def named(manifests: tuple[Object, ...]) -> tuple[Object, ...]:
            return tuple(_with_image(each, image) if _runs_adapter(each) else each for each in manifests)

        return replace(self, services=named(self.services), sources=named(self.sources))

    @property
    def dead_letter_streams(self) -> dict[str, str]:
        """Triggers that name no sink of their own for dead letters, and the stream each names; "" for none."""
        return {
            trigger["metadata"]["name"]: trigger["metadata"].get("annotations", {}).get(keys.DEAD_LETTER_STREAM, "")
            for trigger in self.triggers
            if "deadLetterSink" not in trigger["spec"].get("delivery", {})
        }


def make_objects(
    services: Sequence[ServiceSpec],
    image: str | Mapping[str, str],
    *,
    project: str,
    namespace: str,
    root: Path,
    variables: Mapping[str, str],
    overrides: Overrides = Overrides(),
    settings: Settings | None = None,
    config: Mapping[str, Mapping[str, bytes]] = {},
    secrets: Mapping[str, Values] = {},
    there: Surroundings | None = None,
    unprivileged: bool = False,
) -> Objects:
    """Args:
        services: of the whole project: which functions are there decides what names mean.
        image: what they run from: one image, or each service's own by its name.
        root: of the project; watched folders are relative to it.
        variables: what fills `${NAME}` in addresses.
        settings: what the project says of its stage, Brokers and Secrets.
        config, secrets: the values of ConfigMaps and Secrets that it declares, as `secret_values` reads them.
        there: what the cluster has that it is for, which is told what the engine does by itself; None: the engine.
        unprivileged: the images need no rights, as those that we make ourselves: nobody should give them any.
    Raises: ProjectError: a name is there twice, or an address cannot be.
    """
    stage = settings.stage.name if settings and settings.stage else ""
    belonging = Belonging(project, namespace, stage)
    images = dict.fromkeys((spec.name for spec in services), image) if isinstance(image, str) else image
    dead_letters = _dead_letter_sinks(services)
    sources: list[Object] = []
    triggers: list[Object] = []
    brokers: dict[str, None] = dict.fromkeys(settings.brokers if settings else ())
    for spec, function, trigger in _event_triggers(services):
        broker = broker_of(spec, trigger)
        brokers[broker] = None
        triggers.append(make_trigger(spec, function, trigger, belonging, dead_letters))
        if trigger.kind != "event":
            options = filled(trigger.kind, trigger.options, variables, where=function.name)
            if trigger.kind == "files":
                options["path"] = str(root / options["path"])
            lacking = there.missing_kinds if there else ()
            sources.append(
                make_source(function, trigger, options, broker=broker, belonging=belonging, missing_kinds=lacking)
            )
    _check_names(triggers)
    sinks = {spec.name: _sink(spec, has_events=bool(triggers)) for spec in services}
    brokers |= dict.fromkeys(sink for sink in sinks.values() if sink)
    described = settings.brokers if settings else {}
    brought = Sources(tuple(sources), (), ())
    addresses = there.broker_addresses if there else {}

    def address(broker: str) -> str:
        said = described.get(broker)
        return addresses.get(broker) or broker_address(namespace, broker, said.broker_class if said else "")

    if there is not None:
        brought = sources_in_cluster(sources, belonging, address)
        triggers = [trigger_in_cluster(trigger, described) for trigger in triggers]
    mappings = [mapping for spec in services for mapping in make_domain_mappings(spec, belonging)]
    _check_hosts(mappings)

    functions = tuple(
        make_service(
            spec, images[spec.name], belonging,
            overrides=overrides, sink=address(sinks[spec.name]) if sinks[spec.name] else "",
            for_cluster=there is not None, unprivileged=unprivileged,
        )
        for spec in services
    )  # fmt: skip
    return Objects(
        services=functions + brought.receivers,
        brokers=tuple(_broker(name, described.get(name), dead_letters, belonging) for name in sorted(brokers)),
        sources=brought.sources,
        triggers=tuple(triggers),
        config_maps=tuple(make_config_map(name, values, belonging) for name, values in sorted(config.items())),
        secrets=tuple(make_secret(name, values, belonging) for name, values in sorted(secrets.items())),
        domain_mappings=tuple(mappings),
        access=brought.access,
    )


def _runs_adapter(manifest: Object) -> bool:
    pod = manifest["spec"].get("template", {}).get("spec", {})
    return any(container.get("image") == keys.SOURCES_IMAGE for container in pod.get("containers", ()))


def _with_image(manifest: Object, image: str) -> Object:
    template = manifest["spec"]["template"]
    containers = [{**container, "image": image} for container in template["spec"]["containers"]]
    pod = {**template["spec"], "containers": containers}
    return {**manifest, "spec": {**manifest["spec"], "template": {**template, "spec": pod}}}


def _broker(
    name: str, said: BrokerSettings | None, dead_letters: Mapping[str, Subscriber], belonging: Belonging
) -> Object:
    if said is None:
        return make_broker(name, None, {}, belonging)
    letter = said.delivery.get("dead_letter")
    if letter and letter not in dead_letters:
        raise ProjectError(
            f"Broker {name} has dead_letter={letter!r}, and the project has no such function",
            f"Functions: {', '.join(sorted(dead_letters))}",
        )
    return make_broker(name, said, make_delivery(said.delivery, dead_letters[letter] if letter else None), belonging)


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


def _check_hosts(mappings: Sequence[Object]) -> None:
    owners: dict[str, str] = {}
    for mapping in mappings:
        host, service = mapping["metadata"]["name"], mapping["spec"]["ref"]["name"]
        if host in owners:
            raise ProjectError(f"{host} is the domain of {owners[host]} and of {service}", "A host has one service")
        owners[host] = service
