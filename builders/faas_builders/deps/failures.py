"""What uv did not like, in one sentence, and what to do about it; its own words stay beside it."""

from __future__ import annotations

import re
from collections.abc import Callable

from faas_builders.errors import DependencyError

_Explained = tuple[str, str]


def explain(output: str, destination: str) -> DependencyError:
    """Args: output: what uv printed; destination: what the packages are for, as "Python 3.12 on linux/arm64"."""
    there = destination or "this machine"
    text = re.sub(r"\s+", " ", output)  # uv breaks lines where it likes
    for pattern, explained in _KNOWN:
        if match := re.search(pattern, text):
            message, hint = explained(match, there)
            return DependencyError(message, output, hint)
    return DependencyError("the dependencies could not be installed", output)


def _incompatible_build(match: re.Match[str], there: str) -> _Explained:
    return (
        f"{match[1]} has no wheel for {there}, and what its source was built to here ({match[2]}) does not work there",
        _elsewhere(match[1]),
    )


def _failed_build(match: re.Match[str], there: str) -> _Explained:
    return (
        f"{match[1]} has no wheel for {there}, and its source could not be built here",
        f"Install what its build asks for, or: {_elsewhere(match[1])}",
    )


def _no_wheel(match: re.Match[str], there: str) -> _Explained:
    return f"{match[1]} has no wheel for {there}, and no source to build one from", _elsewhere(match[1])


def _elsewhere(package: str) -> str:
    name = re.split(r"[=\s]", package)[0]
    return (
        f"Ask for a version of {name} that has such a wheel, choose another Python or base, leave the platform out "
        "(--platform), build on a machine of that kind, or let the base build it: --builder docker"
    )


def _unknown_package(match: re.Match[str], there: str) -> _Explained:
    return (
        f"there is no package {match[1]} in the package index",
        "Check how it is spelled; an index of your own is named in pyproject.toml ([[tool.uv.index]]) or with UV_INDEX",
    )


def _unknown_version(match: re.Match[str], there: str) -> _Explained:
    return f"there is no {match[1]}", "Change the versions that the project asks for"


def _hash(match: re.Match[str], there: str) -> _Explained:
    return (
        f"what the index has as {match[1]} is not what was locked: its hash is another",
        "Somebody replaced it, or the lock is wrong. When you trust the index, lock again",
    )


def _no_hash(match: re.Match[str], there: str) -> _Explained:
    return (
        f"the requirements have hashes, but none for {match[1]}",
        "Lock again, with everything that is needed: uv pip compile --generate-hashes",
    )


def _denied(match: re.Match[str], there: str) -> _Explained:
    return (
        f"the package index {match[1]} wants other credentials",
        "Give them in UV_INDEX_NAME_USERNAME and UV_INDEX_NAME_PASSWORD, or in ~/.netrc",
    )


def _unreachable(match: re.Match[str], there: str) -> _Explained:
    return (
        f"the package index cannot be reached: {match[1]}",
        "Check the connection to it (UV_DEFAULT_INDEX names another), and try again",
    )


def _refused(match: re.Match[str], there: str) -> _Explained:
    return f"{match[2]} cannot be fetched: {match[1]}", "Check the address, or try again when the index has recovered"


def _full(match: re.Match[str], there: str) -> _Explained:
    return "no space left on the disk of the cache", "Free some; XDG_CACHE_HOME and UV_CACHE_DIR name other places"


def _other_python(match: re.Match[str], there: str) -> _Explained:
    return (
        f"{match[1]} does not work with {there}: it needs Python {match[2]}",
        "Ask for another version of it, or choose another Python",
    )


def _unsolvable(match: re.Match[str], there: str) -> _Explained:
    return f"no versions fit together for {there}", "Change the versions that the project asks for"


def _unparsable(match: re.Match[str], there: str) -> _Explained:
    return "the requirements cannot be read", "Correct the line that uv names"


_NAME = r"`?([A-Za-z0-9][\w.-]*(?:==[\w.!+-]+)?)`?"

# In this order: an index that cannot be reached also makes packages that are not found.
_KNOWN: tuple[tuple[str, Callable[[re.Match[str], str], _Explained]], ...] = (
    (r"No space left on device|os error 28\b", _full),
    (rf"Failed to (?:download and )?build {_NAME}.*?The built wheel `([^`]+)` is not compatible", _incompatible_build),
    (rf"Hash mismatch for {_NAME}", _hash),
    (rf"no trusted hash was provided for:? {_NAME}", _no_hash),
    (rf"must have a hash[^`]*{_NAME}|must have their versions pinned[^`]*{_NAME}", _no_hash),
    (r"An index URL \((\S+)\) could not be queried due to a lack of valid authentication", _denied),
    (r"\b(?:401 Unauthorized|403 Forbidden)\b.{0,20}for url \((\S+?)\)", _denied),
    (rf"Failed to (?:download and )?build {_NAME}", _failed_build),
    (r"HTTP status \w+ error \((\d+ [^)]*)\) for url \((\S+?)\)", _refused),
    (
        r"(?:Failed to fetch: |Could not connect[^`]*|error sending request for url )[`(]?(\S+?)[`)]?(?:\s|$)",
        _unreachable,
    ),
    (r"[Bb]ecause (?:only )?([\w.-]+(?:==[\w.!+-]+)?) has no wheels with a matching", _no_wheel),
    (r"([\w.-]+(?:==[\w.!+-]+)?) (?:has|have) no (?:usable wheels|source distribution)", _no_wheel),
    (r"([\w.-]+) was not found in the (?:package registry|provided package locations|cache)", _unknown_package),
    (r"there (?:is|are) no versions? of ([\w.-]+\S*)", _unknown_version),
    (r"[Bb]ecause ([\w.-]+(?:==[\w.!+-]+)?) (?:depends on|requires) Python(>=?[\d.]+\S*)", _other_python),
    (r"No solution found", _unsolvable),
    (r"Couldn't parse|Expected package name|Unsupported requirement|Invalid", _unparsable),
)
