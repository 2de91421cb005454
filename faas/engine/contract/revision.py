"""What the engine knows of a Revision that has to run: its plan, how it should scale, what its instances do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Reachability = Literal["Reachable", "Unreachable", "Unknown"]


@dataclass(frozen=True, slots=True, order=True)
class RevisionKey:
    """Names a Revision across kinds and processes; its text form is `namespace/name`."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> RevisionKey:
        namespace, _, name = text.partition("/")
        return cls(namespace, name)


@dataclass(frozen=True, slots=True)
class ScalingPolicy:
    """How a revision scales: annotations over config-autoscaler, resolved. Source: Knative's KPA."""

    metric: Literal["concurrency", "rps"] = "concurrency"
    target: float = 70.0  # per instance, utilisation already applied
    total: float = 100.0  # per instance, before utilisation; for the burst capacity
    target_burst_capacity: float = 211.0  # -1: the activator stays in the path always
    stable_window_s: float = 60.0
    panic_window_s: float = 6.0
    panic_threshold: float = 2.0  # times what the ready instances can take
    max_scale_up_rate: float = 1000.0
    max_scale_down_rate: float = 2.0
    min_scale: int = 0
    max_scale: int = 0  # 0: no bound
    initial_scale: int = 1
    activation_scale: int = 1
    scale_down_delay_s: float = 0.0
    scale_to_zero: bool = True
    scale_to_zero_grace_s: float = 30.0
    retention_s: float = 0.0  # scale-to-zero-pod-retention-period
    scale_to_zero_after_s: float | None = None  # faas.dev/scale-to-zero-after, counted from the last request
    backlog_target: float = 100.0  # faas.dev/backlog-target: waiting events per instance
    weighted: bool = False  # metric-aggregation-algorithm weighted-exponential
    progress_deadline_s: float = 600.0


@dataclass(frozen=True, slots=True)
class SecretRef:
    """A value that is read from a Secret or ConfigMap when an instance starts, never before."""

    kind: Literal["Secret", "ConfigMap"]
    name: str
    key: str | None  # None: every key (envFrom)
    optional: bool = False


@dataclass(frozen=True, slots=True)
class EnvVar:
    name: str  # with envFrom: the prefix
    value: str | SecretRef = ""


@dataclass(frozen=True, slots=True)
class VolumeMount:
    """A Secret, ConfigMap, projected or emptyDir volume at a path of a container."""

    path: str
    sources: tuple[SecretRef, ...]  # empty: emptyDir
    items: tuple[tuple[str, str], ...] = ()  # key -> relative path; empty: every key under its own name
    volume: str = ""  # its name in the spec: containers that mount the same emptyDir share it
    read_only: bool = True
    sub_path: str = ""  # mount only this of the volume
    mode: int = 0o644  # of the files
    modes: tuple[tuple[str, int], ...] = ()  # of single files, by relative path, where they differ
    in_memory: bool = False  # an emptyDir with medium Memory
    size_limit_bytes: int | None = None  # of an emptyDir


@dataclass(frozen=True, slots=True)
class ProbePlan:
    kind: Literal["tcp", "http", "grpc", "exec"] = "tcp"
    port: int = 0  # 0: the port that the container serves on
    scheme: Literal["HTTP", "HTTPS"] = "HTTP"
    path: str = "/"
    headers: tuple[tuple[str, str], ...] = ()
    command: tuple[str, ...] = ()
    period_s: float = 0.0  # 0: Knative's aggressive readiness probe
    timeout_s: float = 1.0
    failure_threshold: int = 3
    success_threshold: int = 1
    initial_delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class SecurityPlan:
    """As whom a container runs. Source: Kubernetes core/v1 SecurityContext, as far as Knative lets it through."""

    user: int | None = None  # None: the image's own
    group: int | None = None
    non_root: bool = False  # refuse to run as user 0
    read_only_root: bool = False
    allow_privilege_escalation: bool | None = None
    add_capabilities: tuple[str, ...] = ()
    drop_capabilities: tuple[str, ...] = ()
    seccomp: Literal["", "RuntimeDefault", "Unconfined"] = ""


