"""Which adapter a source object of Knative's extensions stands for: one function a kind. Source: their reconcilers.

Values out of Secrets are never read here: a variable names them, and the part that runs sources reads them.
"""

from __future__ import annotations

from typing import Any

from faas.client.protocol import Object
from faas.engine.contract.revision import EnvVar, SecretRef
from faas.engine.contract.sources import OPTION_PREFIX
from faas.engine.controllers.source.made import Made, Refused, attributes_of, options_variable
from faas.resources.duck import CloudEventAttributes
from faas.resources.sources.github import GitHubSource
from faas.resources.sources.kafka import KafkaSource, SecretValue
from faas.resources.sources.rabbitmq import RabbitmqSource
from faas.resources.sources.redis import RedisSecretValue, RedisStreamSource


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
    env = [options_variable(options)]
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
    env.insert(0, options_variable({"address": address, "stream": spec.stream, "group": group}))
    attributes = attributes_of(f"{spec.address}/{spec.stream}", "dev.knative.sources.redisstream")
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
        options_variable({**options, "queue": queue}),
        EnvVar("FAAS_SOURCE_USERNAME", SecretRef("Secret", secret, "username")),
        EnvVar("FAAS_SOURCE_PASSWORD", SecretRef("Secret", secret, "password")),
        EnvVar(f"{OPTION_PREFIX}uri", SecretRef("Secret", secret, "uri")),
        EnvVar(f"{OPTION_PREFIX}port", SecretRef("Secret", secret, "port", optional=True)),
    )
    path = f"/apis/v1/namespaces/{source.metadata.namespace}/rabbitmqsources/{source.metadata.name}"
    return Made("rabbitmq", env, attributes=attributes_of(f"{path}#{queue}", "dev.knative.rabbitmq.event"))


def make_github(raw: Object, source: GitHubSource) -> Made:
    spec = source.spec
    options: dict[str, Any] = {"repository": spec.owner_and_repository, "events": list(spec.event_types)}
    if spec.github_api_url:
        options["api_url"] = spec.github_api_url
    env = [options_variable(options)]
    for name, value, optional in (
        ("FAAS_SOURCE_SECRET", spec.secret_token, False),
        ("FAAS_SOURCE_TOKEN", spec.access_token, True),  # without one the user makes the webhook
    ):
        if value is not None and value.secret_key_ref is not None:
            reference = SecretRef("Secret", value.secret_key_ref.name, value.secret_key_ref.key, optional)
            env.append(EnvVar(name, reference))
    types = [f"dev.knative.source.github.{event}" for event in spec.event_types]
    attributes = attributes_of(f"https://github.com/{spec.owner_and_repository}", *types)
    return Made("github", tuple(env), receives=True, attributes=attributes)


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
