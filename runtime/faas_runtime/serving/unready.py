"""Being told to end before anything is served."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator

from faas_runtime.serving import exits


@contextlib.contextmanager
def ending_at_once() -> Iterator[None]:
    """SIGTERM ends the process in the middle of what the block runs, for the main thread.

    A start hook may hang, or hold the loop that would hear of it, and the main process of a container has no default
    action: both would be waited for until the grace period is over, for an instance that never had a request.
    """
    before = signal.signal(signal.SIGTERM, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(number: int, frame: object) -> None:
    with contextlib.suppress(Exception):  # it may have interrupted a write to the same
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(exits.DONE)
