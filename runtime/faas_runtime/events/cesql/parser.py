"""Tokens to a tree, by precedence climbing.

From tight to loose: calls; NOT and `-` before; LIKE; IN; `* / %`; `+ -`; comparisons; AND, OR and XOR alike. All that
is between two goes from left to right. So `NOT a = b` is `(NOT a) = b`: the specification puts NOT first.
Source: cesql/spec.md 2 and 3.6; cesql/CESQLParser.g4.
"""

from __future__ import annotations

from typing import NoReturn

from faas_runtime.events.cesql import functions
from faas_runtime.events.cesql.casts import MAX_INTEGER, MIN_INTEGER
from faas_runtime.events.cesql.errors import CESQLSyntaxError, MissingFunctionError
from faas_runtime.events.cesql.lexer import Token, tokens
from faas_runtime.events.cesql.nodes import (
    Arithmetic,
    Attribute,
    Call,
    Comparison,
    Constant,
    Exists,
    In,
    Like,
    Logic,
    Negate,
    Node,
    Not,
)

MAX_DEPTH = 40  # levels; Python's own parser takes 200 parentheses, and a level of generated code has up to four
MAX_TEXT = 64 * 1024  # characters: some thousand values in a set; it is compiled where events wait
_PREFIX, _LIKE, _IN, _LOGIC = 8, 7, 6, 2
_BINARY = {"*": 5, "/": 5, "%": 5, "+": 4, "-": 4,
           "=": 3, "!=": 3, "<>": 3, "<": 3, "<=": 3, ">": 3, ">=": 3}  # fmt: skip
_ADDING = 4  # and tighter: what makes a number


