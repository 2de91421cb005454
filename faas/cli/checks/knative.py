"""Whether Knative is there, in versions that are known here, and set up for what the project uses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from faas.cli.checks.check import Check
from faas.cli.checks.needs import ENABLED_ANYWAY, features_of
from faas.cli.checks.view import EVENTING, SERVING
from faas.client.errors import Forbidden, NotFound
from faas.project.manifests.sources import STOOD_FOR
from faas.resources import keys
from faas.resources.kinds import BROKER, CONFIG_MAP, CUSTOM_RESOURCE_DEFINITION, SERVICE, TRIGGER, Kind

if TYPE_CHECKING:
    from faas.cli.checks.view import View

_INSTALL = "Have it installed:  https://knative.dev/docs/install/"
_UNKNOWN = "it is not known what the project needs"
_VERSION_LABEL = "app.kubernetes.io/version"
_CLASSES = {  # of Brokers: a group that its installation brings
    "MTChannelBasedBroker": "messaging.knative.dev",
    "Kafka": "internal.kafka.eventing.knative.dev",
    "KafkaNamespaced": "internal.kafka.eventing.knative.dev",
    "RabbitMQBroker": "rabbitmq.com",
}


async def serving(view: View) -> Check:
    if not await view.served(SERVICE):
        groups = await view.groups()
        if SERVICE.group in groups:
            there = ", ".join(groups[SERVICE.group])
            return Check(
                "serving", "error", f"Knative Serving has {there} but not {SERVICE.version}", "Have it updated"
            )
        return Check("serving", "error", "Knative Serving is not there: nothing can be deployed", _INSTALL)
    return Check("serving", "ok", await _described(view, "Knative Serving", SERVICE, SERVING, "config-network"))


async def eventing(view: View) -> Check:
    if await view.served(TRIGGER) and await view.served(BROKER):
        return Check(
            "eventing", "ok", await _described(view, "Knative Eventing", TRIGGER, EVENTING, "config-br-defaults")
        )
    if view.needs.has_events:
        found = f"Knative Eventing is not there: {view.needs.project} has functions that take events"
        return Check("eventing", "error", found, _INSTALL)
    return Check("eventing", "ok", "Knative Eventing is not there; only functions that take events need it")


async def kinds(view: View) -> Check:
    """Kinds beyond Serving and Eventing proper: sources, domains."""
    if view.needs.problem:
        return Check("kinds", "unknown", _UNKNOWN)
    wanted = [kind for kind in view.needs.kinds if _is_extra(kind)]
    absent = [kind for kind in wanted if not await view.served(kind)]
    stood_for = {(kind.api_version, kind.kind) for kind in STOOD_FOR}
    missing = [f"{kind.kind} ({kind.api_version})" for kind in absent if (kind.api_version, kind.kind) not in stood_for]
    if missing:
        found = f"not there, and {view.needs.project} uses them: {', '.join(missing)}"
        return Check("kinds", "error", found, f"{_INSTALL} (sources are installed one by one)")
    names = ", ".join(f"{kind.kind} (by our adapter)" if kind in absent else kind.kind for kind in wanted)
    return Check("kinds", "ok", names or _nothing(view, "sources or domains"))


async def features(view: View) -> Check:
    """The gates of Knative's config-features."""
    if view.needs.problem:
        return Check("features", "unknown", _UNKNOWN)
    wanted = features_of(view.needs.services)
    if not wanted:
        return Check("features", "ok", _nothing(view, "gates beyond the usual"))
    try:
        config = await view.config("config-features", SERVING)
    except Forbidden:
        asks = ", ".join(wanted)
        return Check("features", "unknown", f"ConfigMap config-features may not be read; the project needs {asks}")
    except NotFound:
        config = {}
    closed = [name for name in wanted if not _is_open(config, name)]
    if not closed:
        return Check("features", "ok", ", ".join(name.removeprefix("kubernetes.podspec-") for name in wanted))
    who = ", ".join(sorted({service for name in closed for service in wanted[name]}))
    data = ",".join(f'"{name}":"enabled"' for name in closed)
    fix = f"kubectl patch configmap config-features -n {SERVING} --type merge -p '{{\"data\":{{{data}}}}}'"
    return Check(
        "features", "error", f"{', '.join(closed)} not enabled, which {who} needs", f"As an administrator:  {fix}"
    )


