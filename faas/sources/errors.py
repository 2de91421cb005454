"""What can go wrong in an adapter.

SourceError
├── ConfigurationError   the environment says something that cannot work: exit status 2
├── UpstreamError        the outside is away or refuses: reported as `failing`, tried again
└── Stopping             the program was asked to end while an event waited for its sink: upstream keeps that event
"""

from __future__ import annotations


class SourceError(Exception):
    """Root of this package's errors."""


class ConfigurationError(SourceError):
    """One line: what is wrong in which variable, and what would be right."""


class UpstreamError(SourceError):
    """`reason` is one word, as for a condition."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Stopping(SourceError):
    """Nothing more can be delivered: the program ends."""
