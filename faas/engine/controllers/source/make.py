"""Which adapter a source object stands for, with which options: one function a kind. Source: Knative's reconcilers.

Values out of Secrets are never read here: a variable names them, and the part that runs sources reads them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from faas.client.protocol import Object
from faas.engine.contract.revision import EnvVar, SecretRef
from faas.engine.contract.sources import OPTION_PREFIX
from faas.engine.controllers.addressing import group_of
from faas.resources.duck import CloudEventAttributes
from faas.resources.keys import SOURCES_IMAGE
from faas.resources.kinds import KINDS
from faas.resources.podspec import EnvFromSource
from faas.resources.podspec import EnvVar as EnvVarView
from faas.resources.sources.github import GitHubSource
from faas.resources.sources.kafka import KafkaSource, SecretValue
from faas.resources.sources.knative import ApiServerSource, ContainerSource, PingSource
from faas.resources.sources.rabbitmq import RabbitmqSource
from faas.resources.sources.redis import RedisSecretValue, RedisStreamSource

_TASKS = {"ping": "PingSource", "kubernetes": "ApiServerSource"}


@dataclass(frozen=True, slots=True)
class Made:
    """What runs for a source object."""

    adapter: str
    env: tuple[EnvVar, ...] = ()
    spec: str = ""  # for tasks of the engine
    receives: bool = False
    path: str = ""  # where it takes requests, when that is not everywhere
    replicas: int = 1
    attributes: tuple[CloudEventAttributes, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """Why the engine cannot run it."""

    reason: str
    message: str


def make_ping(raw: Object, source: PingSource) -> Made:
    path = f"/apis/v1/namespaces/{source.metadata.namespace}/pingsources/{source.metadata.name}"
    return Made("ping", spec=json.dumps(raw["spec"]), attributes=_attributes(path, "dev.knative.sources.ping"))


def make_api_server(raw: Object, source: ApiServerSource, server: str) -> Made | Refused:
    """Args: server: the API's URL."""
    served = {(kind.group, kind.kind) for kind in KINDS}
    for resource in source.spec.resources:
        if (group_of(resource.api_version), resource.kind) not in served:
            message = (
                f"this engine has no {resource.kind} ({resource.api_version}); kubectl api-resources lists what it has"
            )
            return Refused("UnknownResource", message)
    word = "resource" if source.spec.mode == "Resource" else "ref"
    types = [f"dev.knative.apiserver.{word}.{change}" for change in ("add", "delete", "update")]
    return Made("kubernetes", spec=json.dumps(raw["spec"]), attributes=_attributes(server, *types))


def make_container(raw: Object, source: ContainerSource) -> Made | Refused:
    """Our own adapters, which run as processes. The engine has no containers."""
    containers = source.spec.template.spec.containers
    if len(containers) != 1 or not is_adapter_image(containers[0].image):
        images = ", ".join(container.image for container in containers)
        message = (
            f"this engine runs no containers yet, only its own adapters: one container with the image {SOURCES_IMAGE} "
            f"and the adapter's name as its only argument; this has {images or 'none'}"
        )
        return Refused("ContainersNotSupported", message)
    container = containers[0]
    if len(container.args) != 1 or container.command:
        message = "the adapter's name is the container's only argument, and there is no command: args: [mqtt]"
        return Refused("NoAdapter", message)
    env: list[EnvVar] = []
    for variable in container.env:
        made = _variable(variable)
        if made is None:
            message = (
                f"the variable {variable.name} is a field of the Pod; a value or a key of a Secret or ConfigMap can be"
            )
            return Refused("UnsupportedVariable", message)
        env.append(made)
    env[:0] = [made for part in container.env_from for made in _all_of(part)]
    adapter = container.args[0]
    if adapter in _TASKS:
        return Refused("NoAdapter", f"{adapter!r} is no adapter: there is a kind for it, {_TASKS[adapter]}")
    return Made(adapter, tuple(env), receives=_receives(adapter, env), path=_path(adapter, env))