class Parser:
    """Of one text. `warnings` are places that others read differently: (message, position)."""

    def __init__(self, text: str) -> None:
        self.warnings: list[tuple[str, int]] = []
        self._text = text
        if len(text) > MAX_TEXT:
            raise CESQLSyntaxError(f"an expression has {MAX_TEXT} characters at most", MAX_TEXT, text)
        self._tokens = tokens(text)
        self._at = 0

    def parse(self) -> Node:
        """Raises: CESQLSyntaxError."""
        node = self._expression(0, 1)
        if self._next.sort != "end":
            self._fail(f"expected an operator or the end, found {self._next}")
        return node

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _fail(self, message: str, position: int | None = None) -> NoReturn:
        raise CESQLSyntaxError(message, self._next.position if position is None else position, self._text)

    def _expect(self, operator: str, why: str) -> None:
        if not self._next.is_operator(operator):
            self._fail(f"expected {operator!r} {why}, found {self._next}")
        self._take()

    def _level(self, position: int, *below: Node) -> int:
        depth = 1 + max((node.depth for node in below), default=0)
        if depth > MAX_DEPTH:
            self._fail(f"the expression has more than {MAX_DEPTH} levels", position)
        return depth

    def _expression(self, tightness: int, level: int) -> Node:
        """Everything that binds as tightly as that, or more. `level` guards this parser's own recursion."""
        if level > MAX_DEPTH:
            self._fail(f"the expression has more than {MAX_DEPTH} levels")
        left = self._operand(level)
        chain = ""  # the logical operator `left` was made with, here and not inside of parentheses
        while True:
            token = self._next
            if token.is_keyword("LIKE", "IN", "NOT") and tightness <= _LIKE:
                if (suffixed := self._suffixed(left, tightness, level)) is None:
                    return left
                left, chain = suffixed, ""
            elif token.sort == "operator" and (binding := _BINARY.get(token.text, -1)) >= tightness:
                left, chain = self._binary(left, binding, level), ""
            elif token.is_keyword("AND", "OR", "XOR") and tightness <= _LOGIC:
                left, chain = self._logic(left, chain, level), token.text
            else:
                return left

    def _operand(self, level: int) -> Node:
        token = self._next
        match token.sort:
            case "integer":
                return self._integer("")
            case "string":
                return Constant(self._take().text, token.position)
            case "name":
                return self._name(level)
            case "operator" if token.text == "(":
                self._take()
                node = self._expression(0, level + 1)
                self._expect(")", "to close the parenthesis")
                return node
            case "operator" if token.text in "+-" and self._sign_of_number():
                return self._integer(self._take().text)
            case "operator" if token.text == "-":
                self._take()
                operand = self._expression(_PREFIX, level + 1)
                return Negate(operand, token.position, self._level(token.position, operand))
            case "keyword" if token.text in ("TRUE", "FALSE"):
                return Constant(self._take().text == "TRUE", token.position)
            case "keyword" if token.text == "NOT":
                self._take()
                operand = self._expression(_PREFIX, level + 1)
                return Not(operand, token.position, self._level(token.position, operand))
            case "keyword" if token.text == "EXISTS":
                self._take()
                if self._next.sort not in ("name", "integer"):
                    self._fail(f"EXISTS takes an attribute's name, found {self._next}")
                return Exists(self._identifier(self._take()), token.position)
        self._fail(f"expected an attribute, a value or a function, found {token}")

    def _sign_of_number(self) -> bool:
        sign, number = self._tokens[self._at : self._at + 2]
        return number.sort == "integer" and sign.end == number.position

    def _integer(self, sign: str) -> Constant:
        token = self._take()
        position = token.position - len(sign)
        digits = token.text.lstrip("0") or "0"
        number = int(sign + digits) if len(digits) <= 10 else MAX_INTEGER + 1
        if not MIN_INTEGER <= number <= MAX_INTEGER:
            self._fail(f"an integer has 32 bits: {MIN_INTEGER} to {MAX_INTEGER}", position)
        return Constant(number, position)

    def _name(self, level: int) -> Node:
        token = self._take()
        if not self._next.is_operator("("):
            return Attribute(self._identifier(token), token.position)
        self._take()
        arguments = () if self._next.is_operator(")") else self._list(level)
        self._expect(")", f"after the arguments of {token.text}")
        name = token.text.upper()
        self._check_function(name, len(arguments), token.position)
        return Call(name, arguments, token.position, self._level(token.position, *arguments))

    def _identifier(self, token: Token) -> str:
        """Attributes are named in lower case, and found however they are written."""
        if "_" in token.text:
            self._fail(f"{token.text!r} is no attribute's name: letters and digits", token.position)
        return token.text.lower()

    def _check_function(self, name: str, count: int, position: int) -> None:
        known = functions.FUNCTIONS.get(name)
        if known is None:
            import difflib  # here: nothing that is right needs it

            close = difflib.get_close_matches(name, functions.FUNCTIONS, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(functions.FUNCTIONS)}"
            raise MissingFunctionError(f"there is no function {name}; {hint}", position, self._text)
        if functions.find(name, count) is None:
            takes = " or ".join(f"{len(each.parameters)}{' and more' if each.rest else ''}" for each in known)
            raise MissingFunctionError(f"{name} takes {takes} arguments, not {count}", position, self._text)

    def _list(self, level: int) -> tuple[Node, ...]:
        items = [self._expression(0, level + 1)]
        while self._next.is_operator(","):
            self._take()
            items.append(self._expression(0, level + 1))
        return tuple(items)

    def _suffixed(self, left: Node, tightness: int, level: int) -> Node | None:
        """`left [NOT] LIKE pattern` or `left [NOT] IN (…)`; None: IN does not bind as tightly as asked for."""
        negated = self._next.is_keyword("NOT")
        operator = self._tokens[self._at + 1] if negated else self._next
        if negated and not operator.is_keyword("LIKE", "IN"):
            self._fail(f"expected LIKE or IN after NOT, found {operator}", operator.position)
        if operator.is_keyword("IN") and tightness > _IN:
            return None
        position = self._take().position
        if negated:
            self._take()
        node = self._like(left, position) if operator.is_keyword("LIKE") else self._in(left, position, level)
        return Not(node, position, self._level(position, node)) if negated else node

    def _like(self, left: Node, position: int) -> Node:
        pattern = self._next
        if pattern.sort != "string":
            self._fail(f"the pattern of LIKE is a string, found {pattern}")
        return Like(left, self._take().text, position, self._level(position, left))

    def _in(self, left: Node, position: int, level: int) -> Node:
        self._expect("(", "after IN")
        if self._next.is_operator(")"):
            self._fail("the set of IN is empty")
        items = self._list(level)
        self._expect(")", "after the set of IN")
        return In(left, items, position, self._level(position, left, *items))

    def _binary(self, left: Node, binding: int, level: int) -> Node:
        token = self._take()
        if self._next.is_operator("=") and token.text in ("=", "<", ">", "!="):
            self._fail("equality is written with one '='")
        right = self._expression(binding + 1, level + 1)
        depth = self._level(token.position, left, right)
        if binding >= _ADDING:
            return Arithmetic(token.text, left, right, token.position, depth)
        operator = "!=" if token.text == "<>" else token.text
        return Comparison(operator, left, right, token.position, depth)

    def _logic(self, left: Node, chain: str, level: int) -> Node:
        """A run of one operator, however long."""
        first = self._next
        if chain:
            words = f"{chain} and {first.text} side by side: this reads them from left to right, Knative from right"
            self.warnings.append((f"{words} to left; parentheses make it the same", first.position))
        operands = [left]
        while self._next.is_keyword(first.text):
            self._take()
            operands.append(self._expression(_LOGIC + 1, level + 1))
        return Logic(first.text, tuple(operands), first.position, self._level(first.position, *operands))
