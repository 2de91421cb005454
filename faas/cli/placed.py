"""The place in commands that a library suggests: it knows what to do, and not where it was asked to. Pure."""

from __future__ import annotations

import re
import shlex
from typing import Final

PLACED: Final = (
    "broker", "delete", "deploy", "describe", "diff", "dlq", "doctor", "events", "export", "invoke", "list", "logs",
    "promote", "revisions", "rollback", "secret", "source", "status", "traffic", "trigger",
)  # fmt: skip
"""Commands that work on a place."""
_COMMAND = re.compile(rf"\bfaas (?:{'|'.join(PLACED)})\b.*?(?=  | \||\s\(|[,;`)\n]|\.?$)", re.MULTILINE)


def placed(text: str, flags: str) -> str:
    """The text, in which each command names the place.

    Args: flags: what names it on a command line, with a space before; what a command says already stays.
    """
    words = shlex.split(flags)
    pairs = list(zip(words[::2], words[1::2], strict=True))

    def named(command: re.Match[str]) -> str:
        missing = [pair for pair in pairs if f" {pair[0]} " not in f"{command[0]} "]
        return command[0] + "".join(f" {flag} {shlex.quote(value)}" for flag, value in missing)

    return _COMMAND.sub(named, text) if pairs else text
