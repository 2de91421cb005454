"""Which attributes an expression requires to have one of some values, to be true."""

from __future__ import annotations

from faas_runtime.events.cesql import casts, like
from faas_runtime.events.cesql.errors import CastError
from faas_runtime.events.cesql.nodes import Attribute, Comparison, Constant, In, Like, Logic, Node
from faas_runtime.events.conditions import Required, both, either


def required_by(node: Node) -> Required:
    match node:
        case Comparison("=", Attribute(name), Constant(str(text))):
            return {name: frozenset({text})}
        case Comparison("=", Constant(str(text)), Attribute(name)) if _only_text(text):
            return {name: frozenset({text})}
        case In(Attribute(name), items):
            return _in_set(name, items)
        case Like(Attribute(name), pattern) if (read := like.read(pattern)).sort == "equals":
            return {name: frozenset({read.text})}
        case Logic("AND", operands):
            return both([required_by(each) for each in operands])
        case Logic("OR", operands):
            return either([required_by(each) for each in operands])
    return {}


def _in_set(name: str, items: tuple[Node, ...]) -> Required:
    texts = [each.value for each in items if isinstance(each, Constant) and isinstance(each.value, str)]
    if len(texts) < len(items) or not all(_only_text(text) for text in texts):
        return {}
    return {name: frozenset(texts)}


def _only_text(text: str) -> bool:
    """Whether only a String can equal it where the attribute's type decides: 007 and 7 are one Integer."""
    for cast in (casts.to_integer, casts.to_boolean):
        try:
            cast(text)
        except CastError:
            continue
        return False
    return True
