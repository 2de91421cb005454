"""RedisStreamSource. Source: knative-extensions/eventing-redis."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import field

from faas.resources import kinds
from faas.resources.core import ObjectReference
from faas.resources.duck import CloudEventOverrides, Endpoint, SourceStatus
from faas.resources.kinds import Kind
from faas.resources.meta import ObjectMeta
from faas.resources.views import ObjectView, View, doc


class PlainSecretKeySelector(View, frozen=True):
    """One key of a Secret."""

    key: Annotated[str, doc("The key to read.")] = ""
    name: Annotated[str, doc("Name of the Secret.")] = ""
    optional: Annotated[bool | None, doc("Whether it is fine that the Secret or the key does not exist.")] = None


class RedisSecretValue(View, frozen=True):
    """A value out of a Secret."""

    secret_key_ref: Annotated[PlainSecretKeySelector | None, doc("The key of the Secret.", required=True)] = None


class RedisDialOptions(View, frozen=True):
    """How Redis is connected to."""

    ca_cert: Annotated[RedisSecretValue | None, doc("Certificate authority.")] = None
    cert: Annotated[RedisSecretValue | None, doc("Client certificate.")] = None
    key: Annotated[RedisSecretValue | None, doc("Key of the client certificate.")] = None
    password: Annotated[ObjectReference | None, doc("Secret whose key `password` holds the password.")] = None
    skip_verify: Annotated[bool | None, doc("Do not look at Redis' certificate.")] = None
    use_tls: Annotated[bool | None, doc("Whether to use TLS.")] = field(default=None, name="useTLS")


class RedisStreamSourceSpec(View, frozen=True):
    """Which stream of which Redis."""

    address: Annotated[str, doc("Redis, as redis://HOST:PORT or rediss://.")] = ""
    ce_overrides: Annotated[CloudEventOverrides | None, doc("What is added to each event.")] = None
    consumers: Annotated[int | None, doc("How many consumers.", format="int32")] = None
    dial_options: Annotated[RedisDialOptions | None, doc("TLS and the password.")] = None
    group: Annotated[str, doc("Consumer group; one of its own when absent.")] = ""
    sink: Annotated[Endpoint, doc("Where the events go.")] = Endpoint()
    stream: Annotated[str, doc("Name of the stream.")] = ""


class RedisStreamSourceStatus(SourceStatus, frozen=True):
    """The observed state of a RedisStreamSource."""

    consumers: Annotated[int | None, doc("How many consumers there are.", format="int32")] = None


class RedisStreamSource(ObjectView, frozen=True):
    """Makes events of a Redis stream's entries."""

    KIND: ClassVar[Kind] = kinds.REDIS_STREAM_SOURCE
    metadata: Annotated[ObjectMeta, doc("Name, namespace, labels and annotations.")] = ObjectMeta()
    spec: Annotated[RedisStreamSourceSpec, doc("Which stream, and where it goes.")] = RedisStreamSourceSpec()
    status: Annotated[RedisStreamSourceStatus, doc("Whether it reads.")] = RedisStreamSourceStatus()
