"""YAML as Kubernetes reads it. A module of its own, imported with the first body that is YAML."""

from __future__ import annotations

from typing import Any

import yaml

# A body has at most 3 MiB, but aliases of aliases make of 300 bytes more than any memory holds. As many values as no
# object needs: one of 3 MiB in JSON has a tenth of them.
_MAX_VALUES = 1_000_000
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where libyaml is


class _Loader(_SafeLoader):  # type: ignore[misc]  # one of two classes
    """What looks like a date stays a text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse_yaml(body: bytes) -> Any:
    """Raises: ValueError, RecursionError."""
    loader = _Loader(body)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _count(node, {})
        return loader.construct_document(node)
    except (yaml.YAMLError, TypeError) as error:  # TypeError: a list as a key
        raise ValueError(str(error)) from error
    finally:
        loader.dispose()


def _count(node: yaml.Node, known: dict[int, int]) -> int:
    """How many values it makes once its aliases are written out."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    seen = known.get(id(node))
    if seen is not None:
        if not seen:
            raise ValueError("an alias refers to what it is a part of")
        return seen
    known[id(node)] = 0
    children = node.value if isinstance(node, yaml.SequenceNode) else [each for pair in node.value for each in pair]
    count = 1 + sum(_count(child, known) for child in children)
    if count > _MAX_VALUES:
        raise ValueError(f"its aliases make more than {_MAX_VALUES} values")
    known[id(node)] = count
    return count
