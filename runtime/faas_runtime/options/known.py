"""A function's options: what each means, which values it takes, and which of several givers wins.

Decorator < `[tool.faas.functions.NAME]` < `FAAS_…` environment < flag. All of it is pure: `validate` checks what one
place gave, `merge` puts the places together, `from_environment` reads a mapping it is handed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypedDict

import msgspec

from faas_runtime.errors import OptionError as OptionError
from faas_runtime.options.placed import (
    Resources,
    Toleration,
    parse_affinity,
    parse_annotations,
    parse_domains,
    parse_keys,
    parse_resources,
    parse_tolerations,
    parse_volumes,
)
from faas_runtime.options.values import (
    DNS_LABEL,
    DNS_SUBDOMAIN,
    boolean,
    integer,
    matching,
    number,
    one_of,
    parse_burst,
    parse_environment,
    parse_labels,
    parse_names,
    parse_quantity,
    parse_size,
    seconds,
    whole_seconds,
)

Metric = Literal["concurrency", "rps", "cpu", "memory"]
Visibility = Literal["public", "cluster-local"]
Quantity = str | int | float
Seconds = float | int | str  # 90, 1.5, "90s", "5m", "1h"


class CommonOptions(TypedDict, total=False):
    """The options every decorator takes. Ranges and units: docs/runtime-contract.md and `OPTIONS`."""

    name: str
    service: str
    min_scale: int
    max_scale: int
    initial_scale: int
    target: float
    metric: Metric
    concurrency: int
    timeout: Seconds
    cpu: Quantity
    memory: Quantity
    env: Mapping[str, str]
    secrets: Sequence[str]
    config: Sequence[str]
    labels: Mapping[str, str]
    scale_to_zero_after: Seconds
    snapshot: bool
    container: bool
    visibility: Visibility
    max_body: Quantity
    broker: str
    autoscaler: str
    target_utilization: int
    target_burst_capacity: int
    window: Seconds
    activation_scale: int
    scale_down_delay: Seconds
    pod_retention: Seconds
    rollout_duration: Seconds
    progress_deadline: Seconds
    domains: Sequence[str]
    resources: Resources
    gpu: int
    volumes: Mapping[str, str]
    secret_env: Mapping[str, str]
    config_env: Mapping[str, str]
    image_pull_secrets: Sequence[str]
    node_selector: Mapping[str, str]
    tolerations: Sequence[Toleration]
    affinity: Mapping[str, Any]
    runtime_class: str
    annotations: Mapping[str, str]


class Options(CommonOptions, total=False):
    """The same, and the service account; `@function.kubernetes` has one of its own, which its source runs as."""

    service_account: str


class DeliveryOptions(TypedDict, total=False):
    """How events are delivered. `DELIVERY` has the ranges.

    `timeout` is how long the function may take for anything; `delivery_timeout` is when the broker gives up on one
    attempt, which matters only when it is the shorter one.
    """

    retry: int
    backoff: Literal["linear", "exponential"]
    backoff_delay: Seconds
    delivery_timeout: Seconds
    dead_letter: str
    ordered_by: str
    parallelism: int
    backlog_target: int


class EventOptions(Options, DeliveryOptions, total=False):
    """What a decorator of an event or a source takes."""


class ResourceOptions(CommonOptions, DeliveryOptions, total=False):
    """What `@function.kubernetes` takes."""


class Option(msgspec.Struct, frozen=True):
    """One option: what it does, what it takes in words, and the parser that normalises or raises ValueError."""

    name: str
    doc: str
    takes: str
    parse: Callable[[Any], Any]  # a user's value in, the normal form out
    environment: bool = True  # FAAS_NAME sets it


def table(*options: Option) -> dict[str, Option]:
    """By name, in this order."""
    return {option.name: option for option in options}


_INT32 = 2**31 - 1
_VARIABLES = ("env", "secret_env", "config_env")
_DNS = "a DNS label: lower-case letters, digits and '-', at most 63"

OPTIONS = table(
    Option("name", "the service's name; the function's, with '-' for '_', when not given", _DNS,
           matching(DNS_LABEL), False),
    Option("service", "functions that name the same service share one", _DNS, matching(DNS_LABEL), False),
    Option("min_scale", "instances that always run", "a whole number from 0", integer(0, _INT32)),
    Option("max_scale", "instances at most; 0 means no bound", "a whole number from 0", integer(0, _INT32)),
    Option("initial_scale", "instances a new revision starts with", "a whole number from 0", integer(0, _INT32)),
    Option("target", "load an instance should carry: requests at once, or a second with metric='rps'",
           "a number from 0.01", number(0.01)),
    Option("metric", "what scaling looks at; cpu and memory with the autoscaler hpa, which a cluster has",
           "'concurrency', 'rps', 'cpu' or 'memory'", one_of("concurrency", "rps", "cpu", "memory")),
    Option("concurrency", "requests an instance executes at once, at most (20 for sync, 100 for async functions)",
           "a whole number from 1 to 1000", integer(1, 1000)),
    Option("timeout", "how long a request may take", "seconds from 1 to 3600, or '90s', '5m'", seconds(1, 3600)),
    Option("cpu", "CPU of an instance (request and limit)", "a quantity: 0.5, '500m', 2", parse_quantity),
    Option("memory", "memory of an instance (request and limit)", "a quantity: '256Mi', '1G'", parse_quantity),
    Option("env", "environment variables", "a mapping of names to strings, without PORT and K_*",
           parse_environment, False),
    Option("secrets", "Secrets that ctx.secrets reads", "a list of Secret names", parse_names),
    Option("config", "ConfigMaps that ctx.config reads", "a list of ConfigMap names", parse_names),
    Option("labels", "labels of the service and its revisions", "a mapping of label names to label values",
           parse_labels, False),
    Option("scale_to_zero_after", "the last instance ends this long after the last request",
           "seconds from 0 to 86400, or '30s', '1h'", seconds(0, 86400)),
    Option("snapshot", "start instances by forking a warm process; False starts each plainly", "True or False",
           boolean),
    Option("container", "run it from an image with a Python of its own, as a container; False as a process",
           "True or False", boolean),
    Option("visibility", "who may reach it", "'public' or 'cluster-local'", one_of("public", "cluster-local")),
    Option("max_body", "the largest request body that is read into memory (32Mi); streams have no bound",
           "bytes, or '32Mi'", parse_size),
    Option("broker", "the Broker that the function publishes to and gets its events from", _DNS,
           matching(DNS_LABEL)),
    Option("autoscaler", "who scales it: Knative's own (kpa), Kubernetes' (hpa), or a class of the cluster",
           "'kpa', 'hpa', or a name with a domain", matching(re.compile(r"kpa\Z|hpa\Z|[a-z0-9-]+(\.[a-z0-9-]+)+\Z"))),
    Option("target_utilization", "how much of its target an instance may carry before there is another",
           "a percentage from 1 to 100", integer(1, 100)),
    Option("target_burst_capacity", "requests more than now that must be taken at once; -1 is any number",
           "a whole number from -1", parse_burst),
    Option("window", "over how long the load is averaged", "whole seconds from 6 to 3600, or '90s'",
           whole_seconds(6, 3600)),
    Option("activation_scale", "instances that a scale up from zero starts", "a whole number from 2",
           integer(2, _INT32)),
    Option("scale_down_delay", "how long less load must last before instances end",
           "whole seconds from 0 to 3600, or '15m'", whole_seconds(0, 3600)),
    Option("pod_retention", "how long the last instance is kept at least, once there is nothing to do",
           "whole seconds from 0 to 3600, or '5m'", whole_seconds(0, 3600)),
    Option("rollout_duration", "over how long traffic moves to a new revision", "whole seconds from 0, or '10m'",
           whole_seconds(0, _INT32)),
    Option("progress_deadline", "how long a new revision may take to become ready", "whole seconds from 1, or '20m'",
           whole_seconds(1, _INT32)),
    Option("domains", "hosts of your own that it answers at", "a list of hosts, as 'shop.example.org'", parse_domains),
    Option("resources", "requests and limits of any resource, over cpu and memory",
           "{'requests': {...}, 'limits': {...}} with quantities", parse_resources, False),
    Option("gpu", "GPUs of an instance (nvidia.com/gpu); others with resources", "a whole number from 1",
           integer(1, 1024)),
    Option("volumes", "what is mounted at which path",
           "a mapping of paths to 'pvc:NAME', 'pvc:NAME:rw', 'empty:1Gi', 'memory:64Mi', 'secret:NAME', 'config:NAME'",
           parse_volumes, False),
    Option("secret_env", "variables that get a key of a Secret", "a mapping of names to 'SECRET/KEY'",
           parse_keys, False),
    Option("config_env", "variables that get a key of a ConfigMap", "a mapping of names to 'CONFIGMAP/KEY'",
           parse_keys, False),
    Option("service_account", "the service account that it runs as", "the name of a ServiceAccount",
           matching(DNS_SUBDOMAIN)),
    Option("image_pull_secrets", "Secrets that open the registry of its image", "a list of Secret names", parse_names),
    Option("node_selector", "labels that its node must have", "a mapping of label names to label values",
           parse_labels, False),
    Option("tolerations", "taints of nodes that it puts up with",
           "a list of Kubernetes' tolerations, as [{'key': 'gpu', 'operator': 'Exists'}]", parse_tolerations, False),
    Option("affinity", "which nodes it is drawn to", "Kubernetes' affinity, as {'nodeAffinity': {...}}",
           parse_affinity, False),
    Option("runtime_class", "the container runtime of its nodes, as gvisor", "the name of a RuntimeClass",
           matching(DNS_SUBDOMAIN)),
    Option("annotations", "annotations of its revisions, for what has no option of its own",
           "a mapping of names to strings", parse_annotations, False),
)  # fmt: skip

DELIVERY = table(
    Option("retry", "attempts after the first", "a whole number from 0", integer(0, 1_000_000), False),
    Option("backoff", "how the wait between attempts grows", "'linear' or 'exponential'",
           one_of("linear", "exponential"), False),
    Option("backoff_delay", "the first wait", "seconds, or '200ms', '2s'", seconds(0, 86400), False),
    Option("dead_letter", "the function, Service or stream that gets what failed for good", _DNS,
           matching(DNS_LABEL), False),
    Option("delivery_timeout", "how long one attempt may take", "seconds above 0, or '30s'",
           seconds(0.001, 86400), False),
    Option("ordered_by", "events with the same value of this attribute are handled one after another",
           "an attribute (lower-case letters and digits), or a field of the data: 'data.device.id'",
           matching(re.compile(r"([a-z0-9]+|data(\.[A-Za-z0-9_-]+)+)\Z")), False),
    Option("parallelism", "deliveries at once, at most; as the function's capacity allows without it",
           "a whole number from 1", integer(1, _INT32), False),
    Option("backlog_target", "waiting events for each instance that is wanted: long tasks scale with the queue",
           "a whole number from 1", integer(1, _INT32), False),
    Option("broker", "whose events; the function's own without it", _DNS, matching(DNS_LABEL), False),
)  # fmt: skip


def validate(
    given: Mapping[str, Any], *, known: Mapping[str, Option] = OPTIONS, also: Sequence[str] = ()
) -> dict[str, Any]:
    """Check what one place gave and bring it to its normal form.

    Args:
        also: further words the place takes, for the "did you mean" of an unknown one.
    Raises: OptionError: for the first that is unknown or out of range.
    """
    normal: dict[str, Any] = {}
    for name, value in given.items():
        option = known.get(name)
        if option is None:
            raise OptionError(name, f"there is no option {name!r}", did_you_mean(name, [*also, *known]))
        try:
            normal[name] = option.parse(value)
        except OptionError as error:  # the parser has said it better
            raise OptionError(name, error.message, error.hint) from None
        except (ValueError, TypeError, AttributeError):
            raise OptionError(name, f"{name}={value!r} is out of range", f"it takes {option.takes}") from None
    _check_together(normal)
    return normal


def _check_together(options: Mapping[str, Any]) -> None:
    """Raises: OptionError: options that are right one by one contradict each other."""
    low, high = options.get("min_scale"), options.get("max_scale")
    if low is not None and high and low > high:
        raise OptionError("min_scale", f"min_scale={low} is above max_scale={high}", "lower one or raise the other")
    activation = options.get("activation_scale")
    if activation is not None and not (low or 0) <= activation <= (high or activation):
        between = f"min_scale={low or 0} and max_scale={high or 'any'}"
        raise OptionError("activation_scale", f"activation_scale={activation} is not between {between}", "change one")
    if options.get("metric") in ("cpu", "memory") and options.get("autoscaler", "hpa") == "kpa":
        raise OptionError("metric", f"the autoscaler kpa knows no {options['metric']}", "say autoscaler='hpa'")
    variables: dict[str, str] = {}
    for option in _VARIABLES:
        for variable in options.get(option, {}):
            if variable in variables:
                message = f"the variable {variable} stands in {variables[variable]} and in {option}"
                raise OptionError(option, message, "leave one out")
            variables[variable] = option


def merge(*places: Mapping[str, Any]) -> dict[str, Any]:
    """Put together what decorator, file, environment and flags gave, weakest first; mappings by key.

    Raises: OptionError: the whole is inconsistent although each place is not (min_scale above max_scale).
    """
    merged: dict[str, Any] = {}
    for place in places:
        for name, value in place.items():
            if name in _VARIABLES:
                _displace(merged, name, value)
            both_maps = isinstance(value, Mapping) and isinstance(merged.get(name), Mapping)
            merged[name] = {**merged[name], **value} if both_maps else value
    return validate(merged)


def _displace(merged: dict[str, Any], name: str, variables: Mapping[str, str]) -> None:
    """A variable has its value from the strongest place, whichever of the three options that says it with."""
    for other in _VARIABLES:
        if other != name and other in merged:
            merged[other] = {key: value for key, value in merged[other].items() if key not in variables}


def from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """The options that `FAAS_MIN_SCALE=1` and its like set; what is empty is not set. Raises: OptionError."""
    found = {
        option.name: environment[variable]
        for option in OPTIONS.values()
        if option.environment and environment.get(variable := f"FAAS_{option.name.upper()}")
    }
    return validate(found)


def did_you_mean(word: str, known: Sequence[str], *, call: str = "{}") -> str:
    """ "did you mean 'min_scale'?", or all that is known when nothing is close."""
    from difflib import get_close_matches  # here: nothing that is right needs it

    close = get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"did you mean {call.format(repr(close[0]) if call == '{}' else close[0])}?"
    return "known are: " + ", ".join(sorted(known))
