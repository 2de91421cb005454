"""Views of Knative Serving's kinds: Service, Configuration, Revision, Route. Source: knative/serving, serving/v1."""

# ruff: noqa: RUF012 (each view gets an empty dict of its own: msgspec copies the default)

from __future__ import annotations

from typing import Annotated, ClassVar

from faas.resources import kinds
from faas.resources.duck import Addressable, Status
from faas.resources.kinds import Kind
from faas.resources.meta import Condition, ObjectMeta
from faas.resources.podspec import SharedPodSpec
from faas.resources.views import ObjectView, View, doc

__all__ = [
    "Addressable",
    "Condition",
    "Configuration",
    "ConfigurationSpec",
    "ConfigurationStatus",
    "ContainerStatus",
    "Revision",
    "RevisionSpec",
    "RevisionStatus",
    "RevisionTemplate",
    "Route",
    "RouteSpec",
    "RouteStatus",
    "Service",
    "ServiceSpec",
    "ServiceStatus",
    "TrafficTarget",
]


class RevisionSpec(SharedPodSpec, frozen=True):
    """What a Revision runs and how it takes requests. A Revision's spec never changes."""

    container_concurrency: Annotated[
        int | None, doc("Requests that one instance works on at the same time; 0 means no limit.", format="int64")
    ] = None
    idle_timeout_seconds: Annotated[
        int | None, doc("Seconds a request may go without a byte being answered; 0 is off.", format="int64")
    ] = None
    response_start_timeout_seconds: Annotated[
        int | None, doc("Seconds within which the answer has to begin.", format="int64")
    ] = None
    timeout_seconds: Annotated[
        int | None, doc("Seconds that a request may take altogether; 300 when absent.", format="int64")
    ] = None


class TemplateMeta(View, frozen=True):
    """What a Revision's metadata is made of."""

    annotations: Annotated[dict[str, str], doc("Annotations of the Revision; scaling is set here.")] = {}
    finalizers: Annotated[tuple[str, ...], doc("Finalizers of the Revision.")] = ()
    labels: Annotated[dict[str, str], doc("Labels of the Revision.")] = {}
    name: Annotated[str, doc("Name of the Revision, if you want to choose it: SERVICE-SOMETHING.")] = ""
    namespace: Annotated[str, doc("Empty, or the namespace of the Service.")] = ""


class RevisionTemplate(View, frozen=True):
    """The next Revision. Any change of it makes a new Revision."""

    metadata: Annotated[TemplateMeta, doc("Name, labels and annotations of the Revision.", preserve=True)] = (
        TemplateMeta()
    )
    spec: Annotated[RevisionSpec, doc("What runs and how it takes requests.")] = RevisionSpec()


class TrafficTarget(View, frozen=True):
    """A share of the requests, or a URL of its own, for one Revision."""

    configuration_name: Annotated[
        str, doc("Configuration whose latest ready Revision is meant; for a Route without a Service.")
    ] = ""
    latest_revision: Annotated[bool | None, doc("Follow the latest ready Revision; excludes revisionName.")] = None
    percent: Annotated[
        int | None, doc("Share of the main URL's requests; all shares add up to 100.", format="int64")
    ] = None
    revision_name: Annotated[str, doc("The Revision that is meant; excludes latestRevision.")] = ""
    tag: Annotated[str, doc("Gives this target a URL of its own: TAG-NAME.NAMESPACE.DOMAIN.")] = ""
    url: Annotated[str, doc("The tag's URL; in status only.")] = ""


class ConfigurationSpec(View, frozen=True):
    """The wanted state of a Configuration."""

    template: Annotated[RevisionTemplate, doc("The next Revision.")] = RevisionTemplate()


class ServiceSpec(ConfigurationSpec, frozen=True):
    """The wanted state of a Service: what to run, and who gets the requests."""

    traffic: Annotated[
        tuple[TrafficTarget, ...], doc("How requests are split; all to the latest ready Revision when absent.")
    ] = ()


class RouteSpec(View, frozen=True):
    """The wanted state of a Route."""

    traffic: Annotated[tuple[TrafficTarget, ...], doc("How requests are split.")] = ()


