"""Templates of paths: `/orders/{id}` and `/files/{rest:path}`."""

from __future__ import annotations

import re

import msgspec

_SEGMENT = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(:path)?\}\Z")


class PathError(ValueError):
    """The template is none."""


class PathTemplate(msgspec.Struct, frozen=True):
    text: str
    segments: tuple[str | None, ...]  # None for a parameter
    parameters: tuple[str, ...]  # in order
    catch_all: bool  # the last parameter takes the rest, slashes included


def parse_path(path: str) -> PathTemplate:
    """Raises: PathError: what is wrong, with the path."""
    if not isinstance(path, str) or not path.startswith("/"):
        raise PathError(f"the path {path!r} has to start with '/'")
    if "?" in path or "#" in path:
        raise PathError(f"the path {path!r} cannot hold '?' or '#': query parameters are the handler's parameters")
    segments: list[str | None] = []
    parameters: list[str] = []
    catch_all = False
    for segment in path[1:].split("/"):
        if catch_all:
            raise PathError(f"in {path!r} nothing can follow {{{parameters[-1]}:path}}")
        match = _SEGMENT.match(segment)
        if match is None and ("{" in segment or "}" in segment):
            raise PathError(f"in {path!r} the segment {segment!r} is neither text nor {{name}} nor {{name:path}}")
        if match is not None:
            if match[1] in parameters:
                raise PathError(f"in {path!r} the parameter {match[1]!r} stands twice")
            parameters.append(match[1])
            catch_all = match[2] is not None
        segments.append(None if match else segment)
    return PathTemplate(path, tuple(segments), tuple(parameters), catch_all)


def check_own_path(path: str) -> None:
    """Raises: PathError: not a template, or one that the runtime keeps for itself."""
    parse_path(path)
    if path.startswith("/_faas/"):
        raise PathError(f"the path {path!r} is the runtime's own: /_faas/ is reserved")
