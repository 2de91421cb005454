"""A tree as the source of one Python expression over `a`, the event's attributes.

Attributes are read where they are used, with the likely type tested in place: `type = 'x'` costs a dict lookup and a
comparison. An error is an exception, so what goes well pays nothing for it; a missing attribute is dict's KeyError.

Nothing of the user's reaches the source as it is: attribute names are letters and digits (the lexer's), values are the
`repr` of a str, an int or a bool. Parentheses are kept few, since Python's parser takes 200 (`parser.MAX_DEPTH`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from faas_runtime.events.cesql import casts, functions, like
from faas_runtime.events.cesql.errors import CastError, EvaluationError
from faas_runtime.events.cesql.nodes import (
    REQUIRED_ATTRIBUTES,
    Arithmetic,
    Attribute,
    Call,
    Comparison,
    Constant,
    Exists,
    In,
    Kind,
    Like,
    Logic,
    Negate,
    Node,
    Not,
)

_LIKELY: dict[Kind, str] = {
    "string": "v.__class__ is str",
    "integer": f"v.__class__ is int and {casts.MIN_INTEGER} <= v <= {casts.MAX_INTEGER}",
    "boolean": "v.__class__ is bool",
    "any": "v.__class__ is str",
}
_NAMES: dict[str, Any] = {
    "attribute_any": casts.attribute,
    "attribute_string": casts.attribute_string,
    "attribute_integer": casts.attribute_integer,
    "attribute_boolean": casts.attribute_boolean,
    "to_string": casts.to_string,
    "to_integer": casts.to_integer,
    "to_boolean": casts.to_boolean,
    "equal": casts.equal,
    "same": lambda left, item: casts.equal(item, left),  # in a set, the left one's type decides
    "bounded": casts.bounded,
    "divide": casts.divide,
    "remainder": casts.remainder,
    "odd": lambda flags: sum(flags) % 2 == 1,  # `a ^ b ^ …` would be as deep as it is long
    "Failed": (KeyError, EvaluationError),
    "__builtins__": {"str": str, "int": int, "bool": bool},
}

Code = tuple[str, Kind]


def static_kind(node: Node) -> Kind:
    """The type of what a node gives; "any" for an attribute alone."""
    match node:
        case Constant(value):
            return casts.kind_of(value)
        case Attribute():
            return "any"
        case Negate() | Arithmetic():
            return "integer"
        case Call(name, arguments):
            function = functions.find(name, len(arguments))
            return function.returns if function else "any"
    return "boolean"


class Generator:
    """Of one function. What the source cannot say (sets, patterns, built-ins) goes into `names`."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = dict(_NAMES)
        self._unique = 0

    def outermost(self, node: Node) -> str:
        """The source of the whole expression; a function around everything keeps the value that it fails with."""
        if isinstance(node, Call) and (function := functions.find(node.function, len(node.arguments))):
            return self._call(node, function, _keeping(function.run))
        return self.natural(node)[0]

    def natural(self, node: Node) -> Code:
        """The source, and the type of what it gives."""
        return self._source(node), static_kind(node)

    def cast(self, node: Node, kind: Kind) -> str:
        """The source of a node as that type."""
        if isinstance(node, Attribute):
            return _attribute(node, kind)
        if isinstance(node, Constant):
            try:
                return _constant(casts.cast(node.value, kind))
            except CastError:  # when it is evaluated, so that what comes before it can decide
                return f"to_{kind}({_constant(node.value)})"
        source, given = self.natural(node)
        return source if kind in (given, "any") else f"to_{kind}({source})"

    def _source(self, node: Node) -> str:
        match node:
            case Constant(value):
                return _constant(value)
            case Attribute():
                return _attribute(node, "any")
            case Exists(name):
                return "True" if name in REQUIRED_ATTRIBUTES else f"(a.get({name!r}) is not None)"
            case Not(operand):
                return f"(not {self.cast(operand, 'boolean')})"
            case Negate(operand):
                return f"bounded(-{self.cast(operand, 'integer')})"
            case Logic("XOR", operands):
                return f"odd(({', '.join(self.cast(each, 'boolean') for each in operands)}))"
            case Logic(operator, operands):
                return f"({f' {operator.lower()} '.join(self.cast(each, 'boolean') for each in operands)})"
            case Comparison():
                return self._comparison(node)
            case Arithmetic():
                return self._arithmetic(node)
            case Like(operand, pattern):
                return self._like(self.cast(operand, "string"), like.read(pattern))
            case In():
                return self._in(node)
            case Call(name, arguments):
                function = functions.find(name, len(arguments))
                assert function is not None  # the parser looked
                return self._call(node, function, function.run)

    def _comparison(self, node: Comparison) -> str:
        if node.operator not in ("=", "!="):
            return f"({self.cast(node.left, 'integer')} {node.operator} {self.cast(node.right, 'integer')})"
        kind = static_kind(node.right)
        if kind != "any":
            operator = "==" if node.operator == "=" else "!="
            return f"({self.cast(node.left, kind)} {operator} {self.cast(node.right, kind)})"
        source = f"equal({self._source(node.left)}, {self._source(node.right)})"
        return source if node.operator == "=" else f"(not {source})"

    def _arithmetic(self, node: Arithmetic) -> str:
        left, right = self.cast(node.left, "integer"), self.cast(node.right, "integer")
        match node.operator:
            case "/":
                return f"divide({left}, {right})"
            case "%":
                return f"remainder({left}, {right})"
        return f"bounded({left} {node.operator} {right})"

    def _like(self, text: str, pattern: like.Pattern) -> str:
        match pattern.sort:
            case "equals":
                return f"({text} == {pattern.text!r})"
            case "prefix":
                return f"{text}.startswith({pattern.text!r})"
            case "suffix":
                return f"{text}.endswith({pattern.text!r})"
            case "contains":
                return f"({pattern.text!r} in {text})"
        return f"({self._name(re.compile(pattern.regex).fullmatch)}({text}) is not None)"

    def _in(self, node: In) -> str:
        """Text in a set of constants is one lookup; all else is compared in turn, until one is equal."""
        constants = [each.value for each in node.items if isinstance(each, Constant)]
        kind = static_kind(node.operand)
        if len(constants) < len(node.items) or kind in ("integer", "boolean"):
            return self._one_of(self._source(node.operand), [self._source(each) for each in node.items])
        texts = self._name(frozenset(casts.to_string(value) for value in constants))
        if kind == "string":
            return f"({self._source(node.operand)} in {texts})"
        assert isinstance(node.operand, Attribute)  # nothing else has no type
        name = node.operand.name
        otherwise = self._one_of(f"attribute_any(v, {name!r})", [_constant(value) for value in constants])
        return f"(v in {texts} if (v := a[{name!r}]).__class__ is str else {otherwise})"

    def _one_of(self, operand: str, items: list[str]) -> str:
        self._unique += 1
        each = f"x{self._unique}"
        first, *more = items
        tests = [f"same({each} := {operand}, {first})", *(f"same({each}, {item})" for item in more)]
        return f"({' or '.join(tests)})"

    def _call(self, node: Call, function: functions.Function, run: Callable[..., Any]) -> str:
        if function.parameters == ("any",) and function.name in ("INT", "BOOL", "STRING"):
            return self.cast(node.arguments[0], function.returns)
        arguments = (self.cast(each, function.parameter(index)) for index, each in enumerate(node.arguments))
        return f"{self._name(run)}({', '.join(arguments)})"

    def _name(self, value: Any) -> str:
        self._unique += 1
        name = f"k{self._unique}"
        self.names[name] = value
        return name


def make_function(body: str, names: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], Any]:
    """A function of `a`, with that body."""
    scope = dict(names)
    exec(f"def f(a):\n{body}", scope)  # what the source holds: the module's docstring
    made: Callable[[Mapping[str, Any]], Any] = scope["f"]
    return made


def _attribute(node: Attribute, kind: Kind) -> str:
    return (
        f"(v if {_LIKELY[kind].replace('v.', f'(v := a[{node.name!r}]).', 1)} else attribute_{kind}(v, {node.name!r}))"
    )


def _constant(value: Any) -> str:
    return f"({value!r})" if value.__class__ is int and value < 0 else repr(value)


def _keeping(run: Callable[..., Any]) -> Callable[..., Any]:
    def outermost(*arguments: Any) -> Any:
        try:
            return run(*arguments)
        except EvaluationError as error:
            error.outermost = True
            raise

    return outermost
