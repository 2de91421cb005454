"""What a namespace's quotas and LimitRanges refuse, as whoever refuses for them says. Pure."""

from __future__ import annotations

import re

from faas.deploy.reasons.trouble import SIDECAR, first_line

_EXCEEDED = re.compile(
    r"exceeded quota: (?P<name>[^,]+), requested: (?P<wanted>.+?), used: .+?, limited: (?P<limit>[^:]+)"
)
_UNSAID = re.compile(r"failed quota: (?P<name>[^:]+): must specify (?P<wanted>[^\n]+)")
_RANGE = re.compile(
    r"(?:(?:maximum|minimum) \S+ usage per \w+ is [^,]+, but (?:request|limit) is [\w.]+"
    r"|\S+ max limit to request ratio per \w+ is [^,]+, but provided ratio is [\d.]+\d)"
)


def is_quota(message: str) -> bool:
    return "exceeded quota" in message or bool(_UNSAID.search(message) or _RANGE.search(message))


def quota_words(message: str) -> tuple[str, str]:
    """A sentence and an advice for a refusal that says what the namespace has no room for, or wants of each Pod."""
    if unsaid := _UNSAID.search(message):
        return _unsaid_words(unsaid["name"], unsaid["wanted"])
    if bounds := _RANGE.findall(message):
        is_above = all(bound.startswith("maximum") for bound in bounds)
        return (
            f"the namespace's LimitRange refuses it: {', '.join(bounds)}",
            "Ask for less (cpu, memory)" if is_above else "Ask for what is between (cpu, memory)",
        )
    told = first_line(message)
    if found := _EXCEEDED.search(message):
        told = f"{found['name']} allows {found['limit']}, it asks for {found['wanted']} more"
    return f"the namespace's quota is used up: {told}", "Raise the quota, ask for less (cpu, memory), or delete others"


def _unsaid_words(quota: str, wanted: str) -> tuple[str, str]:
    listed = re.sub(r" for: [^;]*", "", wanted).partition(":")[0]  # older servers name no containers
    resources = ", ".join(dict.fromkeys(each.strip() for each in re.split("[;,]", listed)))
    sentence = f"quota {quota} of the namespace wants {resources} of"
    if {container for each in re.findall(r"for: ([\w,-]+)", wanted) for container in each.split(",")} == {SIDECAR}:
        return (
            f"{sentence} {SIDECAR}, Knative's own container",
            "Have whoever runs the cluster make a LimitRange with defaults in the namespace,\n"
            "or say queue-sidecar-cpu-limit and queue-sidecar-memory-limit in config-deployment of knative-serving",
        )
    return f"{sentence} it", "Say cpu and memory, of the stage or of the function"
