"""Views of Kubernetes' own kinds: Namespace, Secret, ConfigMap, Pod, Event, ServiceAccount. Source: core/v1."""

# ruff: noqa: RUF012 (each view gets an empty dict of its own: msgspec copies the default)

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar

from msgspec import field

from faas.resources import kinds
from faas.resources.kinds import Kind
from faas.resources.meta import ConditionStatus, ObjectMeta
from faas.resources.podspec import LocalObjectReference, SharedPodSpec
from faas.resources.views import ObjectView, View, doc


class NamespaceSpec(View, frozen=True):
    """The wanted state of a Namespace."""

    finalizers: Annotated[
        tuple[str, ...], doc("What has to be emptied before the namespace is gone.", list_type="atomic")
    ] = ()


class NamespaceCondition(View, frozen=True):
    """One observation of a Namespace's state."""

    type: Annotated[str, doc("What the condition is about.")]
    status: Annotated[ConditionStatus, doc("True, False or Unknown.")]
    last_transition_time: Annotated[datetime | None, doc("When it last changed.")] = None
    reason: Annotated[str, doc("One word: why.")] = ""
    message: Annotated[str, doc("A sentence: why.")] = ""


class NamespaceStatus(View, frozen=True):
    """The observed state of a Namespace."""

    conditions: Annotated[
        tuple[NamespaceCondition, ...],
        doc("What is and is not in order.", list_type="map", map_keys=("type",), merge_key="type"),
    ] = ()
    phase: Annotated[str, doc("Active, or Terminating while it is being deleted.")] = ""


class Namespace(ObjectView, frozen=True):
    """A scope for names: most objects live in one."""

    KIND: ClassVar[Kind] = kinds.NAMESPACE
    metadata: Annotated[ObjectMeta, doc("Name, labels and annotations.")] = ObjectMeta()
    spec: Annotated[NamespaceSpec, doc("The wanted state.")] = NamespaceSpec()
    status: Annotated[NamespaceStatus, doc("The observed state.")] = NamespaceStatus()


class Secret(ObjectView, frozen=True):
    """Values that are not for everyone: passwords, tokens, keys. At most 1 MiB."""

    KIND: ClassVar[Kind] = kinds.SECRET
    metadata: Annotated[ObjectMeta, doc("Name, namespace, labels and annotations.")] = ObjectMeta()
    data: Annotated[dict[str, bytes], doc("The values, in base64. Keys: letters, digits, -, _ and .")] = {}
    string_data: Annotated[
        dict[str, str], doc("Values as plain text; written into `data`, over what is there, and never read back.")
    ] = {}
    type: Annotated[str, doc("What the values mean: Opaque, kubernetes.io/basic-auth, ... It cannot be changed.")] = ""
    immutable: Annotated[bool | None, doc("Once true, values cannot be changed any more.")] = None


class ConfigMap(ObjectView, frozen=True):
    """Settings as keys and values. At most 1 MiB."""

    KIND: ClassVar[Kind] = kinds.CONFIG_MAP
    metadata: Annotated[ObjectMeta, doc("Name, namespace, labels and annotations.")] = ObjectMeta()
    data: Annotated[dict[str, str], doc("The values, as text. Keys: letters, digits, -, _ and .")] = {}
    binary_data: Annotated[dict[str, bytes], doc("Values that are not text, in base64.")] = {}
    immutable: Annotated[bool | None, doc("Once true, values cannot be changed any more.")] = None


class ObjectReference(View, frozen=True):
    """Names another object, or a part of it."""

    api_version: Annotated[str, doc("API group and version.")] = ""
    kind: Annotated[str, doc("Kind.")] = ""
    namespace: Annotated[str, doc("Namespace.")] = ""
    name: Annotated[str, doc("Name.")] = ""
    uid: Annotated[str, doc("UID.")] = ""
    resource_version: Annotated[str, doc("The version that is meant.")] = ""
    field_path: Annotated[str, doc("The part that is meant: spec.containers{user-container}.")] = ""


