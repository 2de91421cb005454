"""What `@function.mqtt`, `.kafka` and `.rabbitmq` take: brokers of messages that somebody else publishes."""

from __future__ import annotations

import re
from typing import Any

from faas_runtime.errors import OptionError
from faas_runtime.options.option import Option, table
from faas_runtime.options.sources.words import secret, text, texts, url
from faas_runtime.options.values import boolean, integer, matching, one_of

_TOPIC_MOST = 65535  # bytes; MQTT 5.0, 1.5.4
_KAFKA_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}\Z")
_GROUP = re.compile(r"[A-Za-z0-9._-]{1,255}\Z")
_SERVER = re.compile(r"(\$\{[^}]+\}|[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(:(\d{1,5}|\$\{[^}]+\}))?\Z")
_SECURITY = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")


def topic_filter(topic: str) -> str:
    """An MQTT topic filter. Raises: OptionError. Source: MQTT 5.0, 4.7."""

    def wrong(message: str, hint: str) -> OptionError:
        return OptionError("topics", f"the topic {topic!r} can never match: {message}", hint)

    if topic.startswith("$share/"):
        raise wrong("the group of a shared subscription is not part of it", f'say share="{topic.split("/")[1]}"')
    levels = topic.split("/")
    for index, level in enumerate(levels):
        if "#" in level and (level != "#" or index != len(levels) - 1):
            raise wrong("'#' stands alone, at the end", "sensors/# is everything below sensors")
        if "+" in level and level != "+":
            raise wrong("'+' stands for a whole level", "sensors/+/temperature")
    if not topic or "\0" in topic or len(topic.encode()) > _TOPIC_MOST:
        raise wrong("it is empty or too long", "sensors/+/temperature")
    return topic


def topic_matches(pattern: str, topic: str) -> bool:
    """Whether a message of `topic` goes to a subscription of `pattern`. Source: MQTT 5.0, 4.7."""
    if topic.startswith("$") and pattern[:1] in ("+", "#"):
        return False
    wanted, levels = pattern.split("/"), topic.split("/")
    for index, level in enumerate(wanted):
        if level == "#":
            return True
        if index >= len(levels) or level not in ("+", levels[index]):
            return False
    return len(wanted) == len(levels)


def _topics(value: Any) -> list[str]:
    return [topic_filter(topic) for topic in texts(value)]


def _kafka_topics(value: Any) -> list[str]:
    found = texts(value)
    if not all(_KAFKA_TOPIC.match(topic) for topic in found):
        raise ValueError
    return found


def _servers(value: Any) -> list[str]:
    found = [part.strip() for item in texts(value) for part in item.split(",")]
    if not all(_SERVER.match(server) for server in found):
        raise ValueError
    return found


MQTT = table(
    Option("topics", "what to subscribe to", "a topic filter, or several: 'sensors/+/temperature'", _topics, False),
    Option("url", "the broker; the engine's own door without it", "mqtt://HOST:1883, or mqtts://HOST:8883",
           url("url", "mqtt", "mqtts"), False),
    Option("qos", "0 at most once, 1 at least once", "0, 1 or 2", integer(0, 2), False),
    Option("share", "the group of a shared subscription: its members get a message once between them",
           "a name without '/', '+' and '#'", matching(re.compile(r"[^/+#\s]{1,200}\Z")), False),
    Option("client_id", "by which the broker knows the subscription", "up to 200 printable characters",
           matching(re.compile(r"[!-~]{1,200}\Z")), False),
    Option("version", "of the protocol", "5, or 4 for MQTT 3.1.1", integer(4, 5), False),
    secret("username and password, or tls.crt, tls.key and ca.crt"),
)  # fmt: skip

KAFKA = table(
    Option("topics", "what to read", "a topic or a list of topics", _kafka_topics, False),
    Option("bootstrap", "the first servers to ask", "'HOST:9092', or a list", _servers, False),
    Option("group", "the consumer group; the function's own without it", "letters, digits, '.', '_' and '-'",
           matching(_GROUP), False),
    Option("start", "where a new group begins", "'latest' or 'earliest'", one_of("latest", "earliest"), False),
    Option("ordering", "whether a partition's records wait for each other", "'ordered' or 'unordered'",
           one_of("ordered", "unordered"), False),
    Option("consumers", "how many read at once, at most", "a whole number from 1", integer(1, 1000), False),
    Option("security", "how to connect", ", ".join(_SECURITY), one_of(*_SECURITY), False),
    secret("user, password and sasl.mechanism; ca.crt, and user.crt with user.key"),
)  # fmt: skip

RABBITMQ = table(
    Option("queue", "what to consume; made when it is not there", "a queue's name", text, False),
    Option("url", "the server, with its virtual host as path", "amqp://HOST:5672/VHOST, or amqps://…",
           url("url", "amqp", "amqps"), False),
    Option("exchange", "the exchange that the queue is bound to", "a name", text, False),
    Option("exchange_type", "of an exchange that is made", "direct, fanout, topic or headers",
           one_of("direct", "fanout", "topic", "headers"), False),
    Option("routing_key", "what the exchange sends to the queue", "a key, or a list of keys", texts, False),
    Option("prefetch", "messages that are under way at once", "a whole number from 1 to 65535", integer(1, 65535),
           False),
    Option("durable", "whether queue and exchange survive the server's restart", "True or False", boolean, False),
    Option("predeclared", "queue and exchange are there already: make none", "True or False", boolean, False),
    secret("username and password"),
)  # fmt: skip


def complete_mqtt(options: dict[str, Any]) -> dict[str, Any]:
    if "secret" in options and "url" not in options:
        raise OptionError("secret", "a Secret is for a broker elsewhere, and no url says which",
                          'say url="mqtts://HOST:8883"; the engine\'s own door needs none')  # fmt: skip
    return options


def complete_kafka(options: dict[str, Any]) -> dict[str, Any]:
    if "bootstrap" not in options:
        raise OptionError("bootstrap", "Kafka has no usual address", 'say bootstrap="localhost:9092"')
    security = options.get("security", "SASL_SSL" if "secret" in options else "PLAINTEXT")
    if security.startswith("SASL") and "secret" not in options:
        raise OptionError("security", f"{security} wants a user and a password",
                          'put them into a Secret with the keys user, password and sasl.mechanism, and say '
                          'secret="NAME"')  # fmt: skip
    return {**options, "security": security}


def complete_rabbitmq(options: dict[str, Any]) -> dict[str, Any]:
    if "routing_key" in options and "exchange" not in options:
        raise OptionError("routing_key", "a routing key says what an exchange sends to the queue",
                          'say exchange="NAME" too')  # fmt: skip
    return options
