"""What has to run for a Revision, as values: its spec and annotations over the config maps."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Literal, cast

from faas.engine.contract.dataplane import RevisionPolicy
from faas.engine.contract.revision import (
    ContainerPlan,
    EnvVar,
    ProbePlan,
    Reachability,
    RevisionKey,
    RevisionPlan,
    ScalingPolicy,
    SecretRef,
    SecurityPlan,
    VolumeMount,
)
from faas.resources import keys, podspec, quantities, volumes
from faas.resources.autoscaling import scaling_values
from faas.resources.config import Config
from faas.resources.podspec import Container, IntOrString, Probe, SecurityContext
from faas.resources.serving import Revision
from faas.resources.views import AnyObject

_Source = (
    volumes.SecretVolumeSource | volumes.ConfigMapVolumeSource | volumes.SecretProjection | volumes.ConfigMapProjection
)
# Images that were built for this machine alone are what their tag means now.
# Source: config-deployment, registries-skipping-tag-resolving.
UNRESOLVED = ("kind.local/", "ko.local/", "dev.local/")
DEFAULT_PORT = 8080
DEFAULT_MODE = 0o644  # Kubernetes' defaultMode
_REACHABILITY: dict[str, Reachability] = {"active": "Reachable", "reserve": "Unreachable"}


def make_plan(
    revision: Revision, config: Config, *, initialized: bool, latest_created: str | None = None
) -> RevisionPlan:
    """Plan a Revision. Its spec has been validated and defaulted by the API.

    Args: latest_created: what its Configuration has made last, if that is known.
    """
    metadata, spec = revision.metadata, revision.spec
    container = serving_container(revision)
    others = [other for other in spec.containers if other is not container]
    timeout_s = float(spec.timeout_seconds or config.defaults.revision_timeout_seconds)
    routing = metadata.labels.get(keys.ROUTING_STATE_LABEL, "")
    scaling = scaling_values(metadata.annotations, spec.container_concurrency or 0, config)
    return RevisionPlan(
        key=RevisionKey(metadata.namespace, metadata.name),
        uid=metadata.uid,
        service=metadata.labels.get(keys.SERVICE_LABEL, ""),
        configuration=metadata.labels.get(keys.CONFIGURATION_LABEL, ""),
        container=_container(container, revision, serves=True),
        sidecars=tuple(_container(other, revision, serves=False) for other in others),
        pull_secrets=tuple(secret.name for secret in spec.image_pull_secrets if secret.name),
        container_concurrency=spec.container_concurrency or 0,
        timeout_s=timeout_s,
        response_start_timeout_s=float(spec.response_start_timeout_seconds or timeout_s),
        idle_timeout_s=float(spec.idle_timeout_seconds or 0),
        protocol="h2c" if container.ports and container.ports[0].name == "h2c" else "http1",
        labels=tuple(pair for pair in metadata.labels.items() if not pair[0].startswith(keys.SERVING_PREFIX)),
        snapshot=metadata.annotations.get(keys.SNAPSHOT, "true") != "false",
        scaling=ScalingPolicy(**asdict(scaling)),
        reachability=_REACHABILITY.get(routing, "Unknown"),
        warm=routing != "reserve",
        superseded=bool(latest_created) and latest_created != metadata.name,
        initialized=initialized,
    )


def _container(container: Container, revision: Revision, *, serves: bool) -> ContainerPlan:
    resolved = {status.name: status.image_digest for status in revision.status.container_statuses}
    keeps = not container.image.startswith(UNRESOLVED)
    limits, requests = container.resources.limits, container.resources.requests
    port = (container.ports[0].container_port if container.ports else 0) or DEFAULT_PORT
    return ContainerPlan(
        image=container.image,
        name=container.name or "user-container",
        command=container.command,
        args=container.args,
        working_dir=container.working_dir or None,
        env=_environment(container),
        volumes=_mounts(container, revision.spec.volumes),
        port=port if serves else 0,
        readiness=make_probe(container.readiness_probe) or (ProbePlan() if serves else None),
        liveness=make_probe(container.liveness_probe),
        startup=make_probe(container.startup_probe),
        memory_limit_bytes=quantities.bytes_of(limits["memory"]) if "memory" in limits else None,
        cpu_limit_millis=quantities.millis_of(limits["cpu"]) if "cpu" in limits else None,
        memory_request_bytes=quantities.bytes_of(requests["memory"]) if "memory" in requests else None,
        cpu_request_millis=quantities.millis_of(requests["cpu"]) if "cpu" in requests else None,
        pull_policy=cast("Literal['Always', 'IfNotPresent', 'Never', '']", container.image_pull_policy),  # validated
        security=_security(container.security_context),
        resolved=resolved.get(container.name, "") if keeps else "",
    )


def _security(context: SecurityContext | None) -> SecurityPlan:
    if context is None:
        return SecurityPlan()
    capabilities, profile = context.capabilities, context.seccomp_profile
    return SecurityPlan(
        user=context.run_as_user,
        group=context.run_as_group,
        non_root=bool(context.run_as_non_root),
        read_only_root=bool(context.read_only_root_filesystem),
        allow_privilege_escalation=context.allow_privilege_escalation,
        add_capabilities=capabilities.add if capabilities is not None else (),
        drop_capabilities=capabilities.drop if capabilities is not None else (),
        # What else the API lets through, as it does for a cluster, names a file of a node, which this is not.
        seccomp=cast("Literal['RuntimeDefault', 'Unconfined']", profile.type) if profile is not None else "",
    )


def make_policy(plan: RevisionPlan) -> RevisionPolicy:
    """What the gateway has to know of a Revision."""
    return RevisionPolicy(
        revision=str(plan.key),
        namespace=plan.key.namespace,
        service=plan.service,
        configuration=plan.configuration,
        container_concurrency=plan.container_concurrency,
        timeout_s=plan.timeout_s,
        response_start_timeout_s=plan.response_start_timeout_s,
        idle_timeout_s=plan.idle_timeout_s,
        protocol=plan.protocol,
    )


def serving_container(revision: Revision) -> Container:
    """The container that takes the requests: the one with a port, or the only one."""
    containers = revision.spec.containers
    return next((container for container in containers if container.ports), containers[0])


def make_probe(probe: Probe | None) -> ProbePlan | None:
    if probe is None:
        return None
    kind: Literal["tcp", "http", "grpc", "exec"] = "tcp"
    port: IntOrString | None = 0
    scheme: Literal["HTTP", "HTTPS"] = "HTTP"
    path = "/"
    headers: tuple[tuple[str, str], ...] = ()
    command: tuple[str, ...] = ()
    if probe.http_get is not None:
        kind, port, path = "http", probe.http_get.port, probe.http_get.path or "/"
        scheme = "HTTPS" if probe.http_get.scheme == "HTTPS" else "HTTP"
        headers = tuple((header.name, header.value) for header in probe.http_get.http_headers)
    elif probe.exec is not None:
        kind, command = "exec", probe.exec.command
    elif probe.grpc is not None:
        kind, port, path = "grpc", probe.grpc.port, probe.grpc.service or ""
    elif probe.tcp_socket is not None:
        port = probe.tcp_socket.port
    return ProbePlan(
        kind=kind,
        port=port if isinstance(port, int) else 0,  # the only name that a port can have is the serving one's
        scheme=scheme,
        path=path,
        headers=headers,
        command=command,
        period_s=float(probe.period_seconds),
        timeout_s=float(probe.timeout_seconds or 1),
        failure_threshold=probe.failure_threshold or 3,
        success_threshold=probe.success_threshold or 1,
        initial_delay_s=float(probe.initial_delay_seconds),
    )


def _environment(container: Container) -> tuple[EnvVar, ...]:
    """In Kubernetes' order: what comes from whole objects first, so that single variables win."""
    whole = [EnvVar(source.prefix, reference) for source in container.env_from for reference in _all_keys(source)]
    return (*whole, *(EnvVar(variable.name, _value(variable)) for variable in container.env))


