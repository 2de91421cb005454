"""How long to wait before a source is started or an event is sent again, as a function of values."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 30.0  # an upstream or a sink that comes back is noticed within this
FORGIVEN_AFTER_S = 60.0  # a run of this length is no crash loop


@dataclass(frozen=True, slots=True)
class Backoff:
    """How many attempts in a row went wrong."""

    failures: int = 0

    def after_failure(self, lasted_s: float = 0.0) -> tuple[Backoff, float]:
        """The next state, and seconds to wait: 0.5, 1, 2 ... 30.

        Args:
            lasted_s: how long it went well before; a long run is forgiven what was before it.
        """
        failures = 1 if lasted_s >= FORGIVEN_AFTER_S else self.failures + 1
        return Backoff(failures), min(LONGEST_DELAY_S, FIRST_DELAY_S * 2.0 ** min(failures - 1, 16))