@dataclass(frozen=True, slots=True)
class ContainerPlan:
    """One container of a Revision: what Kubernetes' core/v1 Container says of it, resolved."""

    image: str  # as in the Revision; whoever runs it resolves it
    name: str = "user-container"
    command: tuple[str, ...] = ()  # instead of the image's entrypoint
    args: tuple[str, ...] = ()  # instead of the image's command
    working_dir: str | None = None
    env: tuple[EnvVar, ...] = ()  # in order, the user's own; K_* and PORT are added by the driver
    volumes: tuple[VolumeMount, ...] = ()
    port: int = 8080  # what it listens on; of a sidecar 0: it serves no requests
    readiness: ProbePlan | None = ProbePlan()  # None, of a sidecar: it is ready once it runs
    liveness: ProbePlan | None = None
    startup: ProbePlan | None = None
    memory_limit_bytes: int | None = None
    cpu_limit_millis: int | None = None
    memory_request_bytes: int | None = None
    cpu_request_millis: int | None = None
    pull_policy: Literal["Always", "IfNotPresent", "Never", ""] = ""  # "": Kubernetes' rule, Always for :latest
    resolved: str = ""  # the reference by digest that `image` was once found to be: a Revision stays what it is
    security: SecurityPlan = SecurityPlan()


@dataclass(frozen=True, slots=True)
class RevisionPlan:
    """All that is needed to run instances of a Revision and to send them requests. Written by its controller."""

    key: RevisionKey
    uid: str
    service: str
    configuration: str
    container: ContainerPlan  # the one that takes the requests
    sidecars: tuple[ContainerPlan, ...] = ()
    pull_secrets: tuple[str, ...] = ()  # names of Secrets with a docker config
    container_concurrency: int = 0  # 0: no limit
    timeout_s: float = 300.0
    response_start_timeout_s: float = 300.0
    idle_timeout_s: float = 0.0  # 0: off
    protocol: Literal["http1", "h2c"] = "http1"
    labels: tuple[tuple[str, str], ...] = ()  # the user's own, which a Pod has too
    snapshot: bool = True  # faas.dev/snapshot
    scaling: ScalingPolicy = field(default_factory=ScalingPolicy)
    reachability: Reachability = "Unknown"
    warm: bool = False  # routed: keep its zygote
    superseded: bool = False  # its Configuration has made another Revision since
    initialized: bool = False  # it has once reached its initial scale (restart safety)

    @property
    def containers(self) -> tuple[ContainerPlan, ...]:
        """The serving one first."""
        return (self.container, *self.sidecars)


@dataclass(frozen=True, slots=True)
class ScaleDecision:
    """What the autoscaler wants for a revision now. Conditions and reasons are Knative's PodAutoscaler's."""

    desired: int  # -1: not known yet
    active: Literal["True", "False", "Unknown"] = "Unknown"
    reason: str = ""
    message: str = ""
    initialized: bool = False  # ScaleTargetInitialized
    gave_up: bool = False  # the initial scale was never achieved within the progress deadline


@dataclass(frozen=True, slots=True)
class InstanceFailure:
    """Why the newest failing instance of a revision fails; shown as ContainerHealthy=False."""

    reason: str  # ExitCode1, OOMKilled, ContainerMissing, CreateContainerConfigError, ...
    message: str  # "Container failed with: <last log lines>"
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class FleetStatus:
    """What the instances of a revision do now. Written by the instances part."""

    ready: int = 0
    starting: int = 0
    draining: int = 0
    failure: InstanceFailure | None = None
    image_digests: tuple[str, ...] = ()  # of the containers, whole references: faas.local/hello@sha256:HEX
    notes: tuple[tuple[str, str], ...] = ()  # (reason, message), informational: PlainStart, CPUNotLimited
    unready: str = ""  # why an instance that runs for a while takes no requests


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the gateway reaches one instance. `address` is `unix:/path` or `tcp:host:port`."""

    id: str  # the Pod's name
    address: str
    draining: bool = False
    has_our_runtime: bool = True  # it answers at /_faas/
