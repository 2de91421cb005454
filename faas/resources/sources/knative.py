"""Views of Knative's own sources: PingSource, ApiServerSource, ContainerSource, SinkBinding.

Source: knative/eventing pkg/apis/sources/v1.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import field

from faas.resources import kinds
from faas.resources.core import PodSpec
from faas.resources.duck import KReference, LabelSelector, SourceSpec, SourceStatus
from faas.resources.eventing import SubscriptionsAPIFilter
from faas.resources.kinds import Kind
from faas.resources.meta import ObjectMeta
from faas.resources.serving import TemplateMeta
from faas.resources.views import ObjectView, View, doc


class PingSourceSpec(SourceSpec, frozen=True):
    """Which event, and when."""

    content_type: Annotated[str, doc("Attribute datacontenttype; application/json has to be JSON.")] = ""
    data: Annotated[str, doc("The event's data, as text.")] = ""
    data_base64: Annotated[str, doc("The event's data, in base64.")] = field(default="", name="dataBase64")
    schedule: Annotated[str, doc("When, as cron has it: minute hour day month weekday, seconds first if wanted.")] = ""
    timezone: Annotated[str, doc("Time zone of the schedule: Europe/Berlin; the engine's when absent.")] = ""


class PingSource(ObjectView, frozen=True):
    """Sends the same event again and again, by a schedule."""

    KIND: ClassVar[Kind] = kinds.PING_SOURCE
    metadata: Annotated[ObjectMeta, doc("Name, namespace, labels and annotations.")] = ObjectMeta()
    spec: Annotated[PingSourceSpec, doc("Which event, and when.")] = PingSourceSpec()
    status: Annotated[SourceStatus, doc("Whether it sends, and where to.")] = SourceStatus()


class APIVersionKind(View, frozen=True):
    """A kind of objects."""

    api_version: Annotated[str, doc("Group and version.")] = ""
    kind: Annotated[str, doc("Kind.")] = ""


class APIVersionKindSelector(APIVersionKind, frozen=True):
    """Objects of a kind, by their labels."""

    selector: Annotated[LabelSelector | None, doc("Which of them; all when absent.")] = None


class ApiServerSourceSpec(SourceSpec, frozen=True):
    """Whose changes are told."""

    filters: Annotated[tuple[SubscriptionsAPIFilter, ...], doc("Which events; each of these has to hold.")] = ()
    mode: Annotated[str, doc("Reference: events name the object. Resource: they hold it.")] = ""
    namespace_selector: Annotated[LabelSelector | None, doc("Namespaces to watch; its own when absent.")] = None
    owner: Annotated[APIVersionKind | None, doc("Only objects with an owner of this kind.")] = None
    resources: Annotated[tuple[APIVersionKindSelector, ...], doc("Objects to watch.", required=True)] = ()
    service_account_name: Annotated[str, doc("Service account to watch as.")] = ""


class ApiServerSourceStatus(SourceStatus, frozen=True):
    """The observed state of an ApiServerSource."""

    namespaces: Annotated[tuple[str, ...], doc("Namespaces that are watched.")] = ()


class ApiServerSource(ObjectView, frozen=True):
    """Tells of objects that are added, changed and deleted."""

    KIND: ClassVar[Kind] = kinds.API_SERVER_SOURCE
    metadata: Annotated[ObjectMeta, doc("Name, namespace, labels and annotations.")] = ObjectMeta()
    spec: Annotated[ApiServerSourceSpec, doc("Whose changes are told.")] = ApiServerSourceSpec()
    status: Annotated[ApiServerSourceStatus, doc("Whether it sends, and where to.")] = ApiServerSourceStatus()


class PodTemplate(View, frozen=True):
    """What Pods are made of."""

    metadata: Annotated[TemplateMeta, doc("Labels and annotations of the Pods.", preserve=True)] = TemplateMeta()
    spec: Annotated[PodSpec, doc("What they run.", preserve=True)] = PodSpec()


class ContainerSourceSpec(SourceSpec, frozen=True):
    """A program that sends events to K_SINK."""

    template: Annotated[PodTemplate, doc("The program.", preserve=True)] = PodTemplate()


class ContainerSource(ObjectView, frozen=True):
    """Runs a program that sends events. The engine runs its own adapters, whose image is faas.local/faas-sources."""

    KIND: ClassVar[Kind] = kinds.CONTAINER_SOURCE
    metadata: Annotated[ObjectMeta, doc("Name, namespace, labels and annotations.")] = ObjectMeta()
    spec: Annotated[ContainerSourceSpec, doc("The program, and where its events go.")] = ContainerSourceSpec()
    status: Annotated[SourceStatus, doc("Whether it runs, and where its events go.")] = SourceStatus()


class Subject(KReference, frozen=True):
    """Whose containers learn of a sink: one object by name, or several by labels."""

    selector: Annotated[LabelSelector | None, doc("Labels of the objects, instead of a name.")] = None


class SinkBindingSpec(SourceSpec, frozen=True):
    """Who sends where."""

    subject: Annotated[Subject, doc("Whose containers get K_SINK and K_CE_OVERRIDES.")] = Subject()


class SinkBindingStatus(SourceStatus, frozen=True):
    """The observed state of a SinkBinding."""

    oidc_token_secret_name: Annotated[str, doc("Secret with the token for the sink.")] = field(
        default="", name="oidcTokenSecretName"
    )


class SinkBinding(ObjectView, frozen=True):
    """Puts the address of a sink into containers, as the environment variable K_SINK."""

    KIND: ClassVar[Kind] = kinds.SINK_BINDING
    metadata: Annotated[ObjectMeta, doc("Name, namespace, labels and annotations.")] = ObjectMeta()
    spec: Annotated[SinkBindingSpec, doc("Who sends where.")] = SinkBindingSpec()
    status: Annotated[SinkBindingStatus, doc("Whether the subject has it, and the sink's URL.")] = SinkBindingStatus()
