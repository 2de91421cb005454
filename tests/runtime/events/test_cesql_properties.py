"""Generated code against a plain reading of the specification, for expressions and events of all kinds."""

import string
from typing import Any

import pytest
from faas_runtime.events import cesql
from faas_runtime.events.attributes import text_of
from faas_runtime.events.cesql import functions, like, nodes
from faas_runtime.events.cesql.parser import Parser
from hypothesis import example, given
from hypothesis import strategies as st

WORDS = st.sampled_from(["", "a", "ab", "a_b", "a%", "7", "07", "-1", "true", "FALSE", "a\\%", "2147483647"])
LITERALS = st.one_of(
    st.integers(-(2**31), 2**31 - 1).map(str),
    st.integers(-3, 12).map(str),
    st.sampled_from(["TRUE", "false"]),
    WORDS.map(lambda word: f"'{word}'"),
)
ATTRIBUTES = st.sampled_from(["type", "n", "text", "flag", "gone"])
ARGUMENTS = {name: sorted({len(each.parameters) for each in known}) for name, known in functions.FUNCTIONS.items()}
EVENTS = st.fixed_dictionaries(
    {"type": WORDS.filter(bool)},
    optional={
        "n": st.integers(-3, 12) | st.sampled_from([2**31 - 1, -(2**31), 2**40]),
        "text": WORDS,
        "flag": st.booleans() | st.sampled_from(["true", "0"]) | st.none(),
    },
)


def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    part = inner.map(lambda text: f"({text})")
    operators = ["+", "-", "*", "/", "%", "=", "!=", "<>", "<", "<=", ">", ">=", "AND", "OR", "XOR"]
    calls = [call(name, inner, count) for name, counts in ARGUMENTS.items() for count in counts]
    return st.one_of(
        st.tuples(part, st.sampled_from(operators), part).map(" ".join),
        st.tuples(st.sampled_from(["NOT", "-"]), part).map(" ".join),
        st.tuples(part, st.sampled_from(["LIKE", "NOT LIKE"]), WORDS.map(lambda word: f"'{word}'")).map(" ".join),
        st.tuples(part, st.sampled_from(["IN", "NOT IN"]), st.lists(inner, min_size=1, max_size=3)).map(
            lambda parts: f"{parts[0]} {parts[1]} ({', '.join(parts[2])})"
        ),
        ATTRIBUTES.map(lambda name: f"EXISTS {name}"),
        st.one_of(calls),
    )


def call(name: str, argument: st.SearchStrategy[str], count: int) -> st.SearchStrategy[str]:
    return st.lists(argument, min_size=count, max_size=count).map(lambda texts: f"{name}({', '.join(texts)})")


EXPRESSIONS = st.recursive(LITERALS | ATTRIBUTES, larger, max_leaves=8)


class Failed(Exception):
    pass


