"""The rules for a Revision's spec. Source: knative/serving pkg/apis/serving/k8s_validation.go, fieldmask.go."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from faas.resources import names, quantities
from faas.resources.config import Config
from faas.resources.podspec import Container, ContainerPort, EnvFromSource, EnvVar, SecurityContext
from faas.resources.serving import RevisionSpec
from faas.resources.validation.errors import (
    FieldError,
    disallowed,
    invalid_value,
    missing,
    missing_one_of,
    multiple_one_of,
    out_of_bounds,
)
from faas.resources.validation.probes import validate_probe, validate_readiness_probe
from faas.resources.validation.volumes import validate_volume_mounts, validate_volumes
from faas.resources.volumes import Volume

RESERVED_ENV = ("PORT", "K_SERVICE", "K_CONFIGURATION", "K_REVISION")
RESERVED_PORTS = (8012, 8013, 8022, 8008, 9090, 9091)  # the queue-proxy's on a cluster; 8008 is its profiler
RESERVED_CONTAINER_NAMES = ("queue-proxy",)
MAX_ID = 2**31 - 1
_IMAGE = re.compile(
    r"(?:(?:[A-Za-z0-9.\-]+|\[[0-9a-fA-F:]+\])(?::\d+)?/)?"  # registry
    r"[a-z0-9_\-./]{1,255}"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.\-]{0,127})?"
    r"(?:@[a-z0-9]+:[0-9a-fA-F]{32,})?"
)


def validate_revision_spec(spec: RevisionSpec, config: Config, at: str) -> Iterator[FieldError]:
    """Everything about what a Revision runs, and its bounds."""
    yield from _validate_gated_fields(spec, config, at)
    mounted = frozenset(mount.name for container in spec.containers for mount in container.volume_mounts)
    yield from validate_volumes(spec.volumes, mounted, config, f"{at}.volumes")
    volumes = {volume.name: volume for volume in spec.volumes}
    match spec.containers:
        case ():
            yield missing(f"{at}.containers")
        case (container,):
            yield from _validate_container(container, volumes, f"{at}.containers[0]")
        case several if config.features.multi_container == "Disabled":
            message = f"multi-container is off, but found {len(several)} containers"
            yield FieldError(message, (f"{at}.containers",))
        case several:
            yield from _validate_together(several, f"{at}.containers")
            for index, container in enumerate(several):
                here = f"{at}.containers[{index}]"
                if not container.ports:
                    yield from _validate_sidecar_probes(container, config, here)
                yield from _validate_container(container, volumes, here, serves=bool(container.ports))
    if spec.service_account_name and (problem := names.subdomain_problem(spec.service_account_name)):
        yield invalid_value(spec.service_account_name, f"{at}.serviceAccountName", problem)
    yield from _validate_bounds(spec, config, at)


def _validate_bounds(spec: RevisionSpec, config: Config, at: str) -> Iterator[FieldError]:
    longest = config.defaults.max_revision_timeout_seconds
    timeout = spec.timeout_seconds
    if timeout and not 0 <= timeout <= longest:
        yield out_of_bounds(timeout, 0, longest, f"{at}.timeoutSeconds")
    for name, seconds in (
        ("responseStartTimeoutSeconds", spec.response_start_timeout_seconds),
        ("idleTimeoutSeconds", spec.idle_timeout_seconds),
    ):
        if seconds is not None and not 0 <= seconds <= longest:
            yield out_of_bounds(seconds, 0, longest, f"{at}.{name}")
    lowest = 0 if config.defaults.allow_container_concurrency_zero else 1
    highest = config.defaults.container_concurrency_max_limit
    concurrency = spec.container_concurrency
    if concurrency is not None and not lowest <= concurrency <= highest:
        yield out_of_bounds(concurrency, lowest, highest, f"{at}.containerConcurrency")


def _validate_gated_fields(spec: RevisionSpec, config: Config, at: str) -> Iterator[FieldError]:
    gates = config.features
    gated = {
        "affinity": (spec.affinity, gates.affinity),
        "topologySpreadConstraints": (spec.topology_spread_constraints, gates.topology_spread_constraints),
        "nodeSelector": (spec.node_selector, gates.node_selector),
        "tolerations": (spec.tolerations, gates.tolerations),
        "runtimeClassName": (spec.runtime_class_name, gates.runtime_class_name),
        "priorityClassName": (spec.priority_class_name, gates.priority_class_name),
        "schedulerName": (spec.scheduler_name, gates.scheduler_name),
    }
    refused = [name for name, (value, gate) in gated.items() if value and gate == "Disabled"]
    never = {
        "dnsConfig": spec.dns_config,
        "dnsPolicy": spec.dns_policy,
        "hostAliases": spec.host_aliases,
        "hostIPC": spec.host_ipc,
        "hostNetwork": spec.host_network,
        "hostPID": spec.host_pid,
        "securityContext": spec.security_context,
        "shareProcessNamespace": spec.share_process_namespace,
    }
    refused += [name for name, value in never.items() if value]
    if refused:
        yield disallowed(*(f"{at}.{name}" for name in refused))
    if spec.init_containers:
        found = len(spec.init_containers)
        message = f"pod spec support for init-containers is off, but found {found} init containers"
        yield FieldError(message, (f"{at}.initContainers",))


def _validate_together(containers: tuple[Container, ...], at: str) -> Iterator[FieldError]:
    """What has a port takes the requests: exactly one."""
    count = sum(len(container.ports) for container in containers)
    if not count:
        yield missing(f"{at}[*].ports")
    elif count > 1:
        yield _too_many_ports(at)
    taken: set[str] = set()
    for index, container in enumerate(containers):
        if container.name and container.name in taken:  # a cluster would find out when it makes the Pod
            yield FieldError(f'duplicate container name "{container.name}"', (f"{at}[{index}].name",))
        taken.add(container.name)


def _too_many_ports(at: str) -> FieldError:
    details = "Only a single port is allowed across all containers"
    return FieldError("more than one container port is set", (f"{at}[*].ports",), details)


def _validate_sidecar_probes(container: Container, config: Config, at: str) -> Iterator[FieldError]:
    probes = {
        "livenessProbe": container.liveness_probe,
        "readinessProbe": container.readiness_probe,
        "startupProbe": container.startup_probe,
    }
    given = {name: probe for name, probe in probes.items() if probe is not None}
    if given and config.features.multi_container_probing == "Disabled":
        yield disallowed(*(f"{at}.{name}" for name in given))
        return
    for name, probe in given.items():
        for handler, action in (("httpGet", probe.http_get), ("tcpSocket", probe.tcp_socket), ("grpc", probe.grpc)):
            if action is not None and not action.port:  # it has none of its own that could be meant
                yield missing(f"{at}.{name}.{handler}.port")


def _validate_container(
    container: Container, volumes: Mapping[str, Volume], at: str, *, serves: bool = True
) -> Iterator[FieldError]:
    if container == Container():
        yield missing(at)
        return
    if container.name in RESERVED_CONTAINER_NAMES:
        yield FieldError(f'"{container.name}" is a reserved container name', (f"{at}.name",))
    elif container.name and names.label_problem(container.name):
        yield invalid_value(container.name, f"{at}.name")
    port_name = ((container.ports[0].name if container.ports else "") or "http") if serves else ""
    yield from validate_probe(container.liveness_probe, port_name, f"{at}.livenessProbe")
    yield from validate_readiness_probe(container.readiness_probe, port_name, f"{at}.readinessProbe")
    yield from validate_probe(container.startup_probe, port_name, f"{at}.startupProbe")
    for index, env in enumerate(container.env):
        yield from _validate_env(env, f"{at}.env[{index}]")
    for index, source in enumerate(container.env_from):
        yield from _validate_env_from(source, f"{at}.envFrom[{index}]")
    if container.image_pull_policy not in ("", "Always", "IfNotPresent", "Never"):
        yield invalid_value(container.image_pull_policy, f"{at}.imagePullPolicy")
    yield from _validate_image(container.image, f"{at}.image")
    if len(container.ports) > 1 and serves:
        yield _too_many_ports(re.sub(r"\[\d+\]$", "", at))
    if container.ports:
        yield from _validate_port(container.ports[0], f"{at}.ports")
    yield from _validate_resources(container, f"{at}.resources")
    if container.security_context is not None:
        yield from _validate_security_context(container.security_context, f"{at}.securityContext")
    if container.termination_message_policy not in ("", "File", "FallbackToLogsOnError"):
        yield invalid_value(container.termination_message_policy, f"{at}.terminationMessagePolicy")
    yield from validate_volume_mounts(container.volume_mounts, volumes, f"{at}.volumeMounts")


def _validate_image(image: str, at: str) -> Iterator[FieldError]:
    if not image:
        yield missing(at)
    elif not _IMAGE.fullmatch(image):
        details = f'image: "{image}", error: could not parse reference: {image}'
        yield FieldError("Failed to parse image reference", (at,), details)


def _validate_env(env: EnvVar, at: str) -> Iterator[FieldError]:
    if not env.name:
        yield missing(f"{at}.name")
    elif env.name in RESERVED_ENV:
        yield FieldError(f'"{env.name}" is a reserved environment variable', (f"{at}.name",))
    elif "=" in env.name or "\0" in env.name:  # no process could be started with it
        yield invalid_value(env.name, f"{at}.name")
    source = env.value_from
    if source is None:
        return
    gated = {"fieldRef": source.field_ref, "resourceFieldRef": source.resource_field_ref}
    refused = [f"{at}.valueFrom.{name}" for name, value in gated.items() if value is not None]
    if refused:
        yield disallowed(*refused)
    given = {"configMapKeyRef": source.config_map_key_ref, "secretKeyRef": source.secret_key_ref}
    used = [f"{at}.valueFrom.{name}" for name, reference in given.items() if reference is not None]
    if not used and not refused:
        yield missing_one_of(*(f"{at}.valueFrom.{name}" for name in given))
    elif len(used) > 1:
        yield multiple_one_of(*used)
    for name, reference in given.items():
        if reference is not None and not reference.name:  # a cluster would find out when it makes the Pod
            yield missing(f"{at}.valueFrom.{name}.name")
    if used and env.value:
        yield multiple_one_of(f"{at}.value", f"{at}.valueFrom")


def _validate_env_from(source: EnvFromSource, at: str) -> Iterator[FieldError]:
    both = (f"{at}.configMapRef", f"{at}.secretRef")
    for path, reference in zip(both, (source.config_map_ref, source.secret_ref), strict=True):
        if reference is not None and not reference.name:
            yield missing(f"{path}.name")
    if source.config_map_ref is not None and source.secret_ref is not None:
        yield multiple_one_of(*both)
    elif source.config_map_ref is None and source.secret_ref is None:
        yield missing_one_of(*both)


def _validate_port(port: ContainerPort, at: str) -> Iterator[FieldError]:
    number = port.container_port
    if number in RESERVED_PORTS:
        details = f"{number} is a reserved port, please use a different value"
        yield invalid_value(f"{number} is a reserved port", f"{at}.containerPort", details)
    if not 0 <= number <= 65535:
        yield out_of_bounds(number, 0, 65535, f"{at}.containerPort")
    if port.protocol not in ("", "TCP"):
        yield invalid_value(port.protocol, f"{at}.protocol")
    if port.name not in ("", "h2c", "http1"):
        details = "Name must be empty, or one of: 'h2c', 'http1'"
        yield FieldError(f"Port name {port.name} is not allowed", (at,), details)


def _validate_resources(container: Container, at: str) -> Iterator[FieldError]:
    for part, amounts in (("limits", container.resources.limits), ("requests", container.resources.requests)):
        for name, amount in amounts.items():
            path = f"{at}.{part}.{name}"
            try:
                if quantities.parse(amount) < 0:
                    yield invalid_value(amount, path, "must be greater than or equal to 0")
            except quantities.QuantityError as error:
                yield invalid_value(amount, path, str(error))
                return
    for name, amount in container.resources.requests.items():
        limit = container.resources.limits.get(name)
        if limit is not None and quantities.parse(amount) > quantities.parse(limit):
            details = f"must be less than or equal to {name} limit of {limit}"
            yield invalid_value(amount, f"{at}.requests.{name}", details)


def _validate_security_context(context: SecurityContext, at: str) -> Iterator[FieldError]:
    if context.privileged:
        yield disallowed(f"{at}.privileged")
    if context.capabilities is not None and [name for name in context.capabilities.add if name != "NET_BIND_SERVICE"]:
        yield disallowed(f"{at}.capabilities.add")
    if context.seccomp_profile is not None and context.seccomp_profile.type not in ("RuntimeDefault", "Unconfined"):
        details = "this machine has no profiles by name: RuntimeDefault, Unconfined"
        yield invalid_value(context.seccomp_profile.type, f"{at}.seccompProfile.type", details)
    for name, number in (("runAsUser", context.run_as_user), ("runAsGroup", context.run_as_group)):
        if number is not None and not 0 <= number <= MAX_ID:
            yield out_of_bounds(number, 0, MAX_ID, f"{at}.{name}")
