"""Credentials inside URLs of a project's files: uv needs them, and nothing that is kept may hold them.

In pins a variable stands in their place; requirements files know `${NAME}`, and uv fills it in from its environment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from faas_builders.cache import key_of
from faas_builders.files import ProjectFile

_URL = re.compile(r"((?:[a-z][a-z0-9+.-]*)://)([^\s/@'\"`,;]+)@([^\s'\"`;,]+)", re.IGNORECASE)
_DECLARATION = re.compile(
    r"(?:.*/)?(?:pyproject\.toml|uv\.(?:toml|lock)|pylock[^/]*\.toml|poetry\.(?:toml|lock)|Pipfile(?:\.lock)?|pip\.conf"
    r"|[^/]*(?:requirements|constraints)[^/]*\.(?:txt|in)|requirements/.*\.(?:txt|in))"
)
_VARIABLES = re.compile(r"(?:\$\{\w+\}|:)*")


def without_credentials(text: str) -> str:
    """For errors and logs. (uv masks passwords, but not a token that stands alone.)"""
    return _URL.sub(r"\1\3", text)


def masked(text: str) -> str:
    """`text` with a variable in place of each credential."""
    return _URL.sub(lambda match: f"{match[1]}${{{_name(match)}}}@{match[3]}" if _is_secret(match) else match[0], text)


def variables_in(texts: Iterable[str]) -> dict[str, str]:
    """What to set so that the URLs of these texts, masked, are what they were."""
    found = (match for text in texts for match in _URL.finditer(text))
    return {_name(match): match[2] for match in found if _is_secret(match)}


def tells_secret(file: ProjectFile) -> bool:
    """Whether this one of a project's files says what to install, with a credential: only the build needs it."""
    if file.link or not _DECLARATION.fullmatch(file.path):
        return False
    try:
        text = file.source.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False  # whoever reads it for the image says so
    return bool(variables_in([text]))


def _is_secret(match: re.Match[str]) -> bool:
    # git@github.com over SSH is an address; and who wrote a variable keeps the secret elsewhere already.
    return "ssh" not in match[1].lower() and not _VARIABLES.fullmatch(match[2])


def _name(match: re.Match[str]) -> str:
    place = match[3].partition("#")[0]
    return f"FAAS_URL_{key_of(match[1].lower().removeprefix('git+'), place)[:16].upper()}"
