"""The rules for annotations that mean something. Source: knative/serving autoscaling/annotation_validation.go."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

from faas.resources import durations, keys, quantities
from faas.resources.config import Config
from faas.resources.config.autoscaler import HPA, KPA, TARGET_MIN, WINDOW_MAX_S, WINDOW_MIN_S
from faas.resources.validation.errors import FieldError, invalid_key, invalid_value, out_of_bounds
from faas.resources.validation.eventing import validate_event_annotations

MAX_INT32 = 2**31 - 1
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
Annotations = Mapping[str, str]


def validate_scaling(annotations: Annotations, config: Config, at: str) -> Iterator[FieldError]:
    """The autoscaling annotations of a Revision or of a template."""
    yield from _validate_class(annotations, at)
    yield from _validate_scales(annotations, config, at)
    yield from _validate_initial_scale(annotations, config, at)
    yield from _validate_numbers(annotations, at)
    yield from _validate_durations(annotations, at)
    yield from _validate_metric(annotations, config, at)


def validate_revision_annotations(annotations: Annotations, at: str) -> Iterator[FieldError]:
    """The other annotations of a Revision or of a template: Knative's and ours."""
    yield from _validate_whole_seconds(annotations, keys.PROGRESS_DEADLINE, "progress-deadline", at)
    yield from _validate_sidecar_resources(annotations, at)
    snapshot = annotations.get(keys.SNAPSHOT)
    if snapshot not in (None, "true", "false"):
        yield invalid_value(snapshot, f"{at}.{keys.SNAPSHOT}", 'expected "true" or "false"')
    after = annotations.get(keys.SCALE_TO_ZERO_AFTER)
    if after is not None:
        yield from _validate_bounds_s(after, 0, WINDOW_MAX_S, f"{at}.{keys.SCALE_TO_ZERO_AFTER}")
    yield from validate_event_annotations(annotations, at)


def validate_not_on_parent(annotations: Annotations, at: str) -> Iterator[FieldError]:
    """Annotations that have an effect on a template only are refused on the Service or Configuration itself."""
    for key in sorted(annotations):
        if key.startswith(keys.AUTOSCALING_GROUP):
            details = 'autoscaling annotations must be put under "spec.template.metadata.annotations" to work'
            yield invalid_key(key, at, details)
        elif key in (keys.SNAPSHOT, keys.SCALE_TO_ZERO_AFTER):
            yield invalid_key(key, at, 'must be put under "spec.template.metadata.annotations" to work')


def validate_rollout_duration(annotations: Annotations, at: str) -> Iterator[FieldError]:
    """Of a Service or a Route."""
    yield from _validate_whole_seconds(annotations, keys.ROLLOUT_DURATION, "rollout-duration", at)


def find(annotations: Annotations, names: tuple[str, ...]) -> tuple[str, str] | None:
    """The key, as it is spelled, and the value."""
    return next(((name, annotations[name]) for name in names if name in annotations), None)


def _validate_class(annotations: Annotations, at: str) -> Iterator[FieldError]:
    found = find(annotations, keys.CLASS)
    if found and found[1].endswith(".knative.dev") and found[1] not in (KPA, HPA):
        yield invalid_value(found[1], f"{at}.{found[0]}")


def _validate_scales(annotations: Annotations, config: Config, at: str) -> Iterator[FieldError]:
    bounds = {}
    for name, spellings in (("min", keys.MIN_SCALE), ("max", keys.MAX_SCALE)):
        bounds[name], errors = _count(annotations, spellings, at)
        yield from errors
    low, high = bounds["min"], bounds["max"]
    if high != 0 and high < low:
        message = f"max-scale={high} is less than min-scale={low}"
        yield FieldError(message, (f"{at}.{keys.MAX_SCALE[0]}", f"{at}.{keys.MIN_SCALE[0]}"))
    yield from _validate_limit(annotations, high, config.autoscaler.max_scale_limit, at)
    yield from _validate_activation_scale(annotations, low, high, at)


def _validate_limit(annotations: Annotations, high: int, limit: int, at: str) -> Iterator[FieldError]:
    found = find(annotations, keys.MAX_SCALE)
    if not found or limit == 0:
        return
    path = f"{at}.{found[0]}"
    if high > limit:
        yield out_of_bounds(high, 1, limit, path)
    if high == 0:
        yield FieldError(f"max-scale=0 (unlimited), must be less than {limit}", (path,))


def _validate_activation_scale(annotations: Annotations, low: int, high: int, at: str) -> Iterator[FieldError]:
    found = find(annotations, keys.ACTIVATION_SCALE)
    if not found:
        return
    path = f"{at}.{found[0]}"
    if not _is_int32(found[1]):
        yield invalid_value(found[1], path)
        return
    count = int(found[1])
    if low > count:
        yield FieldError(f"min-scale={low} is greater than activation-scale={count}", (path,))
    elif 0 < high < count:
        yield FieldError(f"max-scale={high} is less than activation-scale={count}", (path,))
    elif count < 2:
        yield FieldError(f"activation-scale={count} must be greater than 1", (path,))


def _validate_initial_scale(annotations: Annotations, config: Config, at: str) -> Iterator[FieldError]:
    found = find(annotations, keys.INITIAL_SCALE)
    if not found:
        return
    key, value = found
    if not _is_int32(value):
        yield invalid_value(value, f"{at}.{key}")
    elif int(value) < 0:
        yield invalid_value(value, f"{at}.{key} must be greater than 0")
    elif int(value) == 0 and not config.autoscaler.allow_zero_initial_scale:
        yield invalid_value(value, f"{at}.{key}=0 not allowed by cluster")


