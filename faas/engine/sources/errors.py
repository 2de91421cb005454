"""What keeps a source from running until somebody changes something."""

from __future__ import annotations


class ConfigurationError(Exception):
    """Trying again would not help. `reason` is one word, as for a condition; the message says what to do."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason, self.message = reason, message
