"""From decorators of sources to the objects that bring their events: Knative's own kinds where they can say it. Pure.

What Knative's kind has no field for (where a Redis group begins) is said to our adapter instead, as a ContainerSource;
handlers cannot tell. `adapters` has those. So it is where the server does not have an extension's kind. A
RabbitmqSource has no `ceOverrides`, so no Trigger could tell its events from others': RabbitMQ is always our adapter.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

from faas_runtime.declaring.spec import FunctionSpec, Trigger
from faas_runtime.declaring.triggers import SOURCE_EXTENSION

from faas.project.manifests import adapters
from faas.project.manifests.labels import Belonging, Object
from faas.resources.kinds import (
    API_SERVER_SOURCE,
    CONTAINER_SOURCE,
    GITHUB_SOURCE,
    KAFKA_SOURCE,
    PING_SOURCE,
    REDIS_STREAM_SOURCE,
    Kind,
)

Options = Mapping[str, Any]


def make_source(
    function: FunctionSpec,
    trigger: Trigger,
    options: Options,
    *,
    broker: str,
    belonging: Belonging,
    missing_kinds: Collection[Kind] = (),
) -> Object:
    """The source of one decorator.

    Args:
        options: with every variable filled in.
        missing_kinds: what the server does not have: our adapter does the same where there is one.
    """
    group = f"faas.{belonging.namespace}.{trigger.name}"
    kind, spec = _MAKE[trigger.kind](options, group)
    if kind in missing_kinds and trigger.kind in _INSTEAD:
        kind, spec = CONTAINER_SOURCE, _INSTEAD[trigger.kind](options, group)
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": belonging.metadata(trigger.name, function=function.name),
        "spec": {
            **spec,
            "sink": {"ref": {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": broker}},
            "ceOverrides": {"extensions": {SOURCE_EXTENSION: trigger.name}},
        },
    }


def wants_our_redis(options: Options) -> bool:
    """Whether a RedisStreamSource cannot say it: how many entries at once, where a group begins, which database."""
    database = urlsplit(options["url"]).path.strip("/")
    return "batch" in options or options["start"] != "$" or database not in ("", "0")


Made = tuple[Kind, Object]


def _schedule(options: Options, group: str) -> Made:
    names = {"schedule": "schedule", "timezone": "timezone", "data": "data", "data_base64": "dataBase64",
             "content_type": "contentType"}  # fmt: skip
    return PING_SOURCE, {field: options[option] for option, field in names.items() if option in options}


def _kubernetes(options: Options, group: str) -> Made:
    selector = {"selector": {"matchLabels": options["selector"]}} if "selector" in options else {}
    spec: Object = {
        "mode": "Reference" if options["mode"] == "reference" else "Resource",
        "resources": [{**resource, **selector} for resource in options["resources"]],
    }
    if "namespaces" in options:
        named = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": list(options["namespaces"])}
        spec["namespaceSelector"] = {"matchExpressions": [named]}
    if "service_account" in options:
        spec["serviceAccountName"] = options["service_account"]
    return API_SERVER_SOURCE, spec


def _kafka(options: Options, group: str) -> Made:
    spec: Object = {
        "bootstrapServers": list(options["bootstrap"]),
        "topics": list(options["topics"]),
        "consumerGroup": options.get("group", group),
        "initialOffset": options["start"],
        "ordering": options["ordering"],
    }
    if "consumers" in options:
        spec["consumers"] = options["consumers"]
    security, secret = options["security"], options.get("secret", "")
    net: Object = {}
    if security.startswith("SASL"):
        net["sasl"] = {
            "enable": True,
            "user": _key(secret, "user"),
            "password": _key(secret, "password"),
            "type": _key(secret, "sasl.mechanism", optional=True),
        }
    if security.endswith("SSL"):
        net["tls"] = {"enable": True}
        if secret:
            certificates = {"caCert": "ca.crt", "cert": "user.crt", "key": "user.key"}
            net["tls"] |= {field: _key(secret, key, optional=True) for field, key in certificates.items()}
    return KAFKA_SOURCE, {**spec, "net": net} if net else spec


def _redis(options: Options, group: str) -> Made:
    if wants_our_redis(options):
        return CONTAINER_SOURCE, adapters.redis(options, group)
    address, secret = urlsplit(options["url"]), options.get("secret")
    spec: Object = {
        "address": adapters.redis_address(options),
        "stream": options["stream"],
        "group": options.get("group", group),
    }
    dial: Object = {"useTLS": True} if address.scheme == "rediss" else {}
    if secret:
        dial["password"] = {"name": secret}
    if secret and dial.get("useTLS"):
        certificates = {"caCert": "ca.crt", "cert": "tls.crt", "key": "tls.key"}
        dial |= {field: _key(secret, key, optional=True) for field, key in certificates.items()}
    return REDIS_STREAM_SOURCE, {**spec, "dialOptions": dial} if dial else spec


def _github(options: Options, group: str) -> Made:
    spec: Object = {
        "ownerAndRepository": options["repository"],
        "eventTypes": list(options["events"]),
        "accessToken": _key(options["secret"], "accessToken"),
        "secretToken": _key(options["secret"], "secretToken"),
    }
    if "api_url" in options:
        spec["githubAPIURL"] = options["api_url"]
    return GITHUB_SOURCE, spec


def _key(secret: str, key: str, *, optional: bool = False) -> Object:
    return {"secretKeyRef": {"name": secret, "key": key, **({"optional": True} if optional else {})}}


def _adapter(make: Callable[[Options], Object]) -> Callable[[Options, str], Made]:
    return lambda options, group: (CONTAINER_SOURCE, make(options))


_MAKE: dict[str, Callable[[Options, str], Made]] = {
    "schedule": _schedule, "kubernetes": _kubernetes, "kafka": _kafka, "redis": _redis,
    "github": _github, "mqtt": _adapter(adapters.mqtt), "bucket": _adapter(adapters.bucket),
    "rabbitmq": _adapter(adapters.rabbitmq), "webhook": _adapter(adapters.webhook), "files": _adapter(adapters.files),
}  # fmt: skip

# By decorator: what does the same as the kind of an extension of Knative's, with the same group and the same events.
_INSTEAD: dict[str, Callable[[Options, str], Object]] = {
    "kafka": adapters.kafka,
    "redis": adapters.redis_as_knative,
    "github": lambda options, group: adapters.github(options),
}
STOOD_FOR = frozenset({KAFKA_SOURCE, REDIS_STREAM_SOURCE, GITHUB_SOURCE})  # kinds that need not be there
