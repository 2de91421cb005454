"""A namespace's quota that is used up, as whoever refuses for it says. Pure."""

from __future__ import annotations

import re

from faas.deploy.reasons.trouble import first_line

_QUOTA = re.compile(
    r"exceeded quota: (?P<name>[^,]+), requested: (?P<wanted>.+?), used: .+?, limited: (?P<limit>[^:]+)"
)


def is_quota(message: str) -> bool:
    return "exceeded quota" in message


def quota_words(message: str) -> tuple[str, str]:
    """A sentence and an advice for a refusal that says which quota is used up."""
    found = _QUOTA.search(message)
    told = first_line(message)
    if found:
        told = f"{found['name']} allows {found['limit']}, it asks for {found['wanted']} more"
    return f"the namespace's quota is used up: {told}", "Raise the quota, ask for less (cpu, memory), or delete others"
