"""RabbitmqSource. Source: knative-extensions/eventing-rabbitmq."""

from __future__ import annotations

from typing import Annotated, ClassVar

from faas.resources import kinds
from faas.resources.duck import GroupEndpoint, Retries, SourceStatus
from faas.resources.kinds import Kind
from faas.resources.meta import ObjectMeta
from faas.resources.podspec import LocalObjectReference
from faas.resources.views import ObjectView, View, doc


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
