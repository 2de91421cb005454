"""The rules for traffic. Source: knative/serving pkg/apis/serving/v1/route_validation.go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from faas.resources import names
from faas.resources.serving import TrafficTarget
from faas.resources.validation.errors import (
    FieldError,
    disallowed,
    invalid_key,
    invalid_value,
    missing_one_of,
    multiple_one_of,
    out_of_bounds,
)
from faas.resources.validation.metadata import qualified_name_problems


def validate_traffic(targets: Sequence[TrafficTarget], at: str, *, of_service: bool) -> Iterator[FieldError]:
    """`of_service`: the Configuration is the Service's own and must not be named."""
    tags: dict[str, int] = {}
    for index, target in enumerate(targets):
        here = f"{at}[{index}]"
        yield from _validate_target(target, here, of_service)
        if not target.tag:
            continue
        if problem := names.label_1035_problem(target.tag):
            yield invalid_value(f"not a DNS 1035 label: [{problem}]", f"{at}.tag[{index}]")
        if target.tag in tags:
            paths = (f"{at}[{index}].tag", f"{at}[{tags[target.tag]}].tag")
            yield FieldError(f'Multiple definitions for "{target.tag}"', paths)
        else:
            tags[target.tag] = index
    total = sum(target.percent or 0 for target in targets)
    if total != 100:
        yield FieldError(f"Traffic targets sum to {total}, want 100", (at,))


def _validate_target(target: TrafficTarget, at: str, of_service: bool) -> Iterator[FieldError]:
    latest, name, configuration = target.latest_revision, target.revision_name, target.configuration_name
    if latest is not None and latest == bool(name):
        words = f'may not set revisionName "{name}" when latestRevision is {str(latest).lower()}'
        yield FieldError(words, (f"{at}.latestRevision",))
    if of_service and configuration:
        yield disallowed(f"{at}.configurationName")
    elif name and configuration:
        yield multiple_one_of(f"{at}.revisionName", f"{at}.configurationName")
    elif name:
        yield from _validate_reference(name, f"{at}.revisionName")
    elif configuration:
        yield from _validate_reference(configuration, f"{at}.configurationName")
    elif not of_service:
        yield missing_one_of(f"{at}.revisionName", f"{at}.configurationName")
    if target.percent is not None and not 0 <= target.percent <= 100:
        yield out_of_bounds(target.percent, 0, 100, f"{at}.percent")
    if target.url:
        yield disallowed(f"{at}.url")


def _validate_reference(name: str, at: str) -> Iterator[FieldError]:
    problems = list(qualified_name_problems(name))
    if problems:
        yield invalid_key(name, at, ", ".join(problems))
