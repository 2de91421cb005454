"""What only the engine can put into an adapter's options: values of Secrets, its own MQTT door, a replica's name."""

from __future__ import annotations

import hmac
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from faas.engine.contract.settings import EngineSettings, NatsCredentials
from faas.engine.contract.sources import OPTION_PREFIX
from faas.engine.sources.errors import ConfigurationError

_AMQP_PORTS = {"amqp": 5672, "amqps": 5671}


def complete(
    adapter: str, source: tuple[str, str], replica: int, env: dict[str, str], settings: EngineSettings
) -> dict[str, str]:
    """The environment with FAAS_SOURCE as the adapter wants it.

    Args: source: its namespace and name.
    Raises: ConfigurationError; OSError: nats-server has not been started yet.
    """
    given = {key.removeprefix(OPTION_PREFIX): value for key, value in env.items() if key.startswith(OPTION_PREFIX)}
    kept = {key: value for key, value in env.items() if not key.startswith(OPTION_PREFIX)}
    try:
        options = msgspec.json.decode(env.get("FAAS_SOURCE", "") or "{}", type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise ConfigurationError("InvalidOptions", f"FAAS_SOURCE is not a JSON object: {error}") from None
    if adapter == "rabbitmq":
        options = _with_server(options, given)
    else:
        options |= given
    if adapter == "redis" and replica:
        options["consumer"] = f"{options.get('consumer') or source[1]}-{replica}"  # of two processes each needs its own
    if adapter == "mqtt" and not options.get("url"):
        options, kept = _with_own_door(options, kept, settings, "-".join(source))
    return {**kept, "FAAS_SOURCE": msgspec.json.encode(options).decode()}


def _with_server(options: dict[str, Any], given: dict[str, str]) -> dict[str, Any]:
    """Host and port as a connection Secret of RabbitMQ's operator has them; its `uri` may also be a whole URL."""
    vhost = options.pop("vhost", "") or "/"
    uri = given.get("uri", "")
    if not uri:
        return options
    parts = urlsplit(uri if "://" in uri else f"amqp://{uri}")
    if parts.scheme not in _AMQP_PORTS or not parts.hostname:
        raise ConfigurationError(
            "InvalidOptions", f"the Secret's uri {parts.hostname or ''!r} is no host and no amqp URL"
        )
    try:
        port = int(given.get("port") or parts.port or _AMQP_PORTS[parts.scheme])
    except ValueError:
        raise ConfigurationError("InvalidOptions", "the Secret's port is no number") from None
    path = parts.path if len(parts.path) > 1 else f"/{quote(vhost, safe='')}"
    return {**options, "url": f"{parts.scheme}://{parts.hostname}:{port}{path}"}


def _with_own_door(
    options: dict[str, Any], env: dict[str, str], settings: EngineSettings, source: str
) -> tuple[dict[str, Any], dict[str, str]]:
    """Address and credentials of the engine's own MQTT listener, for a source that names no other."""
    nats = settings.nats
    if not nats.mqtt_port:
        raise ConfigurationError(
            "NoMQTTDoor",
            "the source names no MQTT server, and the engine itself does not listen for MQTT; "
            "start it with a port for devices (faas up --mqtt 1883), or set url",
        )
    own = NatsCredentials.load(settings.mqtt_credentials)  # there before nats-server starts
    host = "127.0.0.1" if nats.mqtt_host in ("", "0.0.0.0", "::") else nats.mqtt_host
    url = f"mqtt://{host}:{nats.mqtt_port}"
    name = options.get("client_id") or f"faas-{source}"
    options = {
        **options,
        "url": url,
        "version": 4,  # nats-server speaks MQTT 3.1.1
        # Who connects with a client's name has its session and its messages, so no device may be able to guess it.
        "client_id": f"{name}-{hmac.new(own.password.encode(), name.encode(), 'sha256').hexdigest()[:32]}",
    }
    return options, {**env, "FAAS_SOURCE_USERNAME": own.user, "FAAS_SOURCE_PASSWORD": own.password}
