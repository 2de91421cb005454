"""How long a deploy waits for a trouble to mend by itself before it ends and says so. Pure.

`--wait-timeout` is for what is slow; what is wrong is known earlier. Each trouble gets the time that whatever may still
mend it needs. docs/clusters.md tells users the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from faas.deploy.reasons.trouble import Cause, Trouble

ENDS = 3
"""A function that has ended so often, with an error, starts no more: something new would have to happen to it.

Kubernetes waits 10 s, 20 s, 40 s … between them, so the third comes within a minute.
"""

LIMITS_S: Mapping[Cause, float] = {
    "pull refused": 30.0,  # its registry does not have it, or does not give it: it was asked more than once by then
    "refused": 30.0,  # a quota, a policy: others may free some room, but who knows when
    "pull": 60.0,  # its registry is not reached
    "missing": 60.0,  # a Secret, a key: somebody may be making it
    "room": 120.0,  # no node, no volume: an autoscaler adds nodes, a provisioner makes volumes
}
"""A cause that is not here has no limit of ours: who starts slowly, or does not answer its probe yet, may."""

NEWS_AFTER_S: Mapping[str, float] = {"Unhealthy": 20.0}  # on a busy node every function is late with its first probe
"""By Kubernetes' reason: what is part of a start unless it lasts. Anything else is told when it is seen."""


@dataclass(slots=True)
class Lasting:
    """Since when each Service has been in the trouble that it is in."""

    _since: dict[str, tuple[str, float]] = field(default_factory=dict)

    def note(self, found: Mapping[str, Trouble], now_s: float) -> dict[str, Trouble]:
        """Those that nobody should wait for any longer. Args: found: each trouble there is now, by Service."""
        self._since = {
            name: self._since[name] if self._since.get(name, ("", 0.0))[0] == _group(trouble) else
            (_group(trouble), now_s)
            for name, trouble in found.items()
        }  # fmt: skip
        return {name: trouble for name, trouble in found.items() if lasts(trouble, now_s - self._since[name][1])}

    def is_news(self, service: str, trouble: Trouble, now_s: float) -> bool:
        """Whether to tell people of what was noted."""
        _, since_s = self._since[service]
        return now_s - since_s >= NEWS_AFTER_S.get(trouble.reason, 0.0)


def lasts(trouble: Trouble, for_s: float) -> bool:
    """Whether a trouble that has been there for so long will not mend by itself."""
    if trouble.cause == "ends":
        return trouble.ends >= ENDS
    limit_s = LIMITS_S.get(trouble.cause)
    return limit_s is not None and for_s >= limit_s


def given_up_words(trouble: Trouble) -> str:
    """What it is, and how much of it was enough."""
    enough = f"{trouble.ends} times" if trouble.cause == "ends" else f"for {LIMITS_S.get(trouble.cause, 0):g} s"
    return f"{trouble.sentence} ({enough})"


def _group(trouble: Trouble) -> str:
    """What stays the same while a trouble lasts: a back-off between two tries may not say why the first one failed."""
    return trouble.cause.partition(" ")[0] or trouble.reason
