"""What a condition says by itself of why something is not ready. Pure."""

from __future__ import annotations

import re

from faas.deploy.reasons import advice
from faas.deploy.reasons.containers import PULLING
from faas.deploy.reasons.quota import is_quota, quota_words
from faas.deploy.reasons.trouble import first_line

_PULL_WORDS = re.compile(r"unable to fetch image|failed to resolve image|pull access denied", re.IGNORECASE)


def said_of(reason: str, message: str) -> tuple[str, str]:
    """A sentence and an advice for what a condition says by itself, where it can be told from the words."""
    message = without_frame(message)
    if reason in PULLING or _PULL_WORDS.search(message):
        return first_line(message), advice.against_pull(message)
    if is_quota(message):
        return quota_words(message)
    if reason == "ProgressDeadlineExceeded":
        return message, "Give it longer to start, or make it start faster; its log may say what it waits for"
    return message, ""


_FRAME = re.compile(r'(?:Revision|Configuration) "[^"]*" failed with message: (?P<message>.*)\.', re.DOTALL)


def without_frame(message: str) -> str:
    """What a Service says that its Revision said, as the Revision said it."""
    found = _FRAME.fullmatch(message.strip())
    return found["message"] if found else message