def _validate_numbers(annotations: Annotations, at: str) -> Iterator[FieldError]:
    bounded = (
        (keys.PANIC_WINDOW, 1, 100),
        (keys.PANIC_THRESHOLD, 110, 1000),
        (keys.TARGET_UTILIZATION, 1, 100),
    )
    for spellings, low, high in bounded:
        if found := find(annotations, spellings):
            number = _number(found[1])
            if number is None:
                yield invalid_value(found[1], f"{at}.{found[0]}")
            elif not low <= number <= high:
                yield out_of_bounds(found[1], low, high, f"{at}.{found[0]}")
    if found := find(annotations, keys.TARGET):
        number = _number(found[1])
        if number is None:
            yield invalid_value(found[1], f"{at}.{found[0]}")
        elif not number >= TARGET_MIN:
            yield FieldError(f"target {found[1]} should be at least {TARGET_MIN:g}", (f"{at}.{found[0]}",))
    if found := find(annotations, keys.TARGET_BURST_CAPACITY):
        number = _number(found[1])
        if number is None or (number < 0 and number != -1):
            yield invalid_value(found[1], f"{at}.{found[0]}")


def _validate_durations(annotations: Annotations, at: str) -> Iterator[FieldError]:
    for spellings, low, whole in (
        (keys.WINDOW, WINDOW_MIN_S, True),
        (keys.SCALE_DOWN_DELAY, 0.0, True),
        (keys.RETENTION, 0.0, False),
    ):
        if found := find(annotations, spellings):
            path = f"{at}.{found[0]}"
            errors = list(_validate_bounds_s(found[1], low, WINDOW_MAX_S, path))
            yield from errors
            if whole and not errors and not durations.is_whole_seconds(found[1]):
                yield FieldError("must be specified with at most second precision", (path,))


def _validate_metric(annotations: Annotations, config: Config, at: str) -> Iterator[FieldError]:
    named = find(annotations, keys.CLASS)
    autoscaler = named[1] if named else config.autoscaler.pod_autoscaler_class
    metric = find(annotations, keys.METRIC)
    if metric:
        known = {KPA: metric[1] in ("concurrency", "rps"), HPA: metric[1] != ""}
        if not known.get(autoscaler, True):
            yield invalid_value(metric[1], f"{at}.{metric[0]}")
    algorithm = find(annotations, keys.METRIC_AGGREGATION)
    known_algorithms = ("", "linear", "weighted-exponential", "weightedExponential")
    if algorithm and autoscaler == KPA and algorithm[1] not in known_algorithms:
        yield invalid_value(algorithm[1], f"{at}.{algorithm[0]}")


def _validate_sidecar_resources(annotations: Annotations, at: str) -> Iterator[FieldError]:
    for key, value in annotations.items():
        if not key.startswith("queue.sidecar.serving.knative.dev/"):
            continue
        if key.endswith(("/resource-percentage", "/resourcePercentage")):
            number = _number(value)
            if number is None:
                yield invalid_value(value, f"{at}.[{key}]")
            elif not 0.1 <= number <= 100:
                yield out_of_bounds(value, 0.1, 100, f"{at}.[{key}]")
        elif key.endswith(("-resource-request", "-resource-limit")):
            try:
                quantities.parse(value)
            except quantities.QuantityError:
                yield invalid_value(value, f"{at}.[{key}]")


def _validate_whole_seconds(annotations: Annotations, key: str, name: str, at: str) -> Iterator[FieldError]:
    value = annotations.get(key)
    if not value:
        return
    try:
        nanoseconds = durations.parse_ns(value)
    except durations.DurationError:
        yield invalid_value(value, f"{at}.{key}")
        return
    if nanoseconds % 10**9:
        yield FieldError(f"{name}={value} is not at second precision", (f"{at}.{key}",))
    elif nanoseconds < 0:
        yield FieldError(f"{name}={value} must be positive", (f"{at}.{key}",))


def _validate_bounds_s(value: str, low: float, high: float, path: str) -> Iterator[FieldError]:
    try:
        seconds = durations.parse(value)
    except durations.DurationError:
        yield invalid_value(value, path)
        return
    if not low <= seconds <= high:
        yield out_of_bounds(value, durations.format(low), durations.format(high), path)


def _count(annotations: Annotations, spellings: tuple[str, ...], at: str) -> tuple[int, list[FieldError]]:
    """The number, 0 if there is none or it is bad, and what is wrong with it."""
    found = find(annotations, spellings)
    if not found:
        return 0, []
    path = f"{at}.{found[0]}"
    if not _INTEGER.fullmatch(found[1]):
        return 0, [invalid_value(found[1], path)]
    if not _is_int32(found[1]) or int(found[1]) < 0:
        return 0, [out_of_bounds(found[1], 0, MAX_INT32, path)]
    return int(found[1]), []


def _is_int32(text: str) -> bool:
    """Looks at the length first: Python refuses to read integers of thousands of digits."""
    return _INTEGER.fullmatch(text) is not None and len(text.lstrip("+-0")) <= 10 and abs(int(text)) <= MAX_INT32


def _number(text: str) -> float | None:
    """The number, which has to be finite."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in text else None
