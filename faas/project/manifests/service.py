"""From a service of a project to a Knative Service, as the object that is applied. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from faas.project.manifests.labels import FUNCTION_LABEL, PROJECT_LABEL, Belonging, Object
from faas.project.manifests.podspec import Overrides, make_revision_spec
from faas.project.services import ServiceSpec
from faas.resources import durations, keys

FUNCTIONS_ANNOTATION = "faas.dev/functions"


@dataclass(frozen=True, slots=True)
class Port:
    """What a container listens on. `name` says what it speaks there: h2c, http1; "": HTTP/1."""

    number: int
    name: str = ""


def make_service(
    spec: ServiceSpec,
    image: str,
    belonging: Belonging,
    *,
    overrides: Overrides = Overrides(),
    sink: str = "",
    for_cluster: bool = False,
    unprivileged: bool = False,
) -> Object:
    """The Service that runs `spec` from `image`. Traffic is left to its default, all to the latest ready revision.

    Args:
        sink: where its functions publish events; they cannot when "".
        for_cluster: with what the engine does by itself: probes, and the names of other functions.
        unprivileged: the image needs no rights.
    """
    own = {PROJECT_LABEL: belonging.project}
    if len(spec.functions) == 1:
        own[FUNCTION_LABEL] = spec.functions[0].name
    given = spec.options.get("labels", {})
    metadata = belonging.metadata(spec.name)
    visibility = {} if spec.is_public else {keys.VISIBILITY_LABEL: keys.CLUSTER_LOCAL}
    metadata["labels"] = {**given, **metadata["labels"], **own, **visibility}
    rollout_s = spec.options.get("rollout_duration")
    if overrides.rollout_duration_s is not None:
        rollout_s = overrides.rollout_duration_s
    if rollout_s is not None:
        metadata["annotations"] = {keys.ROLLOUT_DURATION: f"{rollout_s}s"}
    # Labels of the deploy are not on the template: what does not change what runs makes no revision.
    template_metadata: Object = {"labels": {**given, **own}}
    annotations = {**spec.options.get("annotations", {}), **_annotations(spec.options, for_cluster=for_cluster)}
    if len(spec.functions) > 1:
        annotations[FUNCTIONS_ANNOTATION] = ",".join(function.name for function in spec.functions)
    if annotations:
        template_metadata["annotations"] = dict(sorted(annotations.items()))
    env = {**({"K_SINK": sink} if sink else {}), **(_names_there(belonging) if for_cluster else {})}
    revision = make_revision_spec(spec, image, overrides, env, probed=for_cluster, unprivileged=unprivileged)
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"template": {"metadata": template_metadata, "spec": revision}},
    }


def _names_there(belonging: Belonging) -> dict[str, str]:
    """By what a function calls another one."""
    return {"FAAS_NAMESPACE": belonging.namespace, "FAAS_DOMAIN": "svc.cluster.local"}


def make_domain_mappings(spec: ServiceSpec, belonging: Belonging) -> list[Object]:
    """The hosts of its own that a service answers at."""
    reference = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": spec.name}
    return [
        {
            "apiVersion": "serving.knative.dev/v1beta1",
            "kind": "DomainMapping",
            "metadata": belonging.metadata(host),
            "spec": {"ref": reference},
        }
        for host in spec.options.get("domains", ())
    ]


def make_image_service(
    name: str,
    image: str,
    *,
    namespace: str,
    port: Port | None = None,
    options: Mapping[str, Any] = {},
    overrides: Overrides = Overrides(),
) -> Object:
    """The Service that runs an image of any kind: nothing is known of it but what is said here.

    So it gets no security context, as our own images do: one that is root, or binds a low port, would not start.
    Knative warns of that, and whoever deploys it reads the warning.
    """
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


def _annotations(options: Mapping[str, Any], *, for_cluster: bool = False) -> dict[str, str]:
    """Knative's own where there is one, else ours; what an option says wins over `annotations`."""
    found = {key: _text(options[option]) for option, key in _SCALING.items() if option in options}
    found |= {key: f"{options[option]}s" for option, key in _PERIODS.items() if option in options}
    if "autoscaler" in options or options.get("metric") in ("cpu", "memory"):
        found[keys.CLASS[0]] = _CLASSES.get(name := options.get("autoscaler", "hpa"), name)
    if "scale_to_zero_after" in options:
        found[keys.SCALE_TO_ZERO_AFTER] = durations.format(options["scale_to_zero_after"])
        if for_cluster and "pod_retention" not in options:
            found[keys.RETENTION[0]] = f"{_retention_s(options)}s"
    if options.get("snapshot") is False:
        found[keys.SNAPSHOT] = "false"
    return dict(sorted(found.items()))


def _retention_s(options: Mapping[str, Any]) -> int:
    """How long Knative has to keep the last instance, which it does not even want to end before its window is over."""
    after: float = options["scale_to_zero_after"]
    window: int = options.get("window", STABLE_WINDOW_S)
    return min(max(0, math.ceil(after - window)), LONGEST_RETENTION_S)


STABLE_WINDOW_S, LONGEST_RETENTION_S = 60, 3600  # Knative's default, and the most it takes
_SCALING = {
    "min_scale": keys.MIN_SCALE[0],
    "max_scale": keys.MAX_SCALE[0],
    "initial_scale": keys.INITIAL_SCALE[0],
    "target": keys.TARGET[0],
    "metric": keys.METRIC[0],
    "target_utilization": keys.TARGET_UTILIZATION[0],
    "target_burst_capacity": keys.TARGET_BURST_CAPACITY[0],
    "activation_scale": keys.ACTIVATION_SCALE[0],
}
_PERIODS = {
    "window": keys.WINDOW[0],
    "scale_down_delay": keys.SCALE_DOWN_DELAY[0],
    "pod_retention": keys.RETENTION[0],
    "progress_deadline": keys.PROGRESS_DEADLINE,
}
_CLASSES = {"kpa": "kpa.autoscaling.knative.dev", "hpa": "hpa.autoscaling.knative.dev"}


def _text(value: Any) -> str:
    """Numbers as Knative writes them: 10.0 is 10."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
