"""Defaults of Knative Serving's kinds. Source: knative/serving serving/v1/*_defaults.go."""

from __future__ import annotations

from faas.resources.config import Config
from faas.resources.defaulting.members import default_namespace, member, set_user
from faas.resources.names import child_name
from faas.resources.views import Raw


def default_service(raw: Raw, config: Config, old: Raw | None, user: str) -> None:
    spec = member(raw, "spec")
    _default_template(raw, spec, config, old)
    if not spec.get("traffic"):
        spec["traffic"] = [{"latestRevision": True, "percent": 100}]
    _default_traffic(spec)
    set_user(raw, old, user)


def default_configuration(raw: Raw, config: Config, old: Raw | None, user: str) -> None:
    _default_template(raw, member(raw, "spec"), config, old)
    if not raw["metadata"].get("ownerReferences"):
        set_user(raw, old, user)


def default_revision(raw: Raw, config: Config, old: Raw | None, user: str) -> None:
    if old is None:  # afterwards its spec is immutable, also for new defaults
        _default_revision_spec(member(raw, "spec"), raw, config, created=True)


def default_route(raw: Raw, config: Config, old: Raw | None, user: str) -> None:
    _default_traffic(member(raw, "spec"))
    if not raw["metadata"].get("ownerReferences"):
        set_user(raw, old, user)


def default_domain_mapping(raw: Raw, config: Config, old: Raw | None, user: str) -> None:
    if reference := (raw.get("spec") or {}).get("ref"):
        default_namespace(reference, raw)
    set_user(raw, old, user)


def _default_traffic(spec: Raw) -> None:
    for target in spec.get("traffic") or []:
        if target.get("latestRevision") is None:
            target["latestRevision"] = not target.get("revisionName")
        if target.get("percent") is None:
            target["percent"] = 0


def _default_template(raw: Raw, spec: Raw, config: Config, old: Raw | None) -> None:
    template = member(spec, "template")
    name = (template.get("metadata") or {}).get("name")
    before = ((old or {}).get("spec") or {}).get("template") or {}
    if name and name == (before.get("metadata") or {}).get("name"):
        return  # a new default would be a change without a change of the name
    _default_revision_spec(member(template, "spec"), raw, config, created=old is None)


def _default_revision_spec(spec: Raw, parent: Raw, config: Config, *, created: bool) -> None:
    defaults = config.defaults
    timeout = spec["timeoutSeconds"] = spec.get("timeoutSeconds") or defaults.revision_timeout_seconds
    for field, seconds in (
        ("idleTimeoutSeconds", defaults.revision_idle_timeout_seconds),
        ("responseStartTimeoutSeconds", defaults.revision_response_start_timeout_seconds),
    ):
        if spec.get(field) is None and 0 < seconds < timeout:
            spec[field] = seconds
    if spec.get("containerConcurrency") is None:
        spec["containerConcurrency"] = defaults.container_concurrency
    containers = spec.get("containers") or []
    _name_containers(containers, parent, config)
    for container in containers:
        _default_container(container, spec, config)
    if spec.get("enableServiceLinks") is None and created and defaults.enable_service_links is not None:
        spec["enableServiceLinks"] = defaults.enable_service_links


def _name_containers(containers: list[Raw], parent: Raw, config: Config) -> None:
    metadata = parent.get("metadata") or {}
    default = config.defaults.container_name_template.render(
        Name=metadata.get("name", ""), Namespace=metadata.get("namespace", "")
    )
    taken = {container.get("name") for container in containers}
    suffix = 0
    for container in containers:
        if container.get("name"):
            continue
        name = default
        while len(containers) > 1 or name in taken:
            name = child_name(default, f"-{suffix}")
            suffix += 1
            if name not in taken:
                break
        container["name"] = name


def _default_container(container: Raw, spec: Raw, config: Config) -> None:
    resources = member(container, "resources")
    defaults = config.defaults
    for part, name, amount in (
        ("requests", "cpu", defaults.revision_cpu_request),
        ("requests", "memory", defaults.revision_memory_request),
        ("limits", "cpu", defaults.revision_cpu_limit),
        ("limits", "memory", defaults.revision_memory_limit),
    ):
        if amount is not None:
            member(resources, part).setdefault(name, amount)
    if len(spec["containers"]) == 1 or container.get("ports"):
        probe = member(container, "readinessProbe")
        if not any(probe.get(handler) is not None for handler in ("tcpSocket", "httpGet", "exec", "grpc")):
            probe["tcpSocket"] = {"port": 0}
    for port in container.get("ports") or []:
        port["protocol"] = port.get("protocol") or "TCP"
    _default_probes(container)
    _default_mounts(container, spec)


def _default_probes(container: Raw) -> None:
    readiness = container.get("readinessProbe")
    if readiness is not None:
        readiness["successThreshold"] = readiness.get("successThreshold") or 1
        if readiness.get("periodSeconds"):
            readiness["failureThreshold"] = readiness.get("failureThreshold") or 3
            readiness["timeoutSeconds"] = readiness.get("timeoutSeconds") or 1
    for name in ("readinessProbe", "livenessProbe", "startupProbe"):
        grpc = (container.get(name) or {}).get("grpc")
        if grpc is not None and grpc.get("service") is None:
            grpc["service"] = ""


def _default_mounts(container: Raw, spec: Raw) -> None:
    writable = {
        volume.get("name")
        for volume in spec.get("volumes") or []
        if any(volume.get(kind) is not None for kind in ("emptyDir", "persistentVolumeClaim", "ephemeral"))
    }
    for mount in container.get("volumeMounts") or []:
        if mount.get("name") not in writable:
            mount["readOnly"] = True