def make_kafka(raw: Object, source: KafkaSource) -> Made:
    spec, sasl, tls = source.spec, source.spec.net.sasl, source.spec.net.tls
    security = ("SASL_" if sasl.enable else "") + ("SSL" if tls.enable else "PLAINTEXT")
    options: dict[str, Any] = {
        "bootstrap_servers": list(spec.bootstrap_servers),
        "topics": list(spec.topics),
        "group": spec.consumer_group or f"faas-{source.metadata.uid}",
        "start": spec.initial_offset or "latest",
        "ordering": spec.ordering or "ordered",
        "security": security,
    }
    env = [_options(options)]
    if sasl.enable:
        env += _secret("FAAS_SOURCE_USERNAME", sasl.user)
        env += _secret("FAAS_SOURCE_PASSWORD", sasl.password)
        env += _secret(f"{OPTION_PREFIX}sasl_mechanism", sasl.type, optional=True)
    if tls.enable:
        env += _secret("FAAS_SOURCE_CA", tls.ca_cert)
        env += _secret("FAAS_SOURCE_CERT", tls.cert)
        env += _secret("FAAS_SOURCE_KEY", tls.key)
    path = f"/apis/v1/namespaces/{source.metadata.namespace}/kafkasources/{source.metadata.name}"
    attributes = tuple(
        CloudEventAttributes(type="dev.knative.kafka.event", source=f"{path}#{topic}") for topic in spec.topics
    )
    return Made("kafka", tuple(env), replicas=max(1, spec.consumers or 1), attributes=attributes)


def make_redis(raw: Object, source: RedisStreamSource) -> Made | Refused:
    spec, dial = source.spec, source.spec.dial_options
    address = spec.address
    env: list[EnvVar] = []
    if dial is not None:
        if dial.skip_verify:
            message = "skipVerify would let anybody be Redis; name the certificate authority in dialOptions.caCert"
            return Refused("SkipVerifyNotSupported", message)
        if dial.use_tls and "://" not in address:
            address = f"rediss://{address}"
        elif dial.use_tls:
            address = f"rediss://{address.partition('://')[2]}"
        if dial.password is not None and dial.password.name:
            env.append(EnvVar("FAAS_SOURCE_PASSWORD", SecretRef("Secret", dial.password.name, "password")))
        env += _redis_secret("FAAS_SOURCE_CA", dial.ca_cert)
        env += _redis_secret("FAAS_SOURCE_CERT", dial.cert)
        env += _redis_secret("FAAS_SOURCE_KEY", dial.key)
    group = spec.group or source.metadata.uid
    env.insert(0, _options({"address": address, "stream": spec.stream, "group": group}))
    attributes = _attributes(f"{spec.address}/{spec.stream}", "dev.knative.sources.redisstream")
    return Made("redis", tuple(env), replicas=max(1, spec.consumers or 1), attributes=attributes)


def make_rabbitmq(raw: Object, source: RabbitmqSource) -> Made | Refused:
    reference, resources = source.spec.rabbitmq_cluster_reference, source.spec.rabbitmq_resources_config
    secret = reference.connection_secret.name if reference is not None and reference.connection_secret else ""
    if not secret:
        message = (
            "there are no RabbitmqClusters on this engine; name a Secret with username, password, uri (the host) and "
            "port in rabbitmqClusterReference.connectionSecret"
        )
        return Refused("NoConnectionSecret", message)
    options: dict[str, Any] = {"prefetch": 1}
    queue = ""
    if resources is not None:
        queue = resources.queue_name
        given = {
            "queue": queue,
            "exchange": resources.exchange_name,
            "prefetch": resources.parallelism,
            "predeclared": resources.predeclared,
            "vhost": resources.vhost,
        }
        options |= {name: value for name, value in given.items() if value}
    queue = queue or f"faas.{source.metadata.namespace}.{source.metadata.name}"
    env = (
        _options({**options, "queue": queue}),
        EnvVar("FAAS_SOURCE_USERNAME", SecretRef("Secret", secret, "username")),
        EnvVar("FAAS_SOURCE_PASSWORD", SecretRef("Secret", secret, "password")),
        EnvVar(f"{OPTION_PREFIX}uri", SecretRef("Secret", secret, "uri")),
        EnvVar(f"{OPTION_PREFIX}port", SecretRef("Secret", secret, "port", optional=True)),
    )
    path = f"/apis/v1/namespaces/{source.metadata.namespace}/rabbitmqsources/{source.metadata.name}"
    return Made("rabbitmq", env, attributes=_attributes(f"{path}#{queue}", "dev.knative.rabbitmq.event"))


