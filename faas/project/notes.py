"""What a cluster does otherwise than the engine with what a project says. Pure; docs/mapping.md has it as a table."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from faas_runtime.declaring.spec import Trigger
from faas_runtime.options.placed import split_volume

from faas.project.errors import ProjectError
from faas.project.manifests.in_cluster import KAFKA_CLASSES, needs_account
from faas.project.manifests.labels import Object
from faas.project.manifests.objects import Objects
from faas.project.manifests.service import LONGEST_RETENTION_S, STABLE_WINDOW_S
from faas.project.manifests.sources import wants_our_redis
from faas.project.manifests.surroundings import Surroundings
from faas.project.manifests.triggers import INGRESSES, broker_of
from faas.project.pyproject.brokers import BrokerSettings
from faas.project.pyproject.settings import Settings
from faas.project.services import ServiceSpec
from faas.resources import keys

Effect = Literal["refused", "ignored", "differs", "needs"]
"""`refused`: it cannot work there. `ignored`: it is not done there. `differs`: it is done in another way. `needs`: the
cluster has to allow it or have something for it, which a server tells when it does not."""

_LONGEST_TIMEOUT_S = 600  # unless config-defaults has been changed
_GRACE_S = 30  # of scaling to zero, likewise
_FEATURE = "config-features of knative-serving has to allow {}"


@dataclass(frozen=True, slots=True)
class Note:
    effect: Effect
    subject: str  # the service, Trigger, source or Broker
    said: str  # the option, as it is written
    text: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.subject}: {self.said}: {self.text}"


class RefusedByCluster(ProjectError):
    """Something that a project says cannot work on a cluster; `notes` has all of it."""

    def __init__(self, notes: tuple[Note, ...]) -> None:
        first, *others = notes
        super().__init__("\n".join(map(str, notes)), first.hint if not others else "\n".join(n.hint for n in notes))
        self.notes = notes


def notes_for_cluster(
    services: Sequence[ServiceSpec],
    objects: Objects,
    settings: Settings,
    there: Surroundings = Surroundings(),
) -> tuple[Note, ...]:
    """All that is otherwise there, in the order of services, Triggers, sources and Brokers.

    Args:
        objects: as they are made for a cluster.
        there: what that cluster has.
    """
    lacking = {kind.kind for kind in there.missing_kinds}
    found = [note for spec in services for note in _of_service(spec)]
    for spec in services:
        for function in spec.functions:
            for trigger in function.triggers:
                broker = settings.brokers.get(broker_of(spec, trigger), BrokerSettings())
                found += _of_trigger(trigger, broker, objects, settings)
                found += _instead(trigger, lacking)
    for manifest in (*objects.services, *objects.sources):
        found += _of_source(manifest)
    for manifest in (*objects.triggers[:1], *objects.sources):
        found += _of_missing(manifest, lacking)
    for name, said in settings.brokers.items():
        found += _of_broker(name, said, knows_address=name in there.broker_addresses)
    return tuple(found)


def check_for_cluster(notes: Sequence[Note]) -> None:
    """Raises: RefusedByCluster: something cannot work."""
    if refused := tuple(note for note in notes if note.effect == "refused"):
        raise RefusedByCluster(refused)


def _of_service(spec: ServiceSpec) -> Iterator[Note]:
    options, name = spec.options, spec.name
    for option, feature in _GATED.items():
        if options.get(option):
            yield Note("needs", name, option, _FEATURE.format(feature))
    for path, volume in options.get("volumes", {}).items():
        kind, _, written = split_volume(volume)
        if kind == "pvc":
            yield Note(
                "needs", name, f"volumes: {path}", _FEATURE.format(_CLAIM + (f" and {_WRITE}" if written else ""))
            )
    if options.get("metric") in ("cpu", "memory") or options.get("autoscaler") == "hpa":
        yield Note("needs", name, "autoscaler hpa", "Knative's HPA extension has to run there (serving-hpa)")
    if options.get("timeout", 0) > _LONGEST_TIMEOUT_S:
        text = f"config-defaults of knative-serving has to allow more than {_LONGEST_TIMEOUT_S} s"
        yield Note("needs", name, f"timeout={options['timeout']:g}", f"{text} (max-revision-timeout-seconds)")
    if options.get("initial_scale") == 0:
        text = "config-autoscaler of knative-serving has to allow it (allow-zero-initial-scale)"
        yield Note("needs", name, "initial_scale=0", text)
    if options.get("domains"):
        yield Note("needs", name, "domains", "the DNS of each host has to lead to the cluster's ingress")
    if "scale_to_zero_after" in options and not options.get("min_scale"):
        yield from _scale_to_zero(options, name)


def _scale_to_zero(options: Mapping[str, Any], name: str) -> Iterator[Note]:
    after, window = options["scale_to_zero_after"], options.get("window", STABLE_WINDOW_S)
    kept = options.get("pod_retention", min(max(0, after - window), LONGEST_RETENTION_S))
    there = window + max(_GRACE_S, kept)
    if there != after:
        text = f"the last instance ends about {there:g} s after the last request"
        yield Note("differs", name, f"scale_to_zero_after={after:g}", text)


def _of_trigger(trigger: Trigger, broker: BrokerSettings, objects: Objects, settings: Settings) -> Iterator[Note]:
    options, name = trigger.options, trigger.name
    if given := options.get("ordered_by"):
        said = f"ordered_by={given!r}"
        if broker.broker_class in KAFKA_CLASSES:
            text = "events keep their order within a partition of the topic, which the attribute partitionkey chooses"
            yield Note("differs", name, said, text, f"Send events whose partitionkey is their {given}")
        else:
            yield Note(
                "ignored", name, said, "this Broker keeps no order", "Use a Kafka Broker, or handle events in any order"
            )
    if "parallelism" in options:
        text = "deliveries are as many as arrive; what the function takes at once bounds them"
        yield Note("ignored", name, "parallelism", text, "Set concurrency and max_scale")
    if "backlog_target" in options:
        text = "instances follow the requests that are made, not the events that wait"
        yield Note("ignored", name, "backlog_target", text, "Set target, or scale with KEDA")
    if not settings.dead_letters and objects.dead_letter_streams.get(name):
        text = "there is no store for dead letters: an event that fails for good is gone"
        yield Note(
            "ignored",
            name,
            f"dead_letter={options['dead_letter']!r}",
            text,
            "Name a function, or leave dead_letters on",
        )


def _instead(trigger: Trigger, lacking: Collection[str]) -> Iterator[Note]:
    """What our adapter does where the kind of an extension is missing, and does otherwise."""
    kind, said = _EXTENSIONS.get(trigger.kind, ("", "")), f"@function.{trigger.kind}"
    if kind[0] not in lacking or (trigger.kind == "redis" and wants_our_redis(trigger.options)):
        return
    text = f"there is no {kind[0]}, so our adapter does it, with the same events"
    hint = ""
    if trigger.kind == "kafka" and trigger.options.get("consumers", 1) > 1:
        text += "; it is one consumer, whatever consumers says"
        hint = f"For more have {kind[1]} installed"
    if trigger.kind == "github":
        text += "; it makes no webhook by itself"
        hint = (
            f"Make one for the URL of {trigger.name}, as JSON, with what secretToken of {trigger.options['secret']} is"
        )
    yield Note("differs", trigger.name, said, text, hint)


def _of_missing(manifest: Object, lacking: Collection[str]) -> Iterator[Note]:
    """What nothing of ours can stand for."""
    kind = manifest["kind"]
    if kind in lacking:
        text = f"the cluster does not know {kind} ({manifest['apiVersion']})"
        yield Note("refused", manifest["metadata"]["name"], kind, text, f"Have Knative Eventing installed:  {_INSTALL}")


def _of_source(manifest: Object) -> Iterator[Note]:
    name, spec = manifest["metadata"]["name"], manifest["spec"]
    match manifest["kind"]:
        case "ContainerSource" | "Service":
            yield from _of_adapter(name, spec)
        case "ApiServerSource":
            yield from _of_watcher(manifest)
        case "KafkaSource":
            yield from _of_addresses(name, "kafka", [f"kafka://{each}" for each in spec["bootstrapServers"]])
        case "RedisStreamSource":
            yield from _of_addresses(name, "redis", [f"redis://{spec['address']}"])


def _of_adapter(name: str, spec: Mapping[str, Any]) -> Iterator[Note]:
    container = spec["template"]["spec"]["containers"][0]
    variables = {each["name"]: each.get("value", "") for each in container.get("env", ())}
    if "FAAS_SOURCE" not in variables or not container.get("args"):
        return  # a function
    adapter, said = container["args"][0], json.loads(variables["FAAS_SOURCE"])
    if adapter == "files":
        text = "a folder of this machine cannot be watched from there"
        yield Note("refused", name, "@function.files", text, "Use a bucket, or leave the function out:  --service NAME")
        return
    if adapter == "mqtt" and not said.get("url"):
        text = "only the engine has a door for MQTT of its own"
        yield Note(
            "refused", name, "@function.mqtt", text, "Name a broker:  @function.mqtt(…, url='mqtts://${MQTT_HOST}')"
        )
    if adapter == "bucket" and not said.get("notifications"):
        text = "what changes while the program that lists the bucket is not running is not told"
        yield Note("differs", name, "@function.bucket", text, "Let the store tell:  notifications=True")
    addresses = [said.get(word, "") for word in ("url", "address", "endpoint")] + said.get("bootstrap_servers", [])
    yield from _of_addresses(
        name, adapter, [each if not each or "://" in each else f"{adapter}://{each}" for each in addresses]
    )


def _of_addresses(name: str, decorator: str, addresses: Sequence[str]) -> Iterator[Note]:
    for address in addresses:
        if address and (urlsplit(address).hostname or "") in ("localhost", "127.0.0.1", "::1"):
            hint = "Name it as the cluster sees it, from the environment if that differs:  url='…${HOST:-localhost}…'"
            yield Note("refused", name, f"@function.{decorator}", f"{address} is the program's own Pod there", hint)


def _of_watcher(source: Object) -> Iterator[Note]:
    name, spec = source["metadata"]["name"], source["spec"]
    said = "@function.kubernetes"
    if "serviceAccountName" not in spec and not needs_account(source):
        text = "a source that looks into other namespaces needs a service account that may"
        hint = "Make one with a ClusterRole that may get, list and watch them, and name it:  service_account=…"
        yield Note("refused", name, said, text, hint)
    elif spec.get("serviceAccountName") == name:
        yield Note("needs", name, said, "who deploys has to have the rights that the source's Role gives")


def _of_broker(name: str, said: BrokerSettings, *, knows_address: bool) -> Iterator[Note]:
    known = ("", "MTChannelBasedBroker", *INGRESSES)
    if said.broker_class not in known and not knows_address:
        text = "where its Brokers take events is not known, so ctx.publish gets the address of Knative's own class"
        yield Note("differs", name, f"class = {said.broker_class!r}", text, "Set K_SINK in env")
    for key in (keys.EVENT_RETENTION, keys.EVENT_MAX_BYTES, keys.EVENT_TYPES):
        if key in said.annotations:
            yield Note("ignored", name, key, "only the engine's Broker keeps events as a log")


_INSTALL = "https://knative.dev/docs/install/"
_EXTENSIONS = {
    "kafka": ("KafkaSource", "Knative's Kafka extension"),
    "redis": ("RedisStreamSource", "Knative's Redis extension"),
    "github": ("GitHubSource", "Knative's GitHub extension"),
}  # by decorator: the kind that a cluster has only with an extension
_CLAIM, _WRITE = "kubernetes.podspec-persistent-volume-claim", "kubernetes.podspec-persistent-volume-write"
_GATED = {
    "node_selector": "kubernetes.podspec-nodeselector",
    "tolerations": "kubernetes.podspec-tolerations",
    "affinity": "kubernetes.podspec-affinity",
    "runtime_class": "kubernetes.podspec-runtimeclassname",
}