class ServiceAccount(ObjectView, frozen=True):
    """An identity to run as."""

    KIND: ClassVar[Kind] = kinds.SERVICE_ACCOUNT
    metadata: Annotated[ObjectMeta, doc("Name, namespace, labels and annotations.")] = ObjectMeta()
    secrets: Annotated[
        tuple[ObjectReference, ...],
        doc("Secrets that belong to it.", list_type="map", map_keys=("name",), merge_key="name"),
    ] = ()
    image_pull_secrets: Annotated[
        tuple[LocalObjectReference, ...], doc("Secrets with registry credentials.", list_type="atomic")
    ] = ()
    automount_service_account_token: Annotated[bool | None, doc("Whether Pods get its token mounted.")] = None


class EventSource(View, frozen=True):
    """Who reports an Event."""

    component: Annotated[str, doc("The part that reports.")] = ""
    host: Annotated[str, doc("The host it runs on.")] = ""


class EventSeries(View, frozen=True):
    """How often an Event has repeated."""

    count: Annotated[int, doc("How often.", format="int32")] = 0
    last_observed_time: Annotated[datetime | None, doc("When it was last seen.")] = None


class Event(ObjectView, frozen=True):
    """Something that happened to an object, kept for an hour."""

    KIND: ClassVar[Kind] = kinds.EVENT
    metadata: Annotated[ObjectMeta, doc("Name, namespace, labels and annotations.")] = ObjectMeta()
    involved_object: Annotated[ObjectReference, doc("The object it is about.")] = ObjectReference()
    reason: Annotated[str, doc("One word: why.")] = ""
    message: Annotated[str, doc("A sentence: what happened.")] = ""
    type: Annotated[str, doc("Normal or Warning.")] = ""
    source: Annotated[EventSource, doc("Who reports it.")] = EventSource()
    first_timestamp: Annotated[datetime | None, doc("When it was first seen.")] = None
    last_timestamp: Annotated[datetime | None, doc("When it was last seen.")] = None
    count: Annotated[int, doc("How often it was seen.", format="int32")] = 0
    event_time: Annotated[datetime | None, doc("When it was first seen, to the microsecond.")] = None
    series: Annotated[EventSeries | None, doc("How often it has repeated.")] = None
    action: Annotated[str, doc("What was done about it.")] = ""
    related: Annotated[ObjectReference | None, doc("A second object it is about.")] = None
    reporting_component: Annotated[str, doc("The controller that reports it.")] = ""
    reporting_instance: Annotated[str, doc("The instance of that controller.")] = ""


class PodSpec(SharedPodSpec, frozen=True):
    """What a Pod runs, and where."""

    active_deadline_seconds: Annotated[int | None, doc("Seconds it may live.", format="int64")] = None
    hostname: Annotated[str, doc("Its host name.")] = ""
    node_name: Annotated[str, doc("The node it runs on.")] = ""
    restart_policy: Annotated[str, doc("Always, OnFailure or Never.")] = ""
    service_account: Annotated[str, doc("Older name of serviceAccountName.")] = ""
    termination_grace_period_seconds: Annotated[
        int | None, doc("Seconds between the request to end and the kill.", format="int64")
    ] = None


class ContainerStateRunning(View, frozen=True):
    """The container runs."""

    started_at: Annotated[datetime | None, doc("Since when.")] = None


class ContainerStateWaiting(View, frozen=True):
    """The container is not started yet."""

    reason: Annotated[str, doc("One word: why it waits.")] = ""
    message: Annotated[str, doc("A sentence: why it waits.")] = ""