class ConfigurationStatus(Status, frozen=True):
    """The observed state of a Configuration."""

    latest_created_revision_name: Annotated[str, doc("The newest Revision.")] = ""
    latest_ready_revision_name: Annotated[str, doc("The newest Revision that became ready.")] = ""


class RouteStatus(Status, frozen=True):
    """The observed state of a Route."""

    address: Annotated[Addressable | None, doc("Where it is reached from inside.")] = None
    traffic: Annotated[tuple[TrafficTarget, ...], doc("How requests are split now.")] = ()
    url: Annotated[str, doc("The main URL.")] = ""


class ServiceStatus(Status, frozen=True):
    """The observed state of a Service."""

    address: Annotated[Addressable | None, doc("Where it is reached from inside.")] = None
    latest_created_revision_name: Annotated[str, doc("The newest Revision.")] = ""
    latest_ready_revision_name: Annotated[str, doc("The newest Revision that became ready.")] = ""
    traffic: Annotated[tuple[TrafficTarget, ...], doc("How requests are split now.")] = ()
    url: Annotated[str, doc("The main URL.")] = ""


class ContainerStatus(View, frozen=True):
    """What is known of a container of a Revision."""

    image_digest: Annotated[str, doc("The image by digest, as resolved when the Revision was made.")] = ""
    name: Annotated[str, doc("Name of the container.")] = ""


class RevisionStatus(Status, frozen=True):
    """The observed state of a Revision."""

    actual_replicas: Annotated[int | None, doc("Instances that run now.", format="int32")] = None
    container_statuses: Annotated[tuple[ContainerStatus, ...], doc("The images, by digest.")] = ()
    desired_replicas: Annotated[int | None, doc("Instances that the autoscaler wants.", format="int32")] = None
    init_container_statuses: Annotated[tuple[ContainerStatus, ...], doc("Init containers' images, by digest.")] = ()
    log_url: Annotated[str, doc("Where its logs are, if a log service is configured.")] = ""


class Service(ObjectView, frozen=True):
    """An application with a URL: it manages a Configuration and a Route of the same name."""

    KIND: ClassVar[Kind] = kinds.SERVICE
    metadata: Annotated[ObjectMeta, doc("Name, namespace, labels and annotations.")] = ObjectMeta()
    spec: Annotated[ServiceSpec, doc("What to run, and who gets the requests.")] = ServiceSpec()
    status: Annotated[ServiceStatus, doc("What the engine made of it.")] = ServiceStatus()


class Configuration(ObjectView, frozen=True):
    """The latest wanted state of an application; each change of its template makes a Revision."""

    KIND: ClassVar[Kind] = kinds.CONFIGURATION
    metadata: Annotated[ObjectMeta, doc("Name, namespace, labels and annotations.")] = ObjectMeta()
    spec: Annotated[ConfigurationSpec, doc("The next Revision.")] = ConfigurationSpec()
    status: Annotated[ConfigurationStatus, doc("The newest Revisions.")] = ConfigurationStatus()


class Revision(ObjectView, frozen=True):
    """An immutable snapshot of code and settings, scaled on its own."""

    KIND: ClassVar[Kind] = kinds.REVISION
    metadata: Annotated[ObjectMeta, doc("Name, namespace, labels and annotations.")] = ObjectMeta()
    spec: Annotated[RevisionSpec, doc("What runs and how it takes requests; cannot be changed.")] = RevisionSpec()
    status: Annotated[RevisionStatus, doc("Whether it can serve, and with how many instances.")] = RevisionStatus()


class Route(ObjectView, frozen=True):
    """A URL, and the Revisions among which its requests are split."""

    KIND: ClassVar[Kind] = kinds.ROUTE
    metadata: Annotated[ObjectMeta, doc("Name, namespace, labels and annotations.")] = ObjectMeta()
    spec: Annotated[RouteSpec, doc("How requests are split.")] = RouteSpec()
    status: Annotated[RouteStatus, doc("The URLs, and how requests are split now.")] = RouteStatus()
