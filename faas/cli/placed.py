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

_KUBECTL = re.compile(r"\bkubectl .*?(?=  |\)?, | \||$)", re.MULTILINE)


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


def in_context(text: str, context: str) -> str:
    """The text, in which each command of kubectl names the context: it works elsewhere by default.

    What a command says already stays.
    """

    def named(command: re.Match[str]) -> str:
        said = " --context " in command[0]
        return command[0] if said else f"{command[0]} --context {shlex.quote(context)}"

    return _KUBECTL.sub(named, text)
