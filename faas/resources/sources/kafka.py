"""KafkaSource, in its versions. Source: knative-extensions/eventing-kafka-broker."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import field

from faas.resources import kinds
from faas.resources.duck import CloudEventOverrides, GroupDestination, SourceStatus, TimedRetries
from faas.resources.kinds import Kind
from faas.resources.meta import ObjectMeta
from faas.resources.podspec import SecretKeySelector
from faas.resources.views import ObjectView, View, doc


class SecretValue(View, frozen=True):
    """A value out of a Secret."""

    secret_key_ref: Annotated[SecretKeySelector | None, doc("The key of the Secret.", atomic=True)] = None


class KafkaSASLV1Beta1(View, frozen=True):
    """Who we are to the Kafka brokers."""

    enable: Annotated[bool, doc("Whether to authenticate.")] = False
    password: Annotated[SecretValue | None, doc("The password.")] = None
    type: Annotated[SecretValue | None, doc("The mechanism: PLAIN (default), SCRAM-SHA-256, SCRAM-SHA-512.")] = None
    user: Annotated[SecretValue | None, doc("The user's name.")] = None


class KafkaSASL(KafkaSASLV1Beta1, frozen=True):
    """Who we are to the Kafka brokers."""

    role_arn: Annotated[SecretValue | None, doc("Role for MSK's access control.")] = field(default=None, name="roleARN")
    token_provider: Annotated[SecretValue | None, doc("Token provider for OAUTHBEARER.")] = None


class KafkaTLS(View, frozen=True):
    """How connections to the Kafka brokers are encrypted."""

    ca_cert: Annotated[SecretValue | None, doc("Certificate authority; the system's when absent.")] = None
    cert: Annotated[SecretValue | None, doc("Client certificate.")] = None
    enable: Annotated[bool, doc("Whether to use TLS.")] = False
    key: Annotated[SecretValue | None, doc("Key of the client certificate.")] = None


class KafkaNetV1Beta1(View, frozen=True):
    """How the Kafka brokers are reached."""

    sasl: Annotated[KafkaSASLV1Beta1, doc("Authentication.")] = KafkaSASLV1Beta1()
    tls: Annotated[KafkaTLS, doc("Encryption.")] = KafkaTLS()


class KafkaNet(View, frozen=True):
    """How the Kafka brokers are reached."""

    sasl: Annotated[KafkaSASL, doc("Authentication.")] = KafkaSASL()
    tls: Annotated[KafkaTLS, doc("Encryption.")] = KafkaTLS()


class KafkaDelivery(TimedRetries, frozen=True):
    """What happens to an event that cannot be delivered at once."""

    dead_letter_sink: Annotated[GroupDestination | None, doc("Gets the events that could not be delivered.")] = None


class KafkaSpecBase(View, frozen=True):
    """Which records of which topics."""

    bootstrap_servers: Annotated[tuple[str, ...], doc("Kafka brokers to begin with: HOST:PORT.", required=True)] = ()
    ce_overrides: Annotated[CloudEventOverrides | None, doc("What is added to each event.")] = None
    consumer_group: Annotated[str, doc("Consumer group; a new one when absent. It cannot be changed.")] = ""
    consumers: Annotated[int | None, doc("How many consumers.", format="int32")] = None
    delivery: Annotated[KafkaDelivery | None, doc("Retries and dead letters.")] = None
    initial_offset: Annotated[str, doc("Where a new group begins: latest (default) or earliest.")] = ""
    ordering: Annotated[str, doc("ordered: one record of a partition after another (default); or unordered.")] = ""
    sink: Annotated[GroupDestination, doc("Where the events go.")] = GroupDestination()
    topics: Annotated[tuple[str, ...], doc("Topics to read.", required=True)] = ()


class KafkaSourceSpec(KafkaSpecBase, frozen=True):
    """Which records of which topics."""

    net: Annotated[KafkaNet, doc("How the Kafka brokers are reached.")] = KafkaNet()


class KafkaSourceSpecV1Beta1(KafkaSpecBase, frozen=True):
    """Which records of which topics."""

    net: Annotated[KafkaNetV1Beta1, doc("How the Kafka brokers are reached.")] = KafkaNetV1Beta1()


class Placement(View, frozen=True):
    """How many consumers run where."""

    pod_name: Annotated[str, doc("Name of the Pod.")] = ""
    vreplicas: Annotated[int | None, doc("How many.", format="int32")] = None


class KafkaSourceStatus(SourceStatus, frozen=True):
    """The observed state of a KafkaSource."""

    claims: Annotated[str, doc("Partitions that it reads.")] = ""
    consumers: Annotated[int | None, doc("How many consumers there are.", format="int32")] = None
    max_allowed_v_replicas: Annotated[int | None, doc("Most consumers that make sense.", format="int32")] = field(
        default=None, name="maxAllowedVReplicas"
    )
    placements: Annotated[tuple[Placement, ...], doc("Where consumers run.")] = ()
    selector: Annotated[str, doc("Labels of the consumers.")] = ""


class KafkaSource(ObjectView, frozen=True):
    """Makes events of a Kafka topic's records."""

    KIND: ClassVar[Kind] = kinds.KAFKA_SOURCE
    metadata: Annotated[ObjectMeta, doc("Name, namespace, labels and annotations.")] = ObjectMeta()
    spec: Annotated[KafkaSourceSpec, doc("Which records, and where they go.")] = KafkaSourceSpec()
    status: Annotated[KafkaSourceStatus, doc("Whether it reads, and where its events go.")] = KafkaSourceStatus()


class KafkaSourceV1Beta1(ObjectView, frozen=True):
    """Makes events of a Kafka topic's records."""

    KIND: ClassVar[Kind] = kinds.KAFKA_SOURCE_V1BETA1
    metadata: Annotated[ObjectMeta, doc("Name, namespace, labels and annotations.")] = ObjectMeta()
    spec: Annotated[KafkaSourceSpecV1Beta1, doc("Which records, and where they go.")] = KafkaSourceSpecV1Beta1()
    status: Annotated[KafkaSourceStatus, doc("Whether it reads, and where its events go.")] = KafkaSourceStatus()
