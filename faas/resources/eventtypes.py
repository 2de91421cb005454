"""Views of Knative Eventing's EventType in its three versions. Source: knative/eventing pkg/apis/eventing."""

from __future__ import annotations

from typing import Annotated, ClassVar

from faas.resources import kinds
from faas.resources.duck import AddressedReference, Status
from faas.resources.kinds import Kind
from faas.resources.meta import ObjectMeta
from faas.resources.views import ObjectView, View, doc


class EventAttributeDefinition(View, frozen=True):
    """An attribute that events of this type have."""

    name: Annotated[str, doc("Name of the attribute.")]
    required: Annotated[bool | None, doc("Whether each such event has it.")] = None
    value: Annotated[str, doc("Its value, where it is always the same, or a pattern with {names} in it.")] = ""


class EventTypeSpec(View, frozen=True):
    """What is known of a type of events."""

    attributes: Annotated[tuple[EventAttributeDefinition, ...], doc("Attributes of such events.")] = ()
    description: Annotated[str, doc("What such an event means.")] = ""
    reference: Annotated[AddressedReference | None, doc("Who sends such events, or where they can be had.")] = None


class EventTypeStatus(Status, frozen=True):
    """The observed state of an EventType."""


class EventType(ObjectView, frozen=True):
    """A type of events that can be had here."""

    KIND: ClassVar[Kind] = kinds.EVENT_TYPE
    metadata: Annotated[ObjectMeta, doc("Name, namespace, labels and annotations.")] = ObjectMeta()
    spec: Annotated[EventTypeSpec, doc("What is known of such events.")] = EventTypeSpec()
    status: Annotated[EventTypeStatus, doc("Whether what it refers to exists.")] = EventTypeStatus()


class EventTypeSpecV1Beta2(View, frozen=True):
    """What is known of a type of events."""

    broker: Annotated[str, doc("Older name of `reference`: a Broker.")] = ""
    description: Annotated[str, doc("What such an event means.")] = ""
    reference: Annotated[AddressedReference | None, doc("Who sends such events, or where they can be had.")] = None
    schema: Annotated[str, doc("URI of the data's schema.")] = ""
    schema_data: Annotated[str, doc("The data's schema itself.")] = ""
    source: Annotated[str, doc("Attribute source.")] = ""
    type: Annotated[str, doc("Attribute type.")] = ""


class EventTypeV1Beta2(ObjectView, frozen=True):
    """A type of events that can be had here."""

    KIND: ClassVar[Kind] = kinds.EVENT_TYPE_V1BETA2
    metadata: Annotated[ObjectMeta, doc("Name, namespace, labels and annotations.")] = ObjectMeta()
    spec: Annotated[EventTypeSpecV1Beta2, doc("What is known of such events.")] = EventTypeSpecV1Beta2()
    status: Annotated[EventTypeStatus, doc("Whether what it refers to exists.")] = EventTypeStatus()
