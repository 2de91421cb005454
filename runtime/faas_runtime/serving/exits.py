"""How a serving process ends; the package's docstring has the list in words."""

from __future__ import annotations

DONE = 0
UNEXPECTED = 1
MISUSED = 2
STARTUP_FAILED = 3  # gunicorn.arbiter.Arbiter.WORKER_BOOT_ERROR: the arbiter halts on it instead of looping
LOAD_FAILED = 4  # gunicorn.arbiter.Arbiter.APP_LOAD_ERROR
CANNOT_LISTEN = 5
