"""What a container is made with: from a launch to what the Docker engine is asked for. Functions of values."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from faas.engine.contract.revision import ContainerPlan, ProbePlan, RevisionPlan, SecurityPlan
from faas.engine.instances.driver import Launch

PIDS = 4096  # a fork bomb ends there; a server with a thread per request does not come near
HOSTNAME_LENGTH = 63
_CPU_PERIOD_SHARES = 1024  # of one processor. Source: Kubernetes, MilliCPUToShares
_SMALLEST_MEMORY = 6 * 1024 * 1024  # what Docker accepts
_NUMERIC = re.compile(r"[0-9]+")


class NotStartable(Exception):
    """What the Revision asks for cannot be; the message says it in kubelet's words where it has some."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a container gets beside what its Revision says."""

    network: str  # or container:ID, for one that shares another's
    labels: Mapping[str, str]
    mounts: tuple[dict[str, Any], ...] = ()
    logs: Mapping[str, Any] | None = None
    published: Collection[int] = ()  # on 127.0.0.1, where the bridge cannot be reached
    hosts: tuple[str, ...] = ()  # NAME:ADDRESS
    env: Mapping[str, str] = field(default_factory=dict)
    groups: tuple[int, ...] = ()  # that its user is in too
    processors: int = 0  # of the Docker engine's machine; 0: unknown
    init: bool = True  # a first process that reaps zombies and passes signals on


def make_container(launch: Launch, image_id: str, image_user: str, around: Surroundings) -> dict[str, Any]:
    """The body of a request to create this container. Raises: NotStartable. Source: Docker Engine API."""
    plan = launch.container
    shares_network = around.network.startswith("container:")
    body: dict[str, Any] = {
        "Image": image_id,
        "Env": [f"{name}={value}" for name, value in {**launch.env, **around.env}.items()],
        "Labels": dict(around.labels),
        "AttachStdout": True,
        "AttachStderr": True,
        "HostConfig": _host_config(plan, around),
    }
    if not shares_network:
        body["Hostname"] = launch.pod[:HOSTNAME_LENGTH].rstrip("-.")
        body["ExposedPorts"] = {f"{port}/tcp": {} for port in around.published}
    # With an entrypoint of its own a container does not get the image's command: Kubernetes has the same rule.
    if plan.command:
        body["Entrypoint"] = list(plan.command)
    if plan.args or plan.command:
        body["Cmd"] = list(plan.args)
    if plan.working_dir:
        body["WorkingDir"] = plan.working_dir
    if user := _user(plan.security, image_user):
        body["User"] = user
    return body


def _host_config(plan: ContainerPlan, around: Surroundings) -> dict[str, Any]:
    security = plan.security
    config: dict[str, Any] = {
        "NetworkMode": around.network,
        "RestartPolicy": {"Name": "no"},
        "Init": around.init,
        "PidsLimit": PIDS,
        "Mounts": list(around.mounts),
        "ReadonlyRootfs": security.read_only_root,
        "CapAdd": list(security.add_capabilities),
        "CapDrop": list(security.drop_capabilities),
        "SecurityOpt": _security_options(security),
        "GroupAdd": [str(group) for group in around.groups],
    }
    if around.logs is not None:
        config["LogConfig"] = dict(around.logs)
    if around.published and not around.network.startswith("container:"):
        config["PortBindings"] = {f"{port}/tcp": [{"HostIp": "127.0.0.1"}] for port in around.published}
    if around.hosts and not around.network.startswith("container:"):
        config["ExtraHosts"] = list(around.hosts)
    if plan.memory_limit_bytes:
        limit = max(plan.memory_limit_bytes, _SMALLEST_MEMORY)
        config |= {"Memory": limit, "MemorySwap": limit}  # the same: none of it is swap
        if plan.memory_request_bytes:
            config["MemoryReservation"] = min(max(plan.memory_request_bytes, _SMALLEST_MEMORY), limit)
    if plan.cpu_limit_millis:
        # Kubernetes lets a limit be more than there is; Docker refuses that, and less than a hundredth of a processor.
        most = around.processors * 1000 or plan.cpu_limit_millis
        config["NanoCpus"] = max(10, min(plan.cpu_limit_millis, most)) * 1_000_000
    if plan.cpu_request_millis:
        config["CpuShares"] = max(2, plan.cpu_request_millis * _CPU_PERIOD_SHARES // 1000)
    return config


def _security_options(security: SecurityPlan) -> list[str]:
    options = []
    if security.allow_privilege_escalation is False:
        options.append("no-new-privileges")
    if security.seccomp == "Unconfined":
        options.append("seccomp=unconfined")
    return options


def _user(security: SecurityPlan, image_user: str) -> str:
    """ "": the image's own."""
    own = image_user.partition(":")[0]
    if security.non_root:
        if security.user == 0:
            raise NotStartable("container's runAsUser breaks non-root policy")
        if security.user is None and own in ("", "root", "0"):
            raise NotStartable("container has runAsNonRoot and image will run as root")
        if security.user is None and not _NUMERIC.fullmatch(own):
            raise NotStartable(
                f"container has runAsNonRoot and image has non-numeric user ({own}), cannot verify user is non-root"
            )
    if security.user is None and security.group is None:
        return ""
    user = str(security.user) if security.user is not None else own or "0"
    return f"{user}:{security.group}" if security.group is not None else user


def ports_of(plan: RevisionPlan) -> tuple[int, ...]:
    """Every port of a Pod that is asked from outside: for requests, and for probes."""
    found = {container.port for container in plan.containers if container.port}
    for container in plan.containers:
        probes: tuple[ProbePlan | None, ...] = (container.readiness, container.liveness, container.startup)
        found |= {probe.port for probe in probes if probe is not None and probe.port}
    return tuple(sorted(found))


def texts_of(launch: Launch) -> tuple[str, ...]:
    """What a Pod's containers are told: they have one /etc/hosts, which is written with the first of them."""
    others = [variable.value for container in launch.plan.containers for variable in container.env]
    words = [word for container in launch.plan.containers for word in (*container.command, *container.args)]
    return (*launch.env.values(), *(value for value in others if isinstance(value, str)), *words)