def _all_keys(source: podspec.EnvFromSource) -> list[SecretRef]:
    references = []
    if (config_map := source.config_map_ref) is not None:
        references.append(SecretRef("ConfigMap", config_map.name, None, bool(config_map.optional)))
    if (secret := source.secret_ref) is not None:
        references.append(SecretRef("Secret", secret.name, None, bool(secret.optional)))
    return references


def _value(variable: podspec.EnvVar) -> str | SecretRef:
    source = variable.value_from
    if source is None:
        return variable.value
    if (secret := source.secret_key_ref) is not None:
        return SecretRef("Secret", secret.name, secret.key, bool(secret.optional))
    if (config_map := source.config_map_key_ref) is not None:
        return SecretRef("ConfigMap", config_map.name, config_map.key, bool(config_map.optional))
    return variable.value


def _mounts(container: Container, declared: tuple[volumes.Volume, ...]) -> tuple[VolumeMount, ...]:
    by_name = {volume.name: volume for volume in declared}
    return tuple(
        replace(part, volume=mount.name, read_only=bool(mount.read_only or part.sources), sub_path=mount.sub_path)
        for mount in container.volume_mounts
        if mount.name in by_name
        for part in _parts(mount.mount_path, by_name[mount.name])
    )


def _parts(path: str, volume: volumes.Volume) -> list[VolumeMount]:
    """What a volume holds, one entry a source: each has its own choice of keys. An empty directory has no source."""
    if (secret := volume.secret) is not None:
        return [_part(path, "Secret", secret.secret_name, secret, secret.default_mode)]
    if (config_map := volume.config_map) is not None:
        return [_part(path, "ConfigMap", config_map.name, config_map, config_map.default_mode)]
    if volume.projected is None:
        return [_empty(path, volume.empty_dir or {})]
    parts = []
    for source in volume.projected.sources:
        mode = volume.projected.default_mode
        if source.secret is not None:
            parts.append(_part(path, "Secret", source.secret.name, source.secret, mode))
        if source.config_map is not None:
            parts.append(_part(path, "ConfigMap", source.config_map.name, source.config_map, mode))
    return parts


def _part(path: str, kind: Literal["Secret", "ConfigMap"], name: str, source: _Source, mode: int | None) -> VolumeMount:
    return VolumeMount(
        path,
        (SecretRef(kind, name, None, bool(source.optional)),),
        tuple((item.key, item.path) for item in source.items),
        mode=DEFAULT_MODE if mode is None else mode,
        modes=tuple((item.path, item.mode) for item in source.items if item.mode is not None),
    )


def _empty(path: str, source: AnyObject) -> VolumeMount:
    limit = source.get("sizeLimit")
    return VolumeMount(
        path,
        (),
        in_memory=source.get("medium") == "Memory",
        size_limit_bytes=quantities.bytes_of(limit) if limit is not None else None,
    )
