"""Views of Knative Eventing's Broker and Trigger. Source: knative/eventing pkg/apis/eventing/v1."""

# ruff: noqa: RUF012 (each view gets an empty dict of its own: msgspec copies the default)

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import field

from faas.resources import kinds
from faas.resources.duck import Addressable, AuthStatus, Delivery, Destination, KReference, Status
from faas.resources.kinds import Kind
from faas.resources.meta import ObjectMeta
from faas.resources.views import ObjectView, View, doc


class DeliveryStatus(Status, frozen=True):
    """Where undeliverable events go now."""

    dead_letter_sink_uri: Annotated[str, doc("URL of the dead-letter sink.")] = ""
    dead_letter_sink_ca_certs: Annotated[str, doc("Certificate authorities of the dead-letter sink.")] = field(
        default="", name="deadLetterSinkCACerts"
    )
    dead_letter_sink_audience: Annotated[str, doc("Audience that tokens for the dead-letter sink need.")] = ""


class BrokerSpec(View, frozen=True):
    """The wanted state of a Broker."""

    config: Annotated[KReference | None, doc("Settings for the class of Broker; the engine needs none.")] = None
    delivery: Annotated[Delivery | None, doc("For Triggers that do not say otherwise.")] = None


class PolicyReference(View, frozen=True):
    """An EventPolicy that applies."""

    api_version: Annotated[str, doc("Group and version.")] = ""
    name: Annotated[str, doc("Name.")] = ""


class BrokerStatus(DeliveryStatus, frozen=True):
    """The observed state of a Broker."""

    address: Annotated[Addressable | None, doc("Where events are sent to.")] = None
    addresses: Annotated[tuple[Addressable, ...], doc("All addresses.")] = ()
    policies: Annotated[tuple[PolicyReference, ...], doc("EventPolicies that apply.")] = ()


class Broker(ObjectView, frozen=True):
    """Takes events over HTTP, keeps them, and delivers each to the Triggers that want it."""

    KIND: ClassVar[Kind] = kinds.BROKER
    metadata: Annotated[ObjectMeta, doc("Name, namespace, labels and annotations.")] = ObjectMeta()
    spec: Annotated[BrokerSpec, doc("How it delivers.")] = BrokerSpec()
    status: Annotated[BrokerStatus, doc("Its address, and whether it can take events.")] = BrokerStatus()


class TriggerFilter(View, frozen=True):
    """Older way to filter: attributes that events must have with these values; an empty value is any."""

    attributes: Annotated[dict[str, str], doc("Values by the attributes' names.")] = {}


class SubscriptionsAPIFilter(View, frozen=True):
    """One condition on an event, in one dialect."""

    all: Annotated[tuple[SubscriptionsAPIFilter, ...], doc("Each of these has to hold.")] = ()
    any: Annotated[tuple[SubscriptionsAPIFilter, ...], doc("One of these has to hold.")] = ()
    cesql: Annotated[str, doc("A CloudEvents SQL expression that has to be true.")] = ""
    exact: Annotated[dict[str, str], doc("Attributes with exactly these values.")] = {}
    not_: Annotated[SubscriptionsAPIFilter | None, doc("This must not hold.")] = field(default=None, name="not")
    prefix: Annotated[dict[str, str], doc("Attributes whose values begin so.")] = {}
    suffix: Annotated[dict[str, str], doc("Attributes whose values end so.")] = {}


class TriggerSpec(View, frozen=True):
    """The wanted state of a Trigger: which events, from where, to whom."""

    broker: Annotated[str, doc("Name of the Broker, in the same namespace. It cannot be changed.")] = ""
    broker_ref: Annotated[KReference | None, doc("The Broker as a reference, instead of `broker`.")] = None
    delivery: Annotated[Delivery | None, doc("Replaces the Broker's delivery as a whole.")] = None
    filter: Annotated[TriggerFilter | None, doc("Older way to filter; `filters` wins when it is not empty.")] = None
    filters: Annotated[tuple[SubscriptionsAPIFilter, ...], doc("Which events; each of these has to hold.")] = ()
    subscriber: Annotated[Destination, doc("Who gets the events.")] = Destination()


class TriggerStatus(DeliveryStatus, frozen=True):
    """The observed state of a Trigger."""

    auth: Annotated[AuthStatus | None, doc("Identity with which events are sent.")] = None
    subscriber_uri: Annotated[str, doc("URL of the subscriber.")] = ""
    subscriber_ca_certs: Annotated[str, doc("Certificate authorities of the subscriber.")] = field(
        default="", name="subscriberCACerts"
    )
    subscriber_audience: Annotated[str, doc("Audience that tokens for the subscriber need.")] = ""


class Trigger(ObjectView, frozen=True):
    """Delivers the events of a Broker that pass its filters to a subscriber."""

    KIND: ClassVar[Kind] = kinds.TRIGGER
    metadata: Annotated[ObjectMeta, doc("Name, namespace, labels and annotations.")] = ObjectMeta()
    spec: Annotated[TriggerSpec, doc("Which events, from where, to whom.")] = TriggerSpec()
    status: Annotated[TriggerStatus, doc("The resolved subscriber, and whether events flow.")] = TriggerStatus()
