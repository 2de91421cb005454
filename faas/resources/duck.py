"""Views that Knative's kinds share, whatever their group: references, destinations, delivery, statuses.

Source: knative/pkg apis/duck/v1; knative/eventing pkg/apis/duck/v1.
"""

# ruff: noqa: RUF012 (each view gets an empty dict of its own: msgspec copies the default)

from __future__ import annotations

from typing import Annotated

from msgspec import field

from faas.resources.meta import Conditions
from faas.resources.views import View, doc


class Addressable(View, frozen=True):
    """Where an object is reached from inside the cluster or engine."""

    ca_certs: Annotated[str, doc("Certificate authorities for the URL, as PEM.")] = field(default="", name="CACerts")
    audience: Annotated[str, doc("Audience that tokens for this address need.")] = ""
    name: Annotated[str, doc("Name of this address.")] = ""
    url: Annotated[str, doc("The URL.")] = ""


class Status(View, frozen=True):
    """What the status of each of these kinds has."""

    annotations: Annotated[dict[str, str], doc("Further observations.")] = {}
    conditions: Annotated[Conditions, doc("What is and is not in order; Ready sums it up.")] = ()
    observed_generation: Annotated[
        int | None, doc("The generation this status is about; older than metadata.generation: wait.", format="int64")
    ] = None


class KReference(View, frozen=True):
    """Names an object, here or in another namespace."""

    api_version: Annotated[str, doc("Group and version: serving.knative.dev/v1, eventing.knative.dev/v1, ...")] = ""
    kind: Annotated[str, doc("Kind: Service, Broker, ...")] = ""
    name: Annotated[str, doc("Name.")] = ""
    namespace: Annotated[str, doc("Namespace; that of the object with this reference when absent.")] = ""


class AddressedReference(KReference, frozen=True):
    """Names an object, and which of its addresses is meant."""

    address: Annotated[str, doc("Name of one of the object's addresses.")] = ""


class GroupReference(KReference, frozen=True):
    """Names an object, with its group apart."""

    kind: Annotated[str, doc("Kind: Service, Broker, ...", required=True)] = ""
    name: Annotated[str, doc("Name.", required=True)] = ""
    group: Annotated[str, doc("Group without a version; refused, as by Knative, unless that feature is on.")] = ""


class AddressedGroupReference(GroupReference, frozen=True):
    """Names an object, with its group apart, and which of its addresses is meant."""

    address: Annotated[str, doc("Name of one of the object's addresses.")] = ""


class Endpoint(View, frozen=True):
    """An object that takes events, or the URI of one."""

    ref: Annotated[KReference | None, doc("An object with an address: a Service, a Broker, ...")] = None
    uri: Annotated[str, doc("An absolute URL; with `ref`, a path relative to the object's address.")] = ""


class Destination(Endpoint, frozen=True):
    """Where events go: an object that takes them, a URL, or a path of that object."""

    ca_certs: Annotated[str, doc("Certificate authorities for the URL, as PEM.")] = field(default="", name="CACerts")
    audience: Annotated[str, doc("Audience that tokens for it need.")] = ""


class GroupEndpoint(Endpoint, frozen=True):
    """An object that takes events, or the URI of one."""

    ref: Annotated[GroupReference | None, doc("An object with an address: a Service, a Broker, ...")] = None


class GroupDestination(Destination, frozen=True):
    """Where events go: an object that takes them, a URL, or a path of that object."""

    ref: Annotated[AddressedGroupReference | None, doc("An object with an address: a Service, a Broker, ...")] = None


class Retries(View, frozen=True):
    """How often, and how fast, a failed delivery is repeated."""

    backoff_delay: Annotated[str, doc("Time before a retry, in ISO 8601: PT0.2S, PT1M.")] = ""
    backoff_policy: Annotated[
        str, doc("How the time grows: linear (delay x retries) or exponential (delay x 2^retries).")
    ] = ""
    retry: Annotated[
        int | None, doc("Retries before an event goes to the dead-letter sink; attempts = retry + 1.", format="int32")
    ] = None


class TimedRetries(Retries, frozen=True):
    """How often, how fast and how patiently a failed delivery is repeated."""

    retry_after_max: Annotated[
        str, doc("Longest Retry-After that is honoured (429 and 503), in ISO 8601; PT0S: none is.")
    ] = ""
    timeout: Annotated[str, doc("Time that one attempt may take, in ISO 8601.")] = ""


class Delivery(TimedRetries, frozen=True):
    """What happens to an event that cannot be delivered at once."""

    dead_letter_sink: Annotated[Destination | None, doc("Gets the events that could not be delivered.")] = None
    format: Annotated[str, doc("How events are written to the subscriber: binary or json; as stored when absent.")] = ""


class CloudEventOverrides(View, frozen=True):
    """What a source adds to its events."""

    extensions: Annotated[dict[str, str], doc("Extension attributes, over those that the event has.")] = {}


class CloudEventAttributes(View, frozen=True):
    """What a source's events look like."""

    source: Annotated[str, doc("Attribute source.")] = ""
    type: Annotated[str, doc("Attribute type.")] = ""


class AuthStatus(View, frozen=True):
    """Identity with which events are sent."""

    service_account_name: Annotated[str, doc("Service account.")] = ""
    service_account_names: Annotated[tuple[str, ...], doc("Service accounts, where there are several.")] = ()


class SourceSpec(View, frozen=True):
    """What the spec of each source has."""

    ce_overrides: Annotated[CloudEventOverrides | None, doc("What is added to each event.")] = None
    sink: Annotated[Destination, doc("Where the events go.")] = Destination()


class SourceStatus(Status, frozen=True):
    """What the status of each source has."""

    auth: Annotated[AuthStatus | None, doc("Identity with which events are sent.")] = None
    ce_attributes: Annotated[tuple[CloudEventAttributes, ...], doc("Types and sources of its events.")] = ()
    sink_uri: Annotated[str, doc("Where its events go now.")] = ""
    sink_ca_certs: Annotated[str, doc("Certificate authorities of the sink, as PEM.")] = field(
        default="", name="sinkCACerts"
    )
    sink_audience: Annotated[str, doc("Audience that tokens for the sink need.")] = ""


class LabelSelectorRequirement(View, frozen=True):
    """One condition on one label."""

    key: Annotated[str, doc("The label's key.")] = ""
    operator: Annotated[str, doc("In, NotIn, Exists or DoesNotExist.")] = ""
    values: Annotated[tuple[str, ...], doc("Values, for In and NotIn.")] = ()


class LabelSelector(View, frozen=True):
    """Which objects are meant, by their labels; all conditions have to hold."""

    match_expressions: Annotated[tuple[LabelSelectorRequirement, ...], doc("Conditions on labels.")] = ()
    match_labels: Annotated[dict[str, str], doc("Labels that objects must have.")] = {}
