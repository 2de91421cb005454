"""Views of what runs: containers, their environment, probes and resources. Source: Kubernetes core/v1.

The fields are those that Knative Serving's resource definitions have; what its webhook refuses by default is here too,
so that the refusal can name it.
"""

# ruff: noqa: RUF012 (each view gets an empty dict of its own: msgspec copies the default)

from __future__ import annotations

from typing import Annotated

from msgspec import field

from faas.resources.views import AnyObject, View, doc
from faas.resources.volumes import Volume, VolumeMount

IntOrString = int | str
Quantity = Annotated[int | str, doc("An amount: 500m, 2, 128Mi, 1.5Gi.", format="quantity")]


class ConfigMapKeySelector(View, frozen=True):
    """One key of a ConfigMap."""

    key: Annotated[str, doc("The key to read.")]
    name: Annotated[str, doc("Name of the ConfigMap.")] = ""
    optional: Annotated[bool | None, doc("Whether it is fine that the ConfigMap or the key does not exist.")] = None


class SecretKeySelector(View, frozen=True):
    """One key of a Secret."""

    key: Annotated[str, doc("The key to read.")]
    name: Annotated[str, doc("Name of the Secret.")] = ""
    optional: Annotated[bool | None, doc("Whether it is fine that the Secret or the key does not exist.")] = None


class EnvVarSource(View, frozen=True):
    """Where a variable's value comes from."""

    config_map_key_ref: Annotated[ConfigMapKeySelector | None, doc("A key of a ConfigMap.", atomic=True)] = None
    secret_key_ref: Annotated[SecretKeySelector | None, doc("A key of a Secret.", atomic=True)] = None
    field_ref: Annotated[
        AnyObject | None, doc("A field of the Pod; behind a feature gate in Knative.", atomic=True, preserve=True)
    ] = None
    resource_field_ref: Annotated[
        AnyObject | None,
        doc("A resource limit or request; behind a feature gate in Knative.", atomic=True, preserve=True),
    ] = None


class EnvVar(View, frozen=True):
    """An environment variable of a container."""

    name: Annotated[str, doc("Name of the variable. PORT, K_SERVICE, K_CONFIGURATION and K_REVISION are reserved.")]
    value: Annotated[str, doc("The value; $(NAME) is replaced by a variable defined before.")] = ""
    value_from: Annotated[EnvVarSource | None, doc("Where the value comes from, instead of `value`.")] = None


class ConfigMapEnvSource(View, frozen=True):
    """All keys of a ConfigMap."""

    name: Annotated[str, doc("Name of the ConfigMap.")] = ""
    optional: Annotated[bool | None, doc("Whether it is fine that the ConfigMap does not exist.")] = None


class SecretEnvSource(View, frozen=True):
    """All keys of a Secret."""

    name: Annotated[str, doc("Name of the Secret.")] = ""
    optional: Annotated[bool | None, doc("Whether it is fine that the Secret does not exist.")] = None


class EnvFromSource(View, frozen=True):
    """A ConfigMap or Secret of which every key becomes an environment variable."""

    prefix: Annotated[str, doc("Put before each key.")] = ""
    config_map_ref: Annotated[ConfigMapEnvSource | None, doc("The ConfigMap.", atomic=True)] = None
    secret_ref: Annotated[SecretEnvSource | None, doc("The Secret.", atomic=True)] = None


class ExecAction(View, frozen=True):
    """A command that is run inside the container; exit code 0 is success."""

    command: Annotated[tuple[str, ...], doc("The command and its arguments; no shell.", list_type="atomic")] = ()


class HTTPHeader(View, frozen=True):
    """A header that a probe sends."""

    name: Annotated[str, doc("Name of the header.")]
    value: Annotated[str, doc("Value of the header.")]


class HTTPGetAction(View, frozen=True):
    """An HTTP request; a status from 200 to 399 is success."""

    host: Annotated[str, doc("Host to ask; the container itself when empty.")] = ""
    http_headers: Annotated[tuple[HTTPHeader, ...], doc("Headers to send.", list_type="atomic")] = field(
        default=(), name="httpHeaders"
    )
    path: Annotated[str, doc("Path to ask for.")] = ""
    port: Annotated[IntOrString | None, doc("Port or port name; 0 or absent is the container's port.")] = None
    scheme: Annotated[str, doc("HTTP or HTTPS.")] = ""


