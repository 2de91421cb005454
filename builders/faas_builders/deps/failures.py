"""What uv did not like, in one sentence, and what to do about it; its own words stay beside it."""

from __future__ import annotations

import re
from typing import NamedTuple

from faas_builders.errors import DependencyError


def explain(output: str, destination: str) -> DependencyError:
    """Args: output: what uv printed; destination: what the packages are for, as "Python 3.12 on linux/arm64"."""
    text = re.sub(r"\s+", " ", output)  # uv breaks lines where it likes
    for known in _KNOWN:
        if match := re.search(known.pattern, text):
            found = [group for group in match.groups() if group] or [""]
            package = re.split(r"[=\s]", found[0])[0]
            values = {"there": destination or "this machine", "package": package}
            return DependencyError(known.message.format(*found, **values), output, known.hint.format(*found, **values))
    return DependencyError("the dependencies could not be installed", output)


class _Known(NamedTuple):
    pattern: str  # of uv's output on one line
    message: str  # with the groups of the pattern, {there}, and {package}: the first group without its version
    hint: str


_NAME = r"`?([A-Za-z0-9][\w.-]*(?:==[\w.!+-]+)?)`?"
_ELSEWHERE = (
    "Ask for a version of {package} that has such a wheel, choose another Python or base, leave the platform out "
    "(--platform), build on a machine of that kind, or let the base build it: --builder docker"
)
_LOCK_AGAIN = "Lock again, with everything that is needed: uv pip compile --generate-hashes"
_OTHER_VERSIONS = "Change the versions that the project asks for"

# In this order: an index that cannot be reached also makes packages that are not found.
_KNOWN = (
    _Known(
        r"No space left on device|os error 28\b",
        "no space left on the disk of the cache",
        "Free some; XDG_CACHE_HOME and UV_CACHE_DIR name other places",
    ),
    _Known(
        rf"Failed to (?:download and )?build {_NAME}.*?The built wheel `([^`]+)` is not compatible",
        "{0} has no wheel for {there}, and what its source was built to here ({1}) does not work there",
        _ELSEWHERE,
    ),
    _Known(
        rf"Hash mismatch for {_NAME}",
        "what the index has as {0} is not what was locked: its hash is another",
        "Somebody replaced it, or the lock is wrong. When you trust the index, lock again",
    ),
    _Known(
        rf"no trusted hash was provided for:? {_NAME}",
        "the requirements have hashes, but none for {0}",
        _LOCK_AGAIN,
    ),
    _Known(
        rf"must have (?:a hash|their versions? pinned)[^`]*{_NAME}",
        "the requirements have hashes, but none for {0}, or no version",
        _LOCK_AGAIN,
    ),
    _Known(
        r"An index URL \((\S+)\) could not be queried due to a lack of valid authentication"
        r"|\b(?:401 Unauthorized|403 Forbidden)\b.{0,20}for url \((\S+?)\)",
        "the package index {0} wants other credentials",
        "Give them in UV_INDEX_NAME_USERNAME and UV_INDEX_NAME_PASSWORD, or in ~/.netrc",
    ),
    _Known(
        rf"Failed to (?:download and )?build {_NAME}",
        "{0} has no wheel for {there}, and its source could not be built here",
        "Install what its build asks for, or: " + _ELSEWHERE,
    ),
    _Known(
        r"HTTP status \w+ error \((\d+ [^)]*)\) for url \((\S+?)\)",
        "{1} cannot be fetched: {0}",
        "Check the address, or try again when the index has recovered",
    ),
    _Known(
        r"(?:Failed to fetch: |Could not connect[^`]*|error sending request for url )[`(]?(\S+?)[`)]?(?:\s|$)",
        "the package index cannot be reached: {0}",
        "Check the connection to it (UV_DEFAULT_INDEX names another), and try again",
    ),
    _Known(
        r"[Bb]ecause (?:only )?([\w.-]+(?:==[\w.!+-]+)?) has no wheels with a matching"
        r"|(?:versions of )?([\w.-]+(?:==[\w.!+-]+)?) (?:has|have) no (?:usable wheels|source distribution)",
        "{0} has no wheel for {there}, and no source to build one from",
        _ELSEWHERE,
    ),
    _Known(
        r"([\w.-]+) was not found in the (?:package registry|provided package locations|cache)",
        "there is no package {0} in the package index",
        "Check how it is spelled; an index of your own is named in pyproject.toml ([[tool.uv.index]]) or with UV_INDEX",
    ),
    _Known(
        r"there (?:is|are) no versions? of ([\w.-]+[^\s,]*)",
        "there is no {0} in the package index",
        _OTHER_VERSIONS,
    ),
    _Known(
        r"only ([\w.-]+==[^\s,]+) is available and you require ([\w.-]+[^\s,]*)",
        "there is no {1} in the package index, only {0}",
        _OTHER_VERSIONS,
    ),
    _Known(
        r"[Bb]ecause ([\w.-]+(?:==[\w.!+-]+)?) (?:depends on|requires) Python ?([<>=!~][^\s,]*)",
        "{0} does not work with {there}: it needs Python {1}",
        "Ask for another version of it, or choose another Python",
    ),
    _Known(r"No solution found", "no versions fit together for {there}", _OTHER_VERSIONS),
    _Known(
        r"Couldn't parse|Expected package name|Unsupported requirement",
        "the requirements cannot be read",
        "Correct the line that uv names",
    ),
)
