"""ContainerSources of our adapter program: what it is told, as one JSON document and variables out of Secrets. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

from faas.project.manifests.labels import Object
from faas.resources.keys import SOURCES_IMAGE

Options = Mapping[str, Any]
_USER = {"USERNAME": "username", "PASSWORD": "password"}
_LIKE_A_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")  # what may stand before a colon at a URI reference's begin
_CERTIFICATES = {"CA": "ca.crt", "CERT": "tls.crt", "KEY": "tls.key"}


def mqtt(options: Options) -> Object:
    taken = _renamed(options, topics="topics", qos="qos", client_id="client_id", share="share", version="version")
    return _source("mqtt", {"url": options.get("url", ""), **taken}, options.get("secret"), {**_USER, **_CERTIFICATES})


def bucket(options: Options) -> Object:
    taken = _renamed(
        options, bucket="bucket", endpoint="endpoint", region="region", prefix="prefix", suffix="suffix", on="on",
        interval="interval_s", notifications="notifications", path_style="path_style",
    )  # fmt: skip
    keys = {"ACCESS_KEY": "accessKey", "SECRET_KEY": "secretKey"}
    return _source("bucket", taken, options.get("secret"), {"TOKEN": "token"} if options.get("notifications") else keys)


def redis(options: Options, group: str) -> Object:
    taken = _renamed(options, url="address", stream="stream", start="start", batch="batch")
    secrets = {"PASSWORD": "password", **_CERTIFICATES}
    return _source("redis", {"group": options.get("group", group), **taken}, options.get("secret"), secrets)


def redis_as_knative(options: Options, group: str) -> Object:
    """What a RedisStreamSource would do; its events have the source that Knative's have.

    Of an IP address they would have one that is no URI reference, and Knative's Broker refuses them: there it is a URL.
    """
    address, scheme = redis_address(options), urlsplit(options["url"]).scheme
    tls = {"tls": True} if scheme == "rediss" else {}
    is_reference = _LIKE_A_SCHEME.match(address)
    taken = {"address": address if is_reference else f"{scheme}://{address}", "stream": options["stream"], **tls}
    secrets = {"PASSWORD": "password", **(_CERTIFICATES if tls else {})}
    return _source("redis", {"group": options.get("group", group), **taken}, options.get("secret"), secrets)


def redis_address(options: Options) -> str:
    address = urlsplit(options["url"])
    return f"{address.hostname}:{address.port or 6379}"


def kafka(options: Options, group: str) -> Object:
    """What a KafkaSource would do, with one consumer."""
    taken = _renamed(
        options, bootstrap="bootstrap_servers", topics="topics", start="start", ordering="ordering",
        security="security",
    )  # fmt: skip
    security = options["security"]
    user = {"USERNAME": "user", "PASSWORD": "password", "MECHANISM": "sasl.mechanism"}
    certificates = {"CA": "ca.crt", "CERT": "user.crt", "KEY": "user.key"}
    secrets = {
        **(user if security.startswith("SASL") else {}),
        **(certificates if security.endswith("SSL") else {}),
    }
    document = {"group": options.get("group", group), **taken}
    return _source("kafka", document, options.get("secret"), secrets, required=("USERNAME", "PASSWORD"))


def github(options: Options) -> Object:
    """What a GitHubSource would do, but for the webhook: nobody knows its URL before there is one."""
    taken = _renamed(options, repository="repository", events="events", api_url="api_url")
    return _source("github", taken, options["secret"], {"SECRET": "secretToken"})


def rabbitmq(options: Options) -> Object:
    taken = _renamed(
        options, queue="queue", exchange="exchange", exchange_type="exchange_type", routing_key="routing_keys",
        prefetch="prefetch", predeclared="predeclared", durable="durable",
    )  # fmt: skip
    url = options.get("url", "amqp://localhost:5672")
    return _source("rabbitmq", {"url": url, **taken}, options.get("secret"), _USER)


def webhook(options: Options) -> Object:
    taken = _renamed(
        options, path="path", methods="methods", type="type", source="source", signature="signature_header",
        signature_prefix="signature_prefix", algorithm="algorithm", signed="signed", id_header="id_header",
        timestamp_header="timestamp_header",
    )  # fmt: skip
    return _source("webhook", taken, options.get("secret"), {"SECRET": "secret"})


def files(options: Options) -> Object:
    taken = _renamed(
        options, path="path", patterns="patterns", on="on", recursive="recursive", settle="settle_s"
    )  # fmt: skip
    return _source("files", taken, None, {})


_REQUIRED = ("SECRET", "ACCESS_KEY", "SECRET_KEY", "TOKEN")  # the others a Secret may have or not


def _source(
    adapter: str,
    document: Options,
    secret: str | None,
    secrets: Mapping[str, str],
    *,
    required: Collection[str] = _REQUIRED,
) -> Object:
    env: list[Object] = [{"name": "FAAS_SOURCE", "value": json.dumps(document, sort_keys=True, ensure_ascii=False)}]
    for name, key in secrets.items() if secret else ():
        reference: Object = {"name": secret, "key": key}
        if name not in required:
            reference["optional"] = True
        env.append({"name": f"FAAS_SOURCE_{name}", "valueFrom": {"secretKeyRef": reference}})
    container = {"name": "adapter", "image": SOURCES_IMAGE, "args": [adapter], "env": env}
    return {"template": {"spec": {"containers": [container]}}}


def _renamed(options: Options, **names: str) -> dict[str, Any]:
    return {field: options[option] for option, field in names.items() if option in options}