class TCPSocketAction(View, frozen=True):
    """A connection; that it opens is success."""

    host: Annotated[str, doc("Host to connect to; the container itself when empty.")] = ""
    port: Annotated[IntOrString | None, doc("Port or port name; 0 or absent is the container's port.")] = None


class GRPCAction(View, frozen=True):
    """A call of the gRPC health service."""

    port: Annotated[int, doc("Port to call; 0 or absent is the container's port.", format="int32")] = 0
    service: Annotated[str | None, doc("Service name to put into the health request.")] = None


class Probe(View, frozen=True):
    """How to find out whether a container is started, ready, or alive."""

    exec: Annotated[ExecAction | None, doc("Run a command.")] = None
    http_get: Annotated[HTTPGetAction | None, doc("Send an HTTP request.")] = None
    tcp_socket: Annotated[TCPSocketAction | None, doc("Open a connection.")] = None
    grpc: Annotated[GRPCAction | None, doc("Call the gRPC health service.")] = None
    initial_delay_seconds: Annotated[int, doc("Seconds from the start to the first probe.", format="int32")] = 0
    period_seconds: Annotated[
        int,
        doc("Seconds between two probes; 0 for a readiness probe means: many times a second, at once.", format="int32"),
    ] = 0
    timeout_seconds: Annotated[int, doc("Seconds after which a probe counts as failed.", format="int32")] = 0
    failure_threshold: Annotated[int, doc("Failures in a row that count as a failure.", format="int32")] = 0
    success_threshold: Annotated[int, doc("Successes in a row that count as a success.", format="int32")] = 0


class ContainerPort(View, frozen=True):
    """The port that a container serves on."""

    container_port: Annotated[int, doc("Port number; 0 or absent is the default, 8080.", format="int32")] = 0
    name: Annotated[str, doc("Protocol of the port: http1 (the default) or h2c.")] = ""
    protocol: Annotated[str, doc("Always TCP.")] = ""


class ResourceRequirements(View, frozen=True):
    """How much CPU and memory a container asks for and may use."""

    limits: Annotated[dict[str, Quantity], doc("What it may use at most: cpu, memory.")] = {}
    requests: Annotated[dict[str, Quantity], doc("What it is promised: cpu, memory.")] = {}


class Capabilities(View, frozen=True):
    """Linux capabilities to add or to take away."""

    add: Annotated[tuple[str, ...], doc("Capabilities to add.", list_type="atomic")] = ()
    drop: Annotated[tuple[str, ...], doc("Capabilities to take away; ALL for all.", list_type="atomic")] = ()


class SeccompProfile(View, frozen=True):
    """Which system calls are allowed."""

    type: Annotated[str, doc("RuntimeDefault, Unconfined or Localhost.")]
    localhost_profile: Annotated[str, doc("File of the profile, with type Localhost.")] = ""


class SecurityContext(View, frozen=True):
    """As whom, and with which rights, a container runs."""

    allow_privilege_escalation: Annotated[bool | None, doc("Whether it may gain rights its parent lacks.")] = None
    capabilities: Annotated[Capabilities | None, doc("Linux capabilities to add or take away.")] = None
    privileged: Annotated[bool | None, doc("Whether it has all rights of the host.")] = None
    read_only_root_filesystem: Annotated[bool | None, doc("Whether the root file system is read-only.")] = None
    run_as_group: Annotated[int | None, doc("Group id to run as.", format="int64")] = None
    run_as_non_root: Annotated[bool | None, doc("Refuse to run as user 0.")] = None
    run_as_user: Annotated[int | None, doc("User id to run as.", format="int64")] = None
    seccomp_profile: Annotated[SeccompProfile | None, doc("Which system calls are allowed.")] = None


