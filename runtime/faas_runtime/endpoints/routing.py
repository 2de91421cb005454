"""Paths: templates like `/orders/{id}` and `/files/{rest:path}`, and the table that finds what answers one.

A literal segment wins over a parameter, a parameter over `{…:path}`; so the order of declarations never matters.
"""

from __future__ import annotations

import re
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")
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


class Route(msgspec.Struct, Generic[T], eq=False):
    """What answers one path: an endpoint a method; "" is any method."""

    template: PathTemplate
    methods: dict[str, T] = {}

    def find(self, method: str) -> T | None:
        found = self.methods.get(method)
        if found is None and method == "HEAD":
            found = self.methods.get("GET")
        return found if found is not None else self.methods.get("")

    def allowed(self) -> list[str]:
        names = set(self.methods)
        if "GET" in names:
            names.add("HEAD")
        return sorted(names | {"OPTIONS"})


class _Node(msgspec.Struct, Generic[T], eq=False):
    literal: dict[str, _Node[T]] = {}
    parameter: _Node[T] | None = None
    rest: Route[T] | None = None
    route: Route[T] | None = None


class RouteTable(Generic[T]):
    """Finds the route of a path: literal paths by one dictionary look-up, the others down a tree of segments."""

    def __init__(self) -> None:
        self.static: dict[str, Route[T]] = {}
        self._root: _Node[T] = _Node()
        self._dynamic = False

    def add(self, template: PathTemplate, method: str, endpoint: T) -> None:
        """Raises: PathError: path and method are taken."""
        route = self._route_of(template)
        if method in route.methods:
            raise PathError(f"{method or 'any method of'} {template.text} is declared twice")
        route.methods[method] = endpoint

    def match(self, path: str) -> tuple[Route[T], tuple[str, ...]] | None:
        """The route and its parameters' texts, in order."""
        route = self.static.get(path)
        if route is not None:
            return route, ()
        if not self._dynamic:
            return None
        return _descend(self._root, path[1:].split("/"), 0, ())

    def _route_of(self, template: PathTemplate) -> Route[T]:
        if not template.parameters:
            return self.static.setdefault(template.text, Route(template))
        self._dynamic = True
        node = self._root
        for segment in template.segments[: -1 if template.catch_all else None]:
            if segment is not None:
                node = node.literal.setdefault(segment, _Node())
            else:
                node.parameter = node.parameter or _Node()
                node = node.parameter
        route = (node.rest if template.catch_all else node.route) or Route(template)
        if route.template.parameters != template.parameters:
            raise PathError(f"{template.text} and {route.template.text} name the same path's parameters differently")
        if template.catch_all:
            node.rest = route
        else:
            node.route = route
        return route


def _descend(
    node: _Node[T], segments: list[str], index: int, values: tuple[str, ...]
) -> tuple[Route[T], tuple[str, ...]] | None:
    if index == len(segments):
        return (node.route, values) if node.route is not None else None
    segment = segments[index]
    child = node.literal.get(segment)
    if child is not None and (found := _descend(child, segments, index + 1, values)):
        return found
    if (
        node.parameter is not None
        and segment
        and (found := _descend(node.parameter, segments, index + 1, (*values, segment)))
    ):
        return found
    if node.rest is not None:
        return node.rest, (*values, "/".join(segments[index:]))
    return None
