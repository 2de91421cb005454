"""When a crashed instance starts again: kubelet's crash-loop backoff, as a function of values."""

from __future__ import annotations

from dataclasses import dataclass

# Source: kubelet, pkg/kubelet/kubelet.go (MaxContainerBackOff, initial 10 s, reset after twice the maximum).
FIRST_DELAY_S = 10.0
LONGEST_DELAY_S = 300.0
FORGIVEN_AFTER_S = 2 * LONGEST_DELAY_S


@dataclass(frozen=True, slots=True)
class Backoff:
    """How often an instance has crashed in a row."""

    crashes: int = 0

    def after_crash(self, ran_s: float) -> tuple[Backoff, float]:
        """The next state, and how long to wait before the restart: at once, then 10 s doubling up to 5 minutes.

        Args:
            ran_s: how long the crashed run lasted; a long one is forgiven.
        """
        crashes = 1 if ran_s >= FORGIVEN_AFTER_S else self.crashes + 1
        delay = 0.0 if crashes == 1 else min(LONGEST_DELAY_S, FIRST_DELAY_S * 2.0 ** min(crashes - 2, 16))
        return Backoff(crashes), delay