class ContainerStateTerminated(View, frozen=True):
    """The container has ended."""

    exit_code: Annotated[int, doc("Exit code.", format="int32")] = 0
    signal: Annotated[int | None, doc("The signal that ended it.", format="int32")] = None
    reason: Annotated[str, doc("One word: why it ended.")] = ""
    message: Annotated[str, doc("Its last words.")] = ""
    started_at: Annotated[datetime | None, doc("When it began.")] = None
    finished_at: Annotated[datetime | None, doc("When it ended.")] = None
    container_id: Annotated[str, doc("Its id.")] = field(default="", name="containerID")


class ContainerState(View, frozen=True):
    """Waiting, running or terminated."""

    running: Annotated[ContainerStateRunning | None, doc("It runs.")] = None
    terminated: Annotated[ContainerStateTerminated | None, doc("It has ended.")] = None
    waiting: Annotated[ContainerStateWaiting | None, doc("It is not started yet.")] = None


class PodContainerStatus(View, frozen=True):
    """What a container of a Pod does."""

    name: Annotated[str, doc("Name of the container.")]
    ready: Annotated[bool, doc("Whether it takes requests.")] = False
    restart_count: Annotated[int, doc("How often it was restarted.", format="int32")] = 0
    started: Annotated[bool | None, doc("Whether its startup probe has succeeded.")] = None
    state: Annotated[ContainerState, doc("What it does now.")] = ContainerState()
    last_state: Annotated[ContainerState, doc("How it ended the last time.")] = ContainerState()
    image: Annotated[str, doc("The image it runs.")] = ""
    image_id: Annotated[str, doc("The image by digest.")] = field(default="", name="imageID")
    container_id: Annotated[str, doc("Its id.")] = field(default="", name="containerID")


class PodCondition(View, frozen=True):
    """One observation of a Pod's state."""

    type: Annotated[str, doc("PodScheduled, Initialized, ContainersReady or Ready.")]
    status: Annotated[ConditionStatus, doc("True, False or Unknown.")]
    last_probe_time: Annotated[datetime | None, doc("When it was last looked at.")] = None
    last_transition_time: Annotated[datetime | None, doc("When it last changed.")] = None
    observed_generation: Annotated[int | None, doc("The generation it is about.", format="int64")] = None
    reason: Annotated[str, doc("One word: why.")] = ""
    message: Annotated[str, doc("A sentence: why.")] = ""


class PodIP(View, frozen=True):
    """An address of a Pod."""

    ip: Annotated[str, doc("The address.")] = ""


class PodStatus(View, frozen=True):
    """The observed state of a Pod."""

    conditions: Annotated[
        tuple[PodCondition, ...],
        doc("What is and is not in order.", list_type="map", map_keys=("type",), merge_key="type"),
    ] = ()
    container_statuses: Annotated[tuple[PodContainerStatus, ...], doc("Its containers.", list_type="atomic")] = ()
    host_ip: Annotated[str, doc("Address of the host.")] = field(default="", name="hostIP")
    message: Annotated[str, doc("A sentence: why it is as it is.")] = ""
    phase: Annotated[str, doc("Pending, Running, Succeeded, Failed or Unknown.")] = ""
    pod_ip: Annotated[str, doc("Its address.")] = field(default="", name="podIP")
    pod_ips: Annotated[tuple[PodIP, ...], doc("Its addresses.", list_type="map", map_keys=("ip",), merge_key="ip")] = (
        field(default=(), name="podIPs")
    )
    qos_class: Annotated[str, doc("Guaranteed, Burstable or BestEffort.")] = ""
    reason: Annotated[str, doc("One word: why it is as it is.")] = ""
    start_time: Annotated[datetime | None, doc("Since when.")] = None


class Pod(ObjectView, frozen=True):
    """A running instance. The engine shows its instances as Pods; they cannot be written."""

    KIND: ClassVar[Kind] = kinds.POD
    metadata: Annotated[ObjectMeta, doc("Name, namespace, labels and annotations.")] = ObjectMeta()
    spec: Annotated[PodSpec, doc("What it runs.")] = PodSpec()
    status: Annotated[PodStatus, doc("What it does.")] = PodStatus()
