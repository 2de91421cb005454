"""The tree of an expression. `position` is where its operator, or itself, begins; `depth` how many levels it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

Kind = Literal["string", "integer", "boolean", "any"]  # "any": an attribute, whose type only the event knows
Value = str | int | bool

REQUIRED_ATTRIBUTES = frozenset({"specversion", "id", "source", "type"})


@dataclass(frozen=True, slots=True)
class Constant:
    value: Value
    position: int
    depth: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class Attribute:
    name: str
    position: int
    depth: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class Exists:
    name: str
    position: int
    depth: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class Not:
    operand: Node
    position: int
    depth: int


@dataclass(frozen=True, slots=True)
class Negate:
    operand: Node
    position: int
    depth: int


@dataclass(frozen=True, slots=True)
class Logic:
    """AND, OR or XOR of two or more: a chain is one node, so that its length is not depth."""

    operator: str
    operands: tuple[Node, ...]
    position: int
    depth: int


@dataclass(frozen=True, slots=True)
class Comparison:
    operator: str  # = != < <= > >=
    left: Node
    right: Node
    position: int
    depth: int


@dataclass(frozen=True, slots=True)
class Arithmetic:
    operator: str
    left: Node
    right: Node
    position: int
    depth: int


@dataclass(frozen=True, slots=True)
class Like:
    operand: Node
    pattern: str
    position: int
    depth: int


@dataclass(frozen=True, slots=True)
class In:
    operand: Node
    items: tuple[Node, ...]
    position: int
    depth: int


@dataclass(frozen=True, slots=True)
class Call:
    function: str  # in upper case
    arguments: tuple[Node, ...]
    position: int
    depth: int


Node = Constant | Attribute | Exists | Not | Negate | Logic | Comparison | Arithmetic | Like | In | Call


def children(node: Node) -> tuple[Node, ...]:
    match node:
        case Not() | Negate() | Like():
            return (node.operand,)
        case Logic():
            return node.operands
        case Comparison() | Arithmetic():
            return node.left, node.right
        case In():
            return (node.operand, *node.items)
        case Call():
            return node.arguments
    return ()


def is_constant(node: Node) -> bool:
    """Whether every event gives the same; those attributes exist that every event has."""
    if isinstance(node, Attribute):
        return False
    if isinstance(node, Exists):
        return node.name in REQUIRED_ATTRIBUTES
    return all(is_constant(child) for child in children(node))