def make_github(raw: Object, source: GitHubSource) -> Made:
    spec = source.spec
    options: dict[str, Any] = {"repository": spec.owner_and_repository, "events": list(spec.event_types)}
    if spec.github_api_url:
        options["api_url"] = spec.github_api_url
    env = [_options(options)]
    for name, value, optional in (
        ("FAAS_SOURCE_SECRET", spec.secret_token, False),
        ("FAAS_SOURCE_TOKEN", spec.access_token, True),  # without one the user makes the webhook
    ):
        if value is not None and value.secret_key_ref is not None:
            reference = SecretRef("Secret", value.secret_key_ref.name, value.secret_key_ref.key, optional)
            env.append(EnvVar(name, reference))
    types = [f"dev.knative.source.github.{event}" for event in spec.event_types]
    attributes = _attributes(f"https://github.com/{spec.owner_and_repository}", *types)
    return Made("github", tuple(env), receives=True, attributes=attributes)


def is_adapter_image(image: str) -> bool:
    """Whether an image is our adapters': by the engine's own name for it, or as it is pushed to some registry."""
    name = image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    return name == SOURCES_IMAGE.rpartition("/")[2]


def _attributes(source: str, *types: str) -> tuple[CloudEventAttributes, ...]:
    return tuple(CloudEventAttributes(type=type, source=source) for type in types)


def _options(options: dict[str, Any]) -> EnvVar:
    return EnvVar("FAAS_SOURCE", json.dumps(options))


def _secret(name: str, value: SecretValue | None, *, optional: bool = False) -> list[EnvVar]:
    if value is None or value.secret_key_ref is None:
        return []
    key = value.secret_key_ref
    return [EnvVar(name, SecretRef("Secret", key.name, key.key, optional or bool(key.optional)))]


def _redis_secret(name: str, value: RedisSecretValue | None) -> list[EnvVar]:
    if value is None or value.secret_key_ref is None or not value.secret_key_ref.name:
        return []
    key = value.secret_key_ref
    return [EnvVar(name, SecretRef("Secret", key.name, key.key, bool(key.optional)))]


def _variable(variable: EnvVarView) -> EnvVar | None:
    """None for what is neither a value nor a key of a Secret or ConfigMap."""
    origin = variable.value_from
    if origin is None:
        return EnvVar(variable.name, variable.value)
    if (secret := origin.secret_key_ref) is not None:
        return EnvVar(variable.name, SecretRef("Secret", secret.name, secret.key, bool(secret.optional)))
    if (config := origin.config_map_key_ref) is not None:
        return EnvVar(variable.name, SecretRef("ConfigMap", config.name, config.key, bool(config.optional)))
    return None


def _all_of(part: EnvFromSource) -> Iterator[EnvVar]:
    if part.secret_ref is not None:
        yield EnvVar(part.prefix, SecretRef("Secret", part.secret_ref.name, None, bool(part.secret_ref.optional)))
    if part.config_map_ref is not None:
        optional = bool(part.config_map_ref.optional)
        yield EnvVar(part.prefix, SecretRef("ConfigMap", part.config_map_ref.name, None, optional))


def _receives(adapter: str, env: list[EnvVar]) -> bool:
    return adapter in ("webhook", "github") or (adapter == "bucket" and bool(_given(env).get("notifications")))


def _path(adapter: str, env: list[EnvVar]) -> str:
    return str(_given(env).get("path", "")) if adapter == "webhook" else ""


def _given(env: list[EnvVar]) -> dict[str, Any]:
    """The options as they are written; when they are no JSON object, the adapter says so."""
    text = next((variable.value for variable in env if variable.name == "FAAS_SOURCE"), "")
    try:
        options = json.loads(text) if isinstance(text, str) and text else {}
    except ValueError:
        return {}
    return options if isinstance(options, dict) else {}
