"""A project's objects in one place, and which Secrets have to be there for them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from faas.client.protocol import Object
from faas.deploy.export.editions.cleaning import cleaned
from faas.deploy.export.editions.serving import Served
from faas.project.manifests.references import references_in
from faas.project.manifests.triggers import broker_address
from faas.resources.kinds import SECRET

_FIRST = ("ServiceAccount", "Role", "RoleBinding", "ConfigMap", "PersistentVolumeClaim", "Deployment", "Broker",
          "Service", "DomainMapping", "Trigger")  # fmt: skip
"""What others stand on comes first; sources, which begin to send at once, last."""
_OWN_NAMESPACE = re.compile(r"FAAS_([A-Z]+_)?NAMESPACE$")  # variables of our own that say where somebody is
_RABBITMQ = re.compile(r"^(http://[a-z0-9-]+-broker-ingress)\.([a-z0-9-]+)\.svc")


@dataclass(frozen=True, slots=True)
class NeededSecret:
    """A Secret that functions or sources name. It is never exported, only said."""

    name: str
    keys: tuple[str, ...] = ()  # that are known of; a function that gets the whole of it tells none
    users: tuple[str, ...] = ()  # names of Services and sources


@dataclass(frozen=True, slots=True)
class Edition:
    """`objects` are as somebody would have written them, in the order in which they are applied."""

    project: str
    namespace: str
    objects: tuple[Object, ...]
    secrets: tuple[NeededSecret, ...] = ()
    declared_secrets: tuple[str, ...] = ()  # names of those that the project's own deploy makes
    stage: str = ""
    served: tuple[Served, ...] = ()  # Services that are not written as their newest Revision is

    @property
    def images(self) -> set[str]:
        return {str(container["image"]) for obj in self.objects for container in containers_of(obj)}

    def of_kind(self, kind: str) -> list[Object]:
        return [obj for obj in self.objects if obj["kind"] == kind]

    @property
    def services(self) -> list[Object]:
        return [obj for obj in self.objects if is_function(obj)]

    @property
    def others(self) -> list[Object]:
        return [obj for obj in self.objects if not is_function(obj)]


def make_edition(
    project: str,
    namespace: str,
    objects: Iterable[Object],
    *,
    stage: str = "",
    secrets: Mapping[str, Iterable[str]] = {},
    declared: Iterable[str] = (),
) -> Edition:
    """Args:
    objects: as a project declares them or as a server keeps them, without Secrets.
    secrets: what is known of those: their keys, by name.
    declared: names of those that the project's own deploy makes.
    """
    kept = sorted((_in_order(cleaned(obj)) for obj in objects), key=_place)
    return Edition(project, namespace, tuple(kept), _needed(kept, secrets), tuple(sorted(declared)), stage)


def is_function(obj: Mapping[str, Any]) -> bool:
    return obj["kind"] == "Service" and str(obj["apiVersion"]).startswith("serving.knative.dev/")


def containers_of(obj: Mapping[str, Any]) -> list[Object]:
    """Of a Service, or of a source that runs a program."""
    template = (obj.get("spec") or {}).get("template") or {}
    return list((template.get("spec") or {}).get("containers") or ())


def identity(obj: Mapping[str, Any]) -> tuple[str, str, str]:
    """What an object is, wherever it is: group, kind, name."""
    group, slash, _ = str(obj["apiVersion"]).rpartition("/")
    return group if slash else "", obj["kind"], obj["metadata"]["name"]


def moved(obj: Object, namespace: str) -> Object:
    """The object in another namespace, and what it says of its own with it; with "" it is in none of its own."""
    own = str(obj["metadata"].get("namespace", ""))
    if not namespace:
        return {**obj, "metadata": {key: value for key, value in obj["metadata"].items() if key != "namespace"}}
    found = said_anew(obj, own, namespace) if own else obj
    return {**found, "metadata": {**obj["metadata"], "namespace": namespace}}


def said_anew(value: Any, own: str, namespace: str) -> Any:
    """A part of an object in namespace `own` with another one wherever it says that.

    An address of a Broker, the name of a group of consumers, whom a binding is for, and variables like
    FAAS_NAMESPACE tell it.
    """
    if isinstance(value, list):
        return [said_anew(item, own, namespace) for item in value]
    if isinstance(value, dict):
        found = {key: said_anew(item, own, namespace) for key, item in value.items()}
        if value.get("value") == own and _OWN_NAMESPACE.match(str(value.get("name"))):
            found["value"] = namespace
        if value.get("kind") == "ServiceAccount" and value.get("namespace") == own:
            found["namespace"] = namespace
        return found
    if isinstance(value, str):
        for before, after in zip(_beginnings(own), _beginnings(namespace), strict=True):
            if value.startswith(before):
                return after + value[len(before) :]
        return _RABBITMQ.sub(lambda host: f"{host[1]}.{namespace}.svc" if host[2] == own else host[0], value)
    return value


@cache
def _beginnings(namespace: str) -> tuple[str, ...]:
    """How texts begin that tell a namespace."""
    return *(broker_address(namespace, "", name) for name in ("", "Kafka", "KafkaNamespaced")), f"faas.{namespace}."


_AHEAD = ("apiVersion", "kind", "name", "namespace", "metadata", "spec")


def _in_order(value: Any) -> Any:
    """The same with keys in an order of its own: a server keeps none, and a file is compared line by line."""
    if isinstance(value, list):
        return [_in_order(item) for item in value]
    if isinstance(value, dict):
        ahead = [key for key in _AHEAD if key in value]
        return {key: _in_order(value[key]) for key in (*ahead, *sorted(value.keys() - set(ahead)))}
    return value


def _place(obj: Mapping[str, Any]) -> tuple[int, str, str]:
    kind = obj["kind"]
    return _FIRST.index(kind) if kind in _FIRST else len(_FIRST), kind, obj["metadata"]["name"]


def _needed(objects: Iterable[Object], known: Mapping[str, Iterable[str]]) -> tuple[NeededSecret, ...]:
    keys: dict[str, set[str]] = {name: set(of_it) for name, of_it in known.items()}
    users: dict[str, set[str]] = {name: set() for name in known}
    for obj in objects:
        for reference in references_in(obj.get("spec") or {}):
            if reference.kind == SECRET:
                keys.setdefault(reference.name, set()).update({reference.key} - {""})
                users.setdefault(reference.name, set()).add(obj["metadata"]["name"])
    return tuple(NeededSecret(name, tuple(sorted(keys[name])), tuple(sorted(users[name]))) for name in sorted(keys))
