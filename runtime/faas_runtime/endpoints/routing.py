"""Which endpoint answers a path: the table that finds it.

A literal segment wins over a parameter, a parameter over `{…:path}`; so the order of declarations never matters.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from faas_runtime.declaring.templates import PathError, PathTemplate

T = TypeVar("T")


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
