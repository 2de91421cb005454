"""From a service of a project to a Knative Service, as the object that is applied. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from faas.project.services import ServiceSpec
from faas.resources import durations, keys

PROJECT_LABEL = "faas.dev/project"
FUNCTION_LABEL = "faas.dev/function"
FUNCTIONS_ANNOTATION = "faas.dev/functions"

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the command line adds to what the project says."""

    env: Mapping[str, str] = field(default_factory=dict)  # -e K=V
    without_env: frozenset[str] = frozenset()  # -e K-
    rollout_duration_s: int | None = None


@dataclass(frozen=True, slots=True)
class Port:
    """What a container listens on. `name` says what it speaks there: h2c, http1; "": HTTP/1."""

    number: int
    name: str = ""


def make_service(
    spec: ServiceSpec, image: str, *, project: str, namespace: str, overrides: Overrides = Overrides(), sink: str = ""
) -> Object:
    """The Service that runs `spec` from `image`. Traffic is left to its default, all to the latest ready revision.

    Args:
        sink: where its functions publish events; they cannot when "".
    """
    labels = {**spec.options.get("labels", {}), PROJECT_LABEL: project}
    if len(spec.functions) == 1:
        labels[FUNCTION_LABEL] = spec.functions[0].name
    visibility = {} if spec.is_public else {keys.VISIBILITY_LABEL: keys.CLUSTER_LOCAL}
    metadata: Object = {"name": spec.name, "namespace": namespace, "labels": {**labels, **visibility}}
    if overrides.rollout_duration_s is not None:
        metadata["annotations"] = {keys.ROLLOUT_DURATION: f"{overrides.rollout_duration_s}s"}
    template_metadata: Object = {"labels": labels}
    annotations = _annotations(spec.options)
    if len(spec.functions) > 1:
        annotations = {FUNCTIONS_ANNOTATION: ",".join(function.name for function in spec.functions), **annotations}
    if annotations:
        template_metadata["annotations"] = dict(sorted(annotations.items()))
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"template": {"metadata": template_metadata, "spec": _revision_spec(spec, image, overrides, sink)}},
    }


def make_image_service(
    name: str,
    image: str,
    *,
    namespace: str,
    port: Port | None = None,
    options: Mapping[str, Any] = {},
    overrides: Overrides = Overrides(),
) -> Object:
    """The Service that runs an image of any kind: nothing is known of it but what is said here."""
    metadata: Object = {"name": name, "namespace": namespace}
    if overrides.rollout_duration_s is not None:
        metadata["annotations"] = {keys.ROLLOUT_DURATION: f"{overrides.rollout_duration_s}s"}
    container: Object = {"image": image}
    if port is not None:
        container["ports"] = [{"containerPort": port.number, **({"name": port.name} if port.name else {})}]
    if overrides.env:
        container["env"] = [{"name": key, "value": value} for key, value in sorted(overrides.env.items())]
    spec: Object = {"containers": [container]}
    if "concurrency" in options:
        spec["containerConcurrency"] = options["concurrency"]
    annotations = _annotations(options)
    template: Object = {**({"metadata": {"annotations": annotations}} if annotations else {}), "spec": spec}
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"template": template},
    }


def _annotations(options: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for option, key in _SCALING.items():
        if option in options:
            found[key] = _text(options[option])
    if "scale_to_zero_after" in options:
        found[keys.SCALE_TO_ZERO_AFTER] = durations.format(options["scale_to_zero_after"])
    if options.get("snapshot") is False:
        found[keys.SNAPSHOT] = "false"
    return dict(sorted(found.items()))


_SCALING = {
    "min_scale": keys.MIN_SCALE[0],
    "max_scale": keys.MAX_SCALE[0],
    "initial_scale": keys.INITIAL_SCALE[0],
    "target": keys.TARGET[0],
    "metric": keys.METRIC[0],
}


def _text(value: Any) -> str:
    """Numbers as Knative writes them: 10.0 is 10."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _revision_spec(spec: ServiceSpec, image: str, overrides: Overrides, sink: str) -> Object:
    container: Object = {"image": image, "env": _env(spec, overrides, sink)}
    if resources := _resources(spec.options):
        container["resources"] = resources
    found: Object = {"containerConcurrency": spec.concurrency}
    if "timeout" in spec.options:
        found["timeoutSeconds"] = math.ceil(spec.options["timeout"])
    mounts, volumes = _volumes(spec.options)
    if volumes:
        container["volumeMounts"], found["volumes"] = mounts, volumes
    return {**found, "containers": [container]}


def _env(spec: ServiceSpec, overrides: Overrides, sink: str) -> list[Object]:
    variables = {**({"K_SINK": sink} if sink else {}), **spec.options.get("env", {}), **overrides.env}
    if "max_body" in spec.options:
        variables["FAAS_MAX_BODY"] = str(spec.options["max_body"])
    wanted = {name: value for name, value in sorted(variables.items()) if name not in overrides.without_env}
    return [{"name": name, "value": value} for name, value in {"FAAS_FUNCTION": spec.target, **wanted}.items()]


def _resources(options: Mapping[str, Any]) -> Object:
    amounts = {name: str(options[name]) for name in ("cpu", "memory") if name in options}
    return {"requests": amounts, "limits": dict(amounts)} if amounts else {}


def _volumes(options: Mapping[str, Any]) -> tuple[list[Object], list[Object]]:
    """Secrets and ConfigMaps as folders, where `ctx.secrets` and `ctx.config` look for them."""
    mounts: list[Object] = []
    volumes: list[Object] = []
    for kind, names in (("secrets", options.get("secrets", ())), ("config", options.get("config", ()))):
        for name in names:
            volume = f"{kind}-{name}".replace(".", "-")[:63].rstrip("-")
            mounts.append({"name": volume, "mountPath": f"/var/run/faas/{kind}/{name}", "readOnly": True})
            source = {"secret": {"secretName": name}} if kind == "secrets" else {"configMap": {"name": name}}
            volumes.append({"name": volume, **source})
    return mounts, volumes