def as_string(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def as_integer(value: Any) -> int:
    if isinstance(value, str):
        digits = value.removeprefix("-") if value.startswith("-") else value.removeprefix("+")
        if not digits or set(digits) - set(string.digits):
            raise Failed
    return within_32_bits(int(value))


def as_boolean(value: Any) -> bool:
    if isinstance(value, str) and value.lower() not in ("true", "false"):
        raise Failed
    return value.lower() == "true" if isinstance(value, str) else bool(value)


CASTS: dict[type, Any] = {str: as_string, int: as_integer, bool: as_boolean}
KINDS: dict[str, Any] = {"string": as_string, "integer": as_integer, "boolean": as_boolean, "any": lambda value: value}


def within_32_bits(number: int) -> int:
    if not -(2**31) <= number < 2**31:
        raise Failed
    return number


def value_of(node: nodes.Node, event: dict[str, Any]) -> Any:
    """The specification, as plainly as it can be said. Raises: Failed."""
    match node:
        case nodes.Constant(value):
            return value
        case nodes.Attribute(name):
            held: Any = event.get(name)
            if held is None:
                raise Failed
            return str(held) if isinstance(held, int) and abs(held) > 2**31 else held
        case nodes.Exists(name):
            return event.get(name) is not None
        case nodes.Not(operand):
            return not as_boolean(value_of(operand, event))
        case nodes.Negate(operand):
            return within_32_bits(-as_integer(value_of(operand, event)))
        case nodes.Like(operand, pattern):
            return is_like(as_string(value_of(operand, event)), pattern)
        case nodes.Logic(operator, operands):
            result = as_boolean(value_of(operands[0], event))
            for operand in operands[1:]:
                if (operator == "AND" and not result) or (operator == "OR" and result):
                    return result
                right = as_boolean(value_of(operand, event))
                result = right != result if operator == "XOR" else right
            return result
        case nodes.In(operand, items):
            left = value_of(operand, event)
            return any(CASTS[type(left)](value_of(item, event)) == left for item in items)
        case nodes.Comparison(operator, left_node, right_node):
            left, right = value_of(left_node, event), value_of(right_node, event)
            if operator in ("=", "!="):
                return (CASTS[type(right)](left) == right) == (operator == "=")
            low, high = as_integer(left), as_integer(right)
            return {"<": low < high, "<=": low <= high, ">": low > high, ">=": low >= high}[operator]
        case nodes.Arithmetic(operator, left_node, right_node):
            x, y = as_integer(value_of(left_node, event)), as_integer(value_of(right_node, event))
            if operator in "/%" and y == 0:
                raise Failed
            exact = {"+": x + y, "-": x - y, "*": x * y}
            if operator in exact:
                return within_32_bits(exact[operator])
            quotient = int(abs(x) / abs(y)) * (1 if (x < 0) == (y < 0) else -1)
            return within_32_bits(quotient) if operator == "/" else x - y * quotient
        case nodes.Call(name, arguments):
            function = functions.find(name, len(arguments))
            assert function
            values = [KINDS[function.parameter(n)](value_of(each, event)) for n, each in enumerate(arguments)]
            try:
                return function.run(*values)
            except cesql.EvaluationError:
                raise Failed from None


def is_like(text: str, pattern: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(is_like(text[start:], pattern[1:]) for start in range(len(text) + 1))
    if pattern[:2] in ("\\%", "\\_"):
        return text[:1] == pattern[1] and is_like(text[1:], pattern[2:])
    return bool(text) and pattern[0] in ("_", text[0]) and is_like(text[1:], pattern[1:])


@given(EXPRESSIONS, EVENTS)
@example("text IN ('7', n)", {"type": "a", "text": "7"})
@example("-2147483648 % -1", {"type": "a"})
def test_an_expression_gives_what_the_specification_says(text: str, event: dict[str, Any]) -> None:
    expression = cesql.parse(text)
    given_value, errors = expression.evaluate(event)
    try:
        wanted = value_of(Parser(text).parse(), event)
    except (Failed, RecursionError):
        assert len(errors) == 1
        assert expression.matches(event) is False
    else:
        assert (given_value, type(given_value), errors) == (wanted, type(wanted), ())
        assert expression.matches(event) is (wanted is True)
    assert expression.evaluate(event)[0] == given_value


@given(EXPRESSIONS, EVENTS)
@example("type IN ('a', 'ab') AND text = '7' OR 'a' = type", {"type": "a", "text": "7"})
def test_nothing_is_true_without_what_is_required(text: str, event: dict[str, Any]) -> None:
    expression = cesql.parse(text)
    if expression.matches(event):
        for name, texts in expression.required.items():
            assert text_of(event[name]) in texts


@given(EXPRESSIONS, EVENTS)
@example("(1 / 0) = n", {"type": "a", "n": 1})
@example("- (type > 'a')", {"type": "a"})
def test_what_is_said_to_fail_for_every_event_does(text: str, event: dict[str, Any]) -> None:
    expression = cesql.parse(text)
    lazy = any(word in text for word in ("AND", "OR", "IN"))  # what comes before may decide
    if not lazy and any("fails for every event" in words for words, _ in expression.faults):
        assert len(expression.evaluate(event)[1]) == 1


@given(st.text("ab%_\\", max_size=8), st.text("ab%_\\", max_size=8))
def test_like_matches_what_a_plain_matcher_does(text: str, pattern: str) -> None:
    assert cesql.compile(f"text LIKE {quoted(pattern)}")({"text": text}) == is_like(text, unquoted(pattern))


@given(st.text(string.printable + "äß漢", max_size=40))
def test_any_text_is_read_or_refused_with_a_place_in_it(text: str) -> None:
    refused = refusal(text)
    if refused is not None:
        assert 0 <= refused.position <= len(text)
        assert refused.explain().count("\n") == 2


@given(st.text("aAnNdDoOrR '\"()=<>!,.%+-_\\10", max_size=30))
def test_any_text_of_its_own_characters_is_read_or_refused(text: str) -> None:
    refused = refusal(text)
    assert refused is None or 0 <= refused.position <= len(text)


@pytest.mark.parametrize("pattern", ["%a" * 30 + "b", "%_" * 30, "a%" * 30 + "_b", "%a_b" * 20])
def test_no_pattern_takes_more_than_linear_time(pattern: str) -> None:
    read = like.read(pattern)
    assert (".*?" in read.regex) == ("(?>" in read.regex)  # no part is tried at a second place
    cesql.compile(f"text LIKE '{pattern}'")({"text": "a" * 20_000})  # backtracking would not end


def refusal(text: str) -> cesql.CESQLSyntaxError | None:
    try:
        cesql.compile(text)({"a": "x"})
    except cesql.CESQLSyntaxError as error:
        return error
    return None


def quoted(pattern: str) -> str:
    """As a literal; a backslash at the end would take the quote's meaning, so there are two of them then."""
    return f"'{pattern}\\'" if ends_open(pattern) else f"'{pattern}'"


def unquoted(pattern: str) -> str:
    return f"{pattern}\\" if ends_open(pattern) else pattern


def ends_open(pattern: str) -> bool:
    return (len(pattern) - len(pattern.rstrip("\\"))) % 2 == 1
