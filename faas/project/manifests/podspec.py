"""What a Revision runs: the container, what is mounted in it, and where it may run. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from faas_runtime.options.placed import split_volume

from faas.project.manifests.labels import Object
from faas.project.services import ServiceSpec

STARTUP_S = 60  # to import and start in, unless a progress deadline says how long it may take
UNPRIVILEGED: Object = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}  # what namespaces that enforce the restricted Pod security standard ask for
_GPU = "nvidia.com/gpu"
_LIVE, _READY = "/_faas/live", "/_faas/ready"


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the command line adds to what the project says."""

    env: Mapping[str, str] = field(default_factory=dict)  # -e K=V
    without_env: frozenset[str] = frozenset()  # -e K-
    rollout_duration_s: int | None = None


def make_revision_spec(
    spec: ServiceSpec,
    image: str,
    overrides: Overrides,
    own_env: Mapping[str, str],
    *,
    probed: bool = False,
    unprivileged: bool = False,
) -> Object:
    """Args:
    own_env: variables of ours; the project's own win.
    probed: somebody else than the engine, which asks its instances by itself, is to find out how they are.
    unprivileged: the image needs no rights, and asks for none.
    """
    options = spec.options
    container: Object = {"image": image, "env": _env(spec, overrides, own_env)}
    if resources := _resources(options):
        container["resources"] = resources
    if probed:
        container |= make_probes(spec)
    if unprivileged:
        container["securityContext"] = UNPRIVILEGED
    found: Object = {"containerConcurrency": spec.concurrency}
    if "timeout" in options:
        found["timeoutSeconds"] = math.ceil(options["timeout"])
    mounts, volumes = _volumes(options)
    if volumes:
        container["volumeMounts"], found["volumes"] = mounts, volumes
    return {**found, **_placement(options), "containers": [container]}


def make_probes(spec: ServiceSpec) -> Object:
    """What the runtime answers for `@function.ready` and `@function.live`; without a port: the container's own.

    There is no start-up probe: with one, Knative sends the first request only when kubelet has seen it succeed. So
    that a slow import is not a death, kubelet begins late to ask whether it lives. Readiness has no period: Knative's
    proxy then asks many times a second until it is ready, but gives each answer 100 ms, which a user's own check may
    not keep to.
    """
    ready: Object = {"httpGet": {"path": _READY}, "successThreshold": 1}
    if any("ready" in function.checks for function in spec.functions):
        ready |= {"periodSeconds": 1, "timeoutSeconds": 5, "failureThreshold": 3}
    live = {"httpGet": {"path": _LIVE}, "initialDelaySeconds": spec.options.get("progress_deadline", STARTUP_S)}
    return {
        "readinessProbe": ready,
        "livenessProbe": {**live, "periodSeconds": 10, "timeoutSeconds": 10, "failureThreshold": 3},
    }


def _env(spec: ServiceSpec, overrides: Overrides, own: Mapping[str, str]) -> list[Object]:
    options = spec.options
    variables: dict[str, Object] = {name: {"value": value} for name, value in {**own, **options.get("env", {})}.items()}
    if "max_body" in options:
        variables["FAAS_MAX_BODY"] = {"value": str(options["max_body"])}
    for option, source in (("secret_env", "secretKeyRef"), ("config_env", "configMapKeyRef")):
        for name, reference in options.get(option, {}).items():
            owner, _, key = reference.partition("/")
            variables[name] = {"valueFrom": {source: {"name": owner, "key": key}}}
    variables |= {name: {"value": value} for name, value in overrides.env.items()}
    wanted = {name: value for name, value in sorted(variables.items()) if name not in overrides.without_env}
    return [{"name": name, **value} for name, value in {"FAAS_FUNCTION": {"value": spec.target}, **wanted}.items()]


def _resources(options: Mapping[str, Any]) -> Object:
    """`cpu` and `memory` are request and limit; a GPU is never shared, so it is a limit; `resources` says otherwise."""
    amounts = {name: str(options[name]) for name in ("cpu", "memory") if name in options}
    gpu = {_GPU: str(options["gpu"])} if "gpu" in options else {}
    raw = options.get("resources", {})
    parts = {"requests": {**amounts, **raw.get("requests", {})}, "limits": {**amounts, **gpu, **raw.get("limits", {})}}
    return {part: found for part, found in parts.items() if found}


def _placement(options: Mapping[str, Any]) -> Object:
    found = {field: options[option] for option, field in _PLACEMENT.items() if options.get(option)}
    if names := options.get("image_pull_secrets"):
        found["imagePullSecrets"] = [{"name": name} for name in names]
    return found


_PLACEMENT = {
    "service_account": "serviceAccountName",
    "node_selector": "nodeSelector",
    "tolerations": "tolerations",
    "affinity": "affinity",
    "runtime_class": "runtimeClassName",
}


def _volumes(options: Mapping[str, Any]) -> tuple[list[Object], list[Object]]:
    """Secrets and ConfigMaps as folders, where `ctx.secrets` and `ctx.config` look for them; then what is asked for."""
    mounts: list[Object] = []
    volumes: list[Object] = []
    for kind, names in (("secrets", options.get("secrets", ())), ("config", options.get("config", ()))):
        for name in names:
            volume = f"{kind}-{name}".replace(".", "-")[:63].rstrip("-")
            mounts.append({"name": volume, "mountPath": f"/var/run/faas/{kind}/{name}", "readOnly": True})
            source = {"secret": {"secretName": name}} if kind == "secrets" else {"configMap": {"name": name}}
            volumes.append({"name": volume, **source})
    for number, (path, said) in enumerate(sorted(options.get("volumes", {}).items())):
        kind, name, written = split_volume(said)
        mounts.append({"name": f"volume-{number}", "mountPath": path, **({} if written else {"readOnly": True})})
        volumes.append({"name": f"volume-{number}", **_volume(kind, name, written=written)})
    return mounts, volumes


def _volume(kind: str, name: str, *, written: bool) -> Object:
    """Args: name: of the object; of an empty folder, how large it may get."""
    match kind:
        case "pvc":
            return {"persistentVolumeClaim": {"claimName": name, **({} if written else {"readOnly": True})}}
        case "secret":
            return {"secret": {"secretName": name}}
        case "config":
            return {"configMap": {"name": name}}
    limit = {"sizeLimit": name} if name else {}
    return {"emptyDir": {"medium": "Memory", **limit} if kind == "memory" else limit}
