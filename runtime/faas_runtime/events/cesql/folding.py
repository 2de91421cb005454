"""What can be said of an expression before there is an event: constants, and what can never be right."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from faas_runtime.events.cesql import casts
from faas_runtime.events.cesql.codegen import Generator, make_function, static_kind
from faas_runtime.events.cesql.errors import CastError, EvaluationError
from faas_runtime.events.cesql.nodes import (
    Arithmetic,
    Attribute,
    Call,
    Comparison,
    Constant,
    In,
    Kind,
    Like,
    Logic,
    Negate,
    Node,
    Not,
    children,
    is_constant,
)

Fault = tuple[str, int]  # what is wrong, and where


def fold(node: Node) -> Node:
    """The same expression with what is constant computed; what fails stays, to fail when it is evaluated."""
    if isinstance(node, Constant | Attribute):
        return node
    if is_constant(node):
        try:
            return Constant(_value(node), node.position)
        except EvaluationError:
            return node
    match node:
        case Not() | Negate() | Like():
            return replace(node, operand=fold(node.operand))
        case Logic():
            return replace(node, operands=tuple(fold(each) for each in node.operands))
        case Comparison() | Arithmetic():
            return replace(node, left=fold(node.left), right=fold(node.right))
        case In():
            return replace(node, operand=fold(node.operand), items=tuple(fold(each) for each in node.items))
        case Call():
            return replace(node, arguments=tuple(fold(each) for each in node.arguments))
    return node


def predicate_faults(node: Node) -> list[Fault]:
    """Why a folded expression, as a filter, cannot be right whatever the event."""
    kind = static_kind(node)
    if kind not in ("boolean", "any"):
        what = {"integer": "an Integer"}.get(kind, "a String")
        return [(f"a filter is true or false, and this gives {what}", node.position)]
    return _faults(node)


def _faults(node: Node) -> list[Fault]:
    if is_constant(node) and not isinstance(node, Constant):
        try:
            _value(node)
        except EvaluationError as error:
            return [(f"this fails for every event: {error}", _innermost(node).position)]
    found = [fault for child in children(node) for fault in _faults(child)]
    match node:
        case Comparison("=" | "!=", left, right):
            found += _incomparable(node, left, right)
        case Comparison() | Arithmetic():
            found += _uncastable("integer", node.left, node.right)
        case Negate(operand):
            found += _uncastable("integer", operand)
        case Not(operand):
            found += _uncastable("boolean", operand)
        case Logic():
            found += _uncastable("boolean", *node.operands)
    return found


def _uncastable(kind: Kind, *operands: Node) -> list[Fault]:
    found = []
    for operand in operands:
        if isinstance(operand, Constant):
            try:
                casts.cast(operand.value, kind)
            except CastError as error:
                found.append((f"this fails for every event: {error}", operand.position))
    return found


def _incomparable(node: Comparison, left: Node, right: Node) -> list[Fault]:
    """`NOT type = 'x'` above all: NOT binds tighter than the comparison."""
    kind = static_kind(right)
    if kind in ("integer", "boolean"):
        return _uncastable(kind, left)
    if static_kind(left) != "boolean" or not isinstance(right, Constant) or right.value in ("true", "false"):
        return []
    result = "never" if node.operator == "=" else "always"
    hint = (
        f"; NOT is stronger than {node.operator}, so write NOT (… {node.operator} …)" if isinstance(left, Not) else ""
    )
    return [(f"true or false is {result} {node.operator} {right.value!r}{hint}", node.position)]


def _value(node: Node) -> Any:
    generator = Generator()
    source = generator.natural(node)[0]
    return make_function(f" return {source}", generator.names)({})


def _innermost(node: Node) -> Node:
    """The smallest part that fails, for a constant expression that does."""
    for child in children(node):
        try:
            _value(child)
        except EvaluationError:
            return _innermost(child)
    return node