async def broker(view: View) -> Check:
    """Which Broker somebody gets who names no class, and whether the cluster can make one."""
    if BROKER.group not in await view.groups():
        return Check("broker", "ok", "not asked, there is no Knative Eventing")
    try:
        defaults = _defaults(await view.config("config-br-defaults", EVENTING))
    except Forbidden:
        return Check("broker", "unknown", f"ConfigMap config-br-defaults in {EVENTING} may not be read")
    except NotFound:
        defaults = {}
    mine = (defaults.get("namespaceDefaults") or {}).get(view.namespace) or defaults.get("clusterDefault") or {}
    name = str(mine.get("brokerClass") or "")
    if not name:
        fix = f"Have one set in ConfigMap config-br-defaults of {EVENTING}, or name one in [tool.faas.brokers.NAME]"
        return Check("broker", "warning" if view.needs.brokers else "ok", "Brokers have no default class", fix)
    group = _CLASSES.get(name, "")
    if group and group not in await view.groups():
        fix = "Have its Broker installed:  https://knative.dev/docs/eventing/brokers/broker-types/"
        return Check(
            "broker", "error", f"the default class is {name}, which is not installed ({group} is missing)", fix
        )
    if name == "MTChannelBasedBroker" and await _is_in_memory(view, mine):
        found = f"class {name} over an InMemoryChannel: events are lost when its Pod restarts"
        return Check("broker", "warning", found, "For more than trying out, have a durable one (Kafka, RabbitMQ, NATS)")
    return await _existing(view, f"class {name}")


async def _existing(view: View, found: str) -> Check:
    """Brokers that are in use already have to be ready."""
    from faas.cli.conditions import ready_of

    try:
        brokers = {str(each["metadata"]["name"]): each for each in await view.list(BROKER, view.namespace)}
    except Forbidden:
        return Check("broker", "ok", found)
    for name in view.needs.brokers or tuple(brokers):
        condition = ready_of(brokers.get(name, {}))
        if condition.get("status") == "False":
            own = (brokers[name]["metadata"].get("annotations") or {}).get(keys.BROKER_CLASS, "")
            why = condition.get("message") or condition.get("reason", "")
            fix = f"faas broker describe {name}{view.target.flags}"
            return Check("broker", "warning", f"Broker {name} ({own or found}) is not ready: {why}", fix)
    return Check("broker", "ok", found)


async def _described(view: View, what: str, kind: Kind, namespace: str, config: str) -> str:
    version = await _version(view, kind, namespace, config)
    served = ", ".join((await view.groups())[kind.group])
    return f"{what}{f' {version}' if version else ''} ({served})"


async def _version(view: View, kind: Kind, namespace: str, config: str) -> str:
    """As the installation is labelled; "" when nothing that says so may be read."""
    for asked, name, place in ((CONFIG_MAP, config, namespace), (CUSTOM_RESOURCE_DEFINITION, str(kind), "")):
        try:
            labels = (await view.get(asked, name, place))["metadata"].get("labels") or {}
        except (Forbidden, NotFound):
            continue
        if version := labels.get(_VERSION_LABEL):
            return str(version).removeprefix("v")
    return ""


async def _is_in_memory(view: View, mine: Mapping[str, object]) -> bool:
    try:
        config = await view.config(str(mine.get("name") or ""), str(mine.get("namespace") or EVENTING))
    except (Forbidden, NotFound):
        return False
    return "InMemoryChannel" in config.get("channel-template-spec", "")


def _defaults(config: Mapping[str, str]) -> Mapping[str, dict[str, dict[str, str]]]:
    import yaml

    try:
        found = yaml.safe_load(config.get("default-br-config", "")) or {}
    except yaml.YAMLError:
        return {}
    return found if isinstance(found, dict) else {}


def _is_open(config: Mapping[str, str], feature: str) -> bool:
    return config.get(feature, "enabled" if feature in ENABLED_ANYWAY else "disabled").lower() in ("enabled", "allowed")


def _is_extra(kind: Kind) -> bool:
    return kind.group.endswith("knative.dev") and kind.api_version not in (SERVICE.api_version, BROKER.api_version)


def _nothing(view: View, what: str) -> str:
    return (
        f"{view.needs.project} uses no {what}"
        if view.needs.project
        else f"not asked, there is no project here ({what})"
    )
