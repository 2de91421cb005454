"""Views of the sources of Knative's extensions: Kafka, Redis streams, RabbitMQ, GitHub.

Source: knative-extensions eventing-kafka-broker, eventing-redis, eventing-rabbitmq, eventing-github.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import field

from faas.resources import kinds
from faas.resources.core import ObjectReference
from faas.resources.duck import (
    CloudEventOverrides,
    Endpoint,
    GroupDestination,
    GroupEndpoint,
    KReference,
    Retries,
    SourceStatus,
    TimedRetries,
)
from faas.resources.kinds import Kind
from faas.resources.meta import ObjectMeta
from faas.resources.podspec import LocalObjectReference, SecretKeySelector
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


class RabbitmqClusterReference(View, frozen=True):
    """A RabbitMQ: a RabbitmqCluster, or what a Secret says of one (username, password, uri, port)."""

    connection_secret: Annotated[LocalObjectReference | None, doc("Secret with the connection.")] = None
    name: Annotated[str, doc("Name of the RabbitmqCluster.")] = ""
    namespace: Annotated[str, doc("Its namespace; that of the source when absent.")] = ""


class RabbitmqResourcesConfig(View, frozen=True):
    """Which exchange and queue, and whether they are there."""

    exchange_name: Annotated[str, doc("Exchange; made when `predeclared` is not set.")] = ""
    parallelism: Annotated[int | None, doc("Messages at once, 1 to 1000.")] = None
    predeclared: Annotated[bool, doc("Exchange and queue exist; nothing is made.")] = False
    queue_name: Annotated[str, doc("Queue; a name of its own when absent.")] = ""
    vhost: Annotated[str, doc("Virtual host.")] = ""


class RabbitmqSourceSpec(View, frozen=True):
    """Which queue of which RabbitMQ. It cannot be changed."""

    adapter_container_name: Annotated[str, doc("Name of the adapter's container.")] = ""
    delivery: Annotated[Retries | None, doc("Retries.")] = None
    rabbitmq_cluster_reference: Annotated[RabbitmqClusterReference | None, doc("The RabbitMQ.", required=True)] = None
    rabbitmq_resources_config: Annotated[RabbitmqResourcesConfig | None, doc("Exchange and queue.")] = None
    service_account_name: Annotated[str, doc("Service account to run as.")] = ""
    sink: Annotated[GroupEndpoint, doc("Where the events go.", required=True)] = GroupEndpoint()


class RabbitmqSource(ObjectView, frozen=True):
    """Makes events of a RabbitMQ queue's messages."""

    KIND: ClassVar[Kind] = kinds.RABBITMQ_SOURCE
    metadata: Annotated[ObjectMeta, doc("Name, namespace, labels and annotations.")] = ObjectMeta()
    spec: Annotated[RabbitmqSourceSpec, doc("Which queue, and where it goes.")] = RabbitmqSourceSpec()
    status: Annotated[SourceStatus, doc("Whether it reads, and where its events go.")] = SourceStatus()


GITHUB_EVENTS = (
    "check_suite", "commit_comment", "create", "delete", "deployment", "deployment_status", "fork", "gollum",
    "installation", "integration_installation", "issue_comment", "issues", "label", "member", "membership",
    "milestone", "organization", "org_block", "page_build", "ping", "project_card", "project_column", "project",
    "public", "pull_request", "pull_request_review", "pull_request_review_comment", "push", "release", "repository",
    "status", "team", "team_add", "watch",
)  # fmt: skip


class GitHubSecretKeySelector(View, frozen=True):
    """One key of a Secret."""

    key: Annotated[str, doc("The key to read.")]
    name: Annotated[str, doc("Name of the Secret.")]


class GitHubSecretValue(View, frozen=True):
    """A value out of a Secret."""

    secret_key_ref: Annotated[GitHubSecretKeySelector | None, doc("The key of the Secret.")] = None


class GitHubOverrides(View, frozen=True):
    """What a source adds to its events."""

    extensions: Annotated[dict[str, str], doc("Extension attributes, over those that the event has.")]


class GitHubReference(KReference, frozen=True):
    """Names an object, here or in another namespace."""

    api_version: Annotated[str, doc("Group and version: eventing.knative.dev/v1, ...", required=True)] = ""
    kind: Annotated[str, doc("Kind: Service, Broker, ...", required=True)] = ""
    name: Annotated[str, doc("Name.", required=True)] = ""


class GitHubSink(Endpoint, frozen=True):
    """An object that takes events, or the URI of one."""

    ref: Annotated[GitHubReference | None, doc("An object with an address: a Service, a Broker, ...")] = None


class GitHubSourceSpec(View, frozen=True):
    """Which events of which repository."""

    access_token: Annotated[GitHubSecretValue | None, doc("Token that may make webhooks.", required=True)] = None
    ce_overrides: Annotated[GitHubOverrides | None, doc("What is added to each event.")] = None
    event_types: Annotated[
        tuple[Annotated[str, doc("A kind of GitHub's events.", enum=GITHUB_EVENTS)], ...],
        doc("Kinds of events to send.", required=True),
    ] = ()
    github_api_url: Annotated[str, doc("API of a GitHub of your own.")] = field(default="", name="githubAPIURL")
    owner_and_repository: Annotated[str, doc("OWNER/REPOSITORY, or an organization.", required=True)] = ""
    secret_token: Annotated[GitHubSecretValue | None, doc("Secret that signs webhooks.", required=True)] = None
    secure: Annotated[bool | None, doc("Whether GitHub is to check the certificate of the webhook's URL.")] = None
    service_account_name: Annotated[str, doc("Service account to run as.")] = ""
    sink: Annotated[GitHubSink, doc("Where the events go.")] = GitHubSink()


class GitHubSourceStatus(SourceStatus, frozen=True):
    """The observed state of a GitHubSource."""

    webhook_id_key: Annotated[str, doc("Id of the webhook that was made.")] = field(default="", name="webhookIDKey")


class GitHubSource(ObjectView, frozen=True):
    """Makes events of what happens in a GitHub repository."""

    KIND: ClassVar[Kind] = kinds.GITHUB_SOURCE
    metadata: Annotated[ObjectMeta, doc("Name, namespace, labels and annotations.")] = ObjectMeta()
    spec: Annotated[GitHubSourceSpec, doc("Which events, and where they go.")] = GitHubSourceSpec()
    status: Annotated[GitHubSourceStatus, doc("Whether the webhook is there.")] = GitHubSourceStatus()