class Container(View, frozen=True):
    """One program: its image, how it starts, its environment and its limits."""

    args: Annotated[tuple[str, ...], doc("Arguments; the image's own when absent.", list_type="atomic")] = ()
    command: Annotated[tuple[str, ...], doc("Program to run; the image's own when absent.", list_type="atomic")] = ()
    env: Annotated[
        tuple[EnvVar, ...],
        doc("Environment variables, in order.", list_type="map", map_keys=("name",), merge_key="name"),
    ] = ()
    env_from: Annotated[
        tuple[EnvFromSource, ...], doc("ConfigMaps and Secrets that become variables.", list_type="atomic")
    ] = ()
    image: Annotated[str, doc("The image to run, best named by digest.")] = ""
    image_pull_policy: Annotated[str, doc("Always, IfNotPresent or Never.")] = ""
    liveness_probe: Annotated[Probe | None, doc("When it fails, the container is restarted.")] = None
    name: Annotated[str, doc("Name of the container; user-container when there is one and it has none.")] = ""
    ports: Annotated[
        tuple[ContainerPort, ...],
        doc("The one port that takes requests.", merge_key="containerPort"),
    ] = ()
    readiness_probe: Annotated[Probe | None, doc("Until it succeeds, no request is sent.")] = None
    resources: Annotated[ResourceRequirements, doc("CPU and memory.")] = ResourceRequirements()
    security_context: Annotated[SecurityContext | None, doc("As whom it runs.")] = None
    startup_probe: Annotated[Probe | None, doc("Until it succeeds, the other probes wait.")] = None
    termination_message_path: Annotated[str, doc("File whose text becomes the reason of the end.")] = ""
    termination_message_policy: Annotated[str, doc("File, or FallbackToLogsOnError.")] = ""
    volume_mounts: Annotated[
        tuple[VolumeMount, ...],
        doc("Where volumes appear.", list_type="map", map_keys=("mountPath",), merge_key="mountPath"),
    ] = ()
    working_dir: Annotated[str, doc("Directory it starts in; the image's own when absent.")] = ""


class LocalObjectReference(View, frozen=True):
    """An object of the same namespace, by name."""

    name: Annotated[str, doc("Name of the object.")] = ""


class SharedPodSpec(View, frozen=True):
    """What a Revision and a Pod have in common."""

    affinity: Annotated[AnyObject | None, doc("Which nodes are preferred; feature gate.", preserve=True)] = None
    automount_service_account_token: Annotated[bool | None, doc("Whether the service account's token is mounted.")] = (
        None
    )
    containers: Annotated[
        tuple[Container, ...],
        doc("What runs. One container has a port and takes the requests; others are sidecars.", merge_key="name"),
    ] = ()
    dns_config: Annotated[AnyObject | None, doc("Resolver settings; feature gate.", preserve=True)] = None
    dns_policy: Annotated[str, doc("How names are resolved; feature gate.")] = ""
    enable_service_links: Annotated[
        bool | None, doc("Whether variables for every Service of the namespace are set; off is faster.")
    ] = None
    host_aliases: Annotated[tuple[AnyObject, ...], doc("Entries for /etc/hosts; feature gate.", preserve=True)] = ()
    host_ipc: Annotated[bool | None, doc("Share the host's IPC namespace; feature gate.")] = field(
        default=None, name="hostIPC"
    )
    host_network: Annotated[bool | None, doc("Share the host's network; feature gate.")] = None
    host_pid: Annotated[bool | None, doc("Share the host's process ids; feature gate.")] = field(
        default=None, name="hostPID"
    )
    image_pull_secrets: Annotated[
        tuple[LocalObjectReference, ...],
        doc("Secrets with registry credentials.", list_type="map", map_keys=("name",), merge_key="name"),
    ] = ()
    init_containers: Annotated[
        tuple[AnyObject, ...], doc("Containers that run before the others; feature gate.", preserve=True)
    ] = ()
    node_selector: Annotated[dict[str, str], doc("Labels a node must have; feature gate.", atomic=True)] = {}
    priority_class_name: Annotated[str, doc("Priority class; feature gate.")] = ""
    runtime_class_name: Annotated[str, doc("Container runtime class; feature gate.")] = ""
    scheduler_name: Annotated[str, doc("Scheduler to use; feature gate.")] = ""
    security_context: Annotated[AnyObject | None, doc("As whom all containers run; feature gate.", preserve=True)] = (
        None
    )
    service_account_name: Annotated[str, doc("Service account to run as.")] = ""
    share_process_namespace: Annotated[bool | None, doc("Share process ids among containers; feature gate.")] = None
    tolerations: Annotated[tuple[AnyObject, ...], doc("Node taints to tolerate; feature gate.", preserve=True)] = ()
    topology_spread_constraints: Annotated[
        tuple[AnyObject, ...], doc("How to spread over nodes; feature gate.", preserve=True)
    ] = ()
    volumes: Annotated[
        tuple[Volume, ...],
        doc("Volumes that containers may mount.", list_type="map", map_keys=("name",), merge_key="name"),
    ] = ()
