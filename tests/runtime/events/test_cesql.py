"""CloudEvents SQL 1.0: values, errors and what is refused, as the specification has them."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from faas_runtime.events import cesql

EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "e-1",
    "type": "com.acme.order.created",
    "source": "https://shop.example/eu",
    "subject": "Zürich",
    "amount": 250,
    "count": "12",
    "big": True,
    "flag": "FALSE",
    "absent": None,
}


def evaluate(text: str, **more: Any) -> tuple[Any, list[str]]:
    value, errors = cesql.parse(text).evaluate({**EVENT, **more})
    return value, [error.kind for error in errors]


VALUES = [
    # literals
    ("'say \\'no\\''", "say 'no'"),
    ('"say \\"no\\""', 'say "no"'),
    ("'other \\n backslashes \\\\ stay'", "other \\n backslashes \\\\ stay"),
    ("'über\n二'", "über\n二"),
    ("-2147483648", -(2**31)),
    ("+2147483647", 2**31 - 1),
    ("007", 7),
    ("fAlSe", False),
    # attributes
    ("type", "com.acme.order.created"),
    ("TYPE", "com.acme.order.created"),
    ("amount", 250),
    ("big", True),
    # arithmetic
    ("2+3*4-1", 13),
    ("10-2-3", 5),
    ("100 / 10 / 5", 2),
    ("-7 / 2", -3),
    ("-7 % 3", -1),
    ("7 % -3", 1),
    ("- amount", -250),
    ("--5", 5),
    ("amount + count", 262),
    ("TRUE + TRUE", 2),
    # comparisons; the right one's type decides for = and !=
    ("count = 12", True),
    ("count = '12'", True),
    ("amount = '250'", True),
    ("count = 012", True),
    ("count = '012'", False),
    ("big = 'true'", True),
    ("big = 'TRUE'", False),
    ("flag = FALSE", True),
    ("amount = TRUE", True),
    ("12 = count", True),
    ("count < amount", True),
    ("count >= 12", True),
    ("type <> 'x'", True),
    ("1 < 2 = TRUE", True),
    ("'a' = 'A'", False),
    # logic
    ("FALSE AND 1 / 0 = 1", False),
    ("TRUE OR 1 / 0 = 1", True),
    ("TRUE XOR TRUE XOR TRUE", True),
    ("TRUE OR TRUE AND FALSE", False),
    ("FALSE AND FALSE OR TRUE", True),
    ("NOT big = FALSE", True),
    ("NOT NOT big", True),
    ("not 10", False),
    ("'true' AND 1", True),
    # LIKE
    ("type LIKE 'com.acme.%'", True),
    ("type LIKE '%.created'", True),
    ("type LIKE '%order%'", True),
    ("type LIKE 'com.%.created'", True),
    ("type LIKE '%.%.%.%.%'", False),
    ("subject LIKE 'Z_rich'", True),
    ("subject LIKE '______'", True),
    ("subject LIKE 'z%'", False),
    ("'50%' LIKE '50\\%'", True),
    ("'505' LIKE '50\\%'", False),
    ("'a_b' LIKE 'a\\_b'", True),
    ("'a\\b' LIKE 'a\\b'", True),
    ("'a.b' LIKE 'a%.%b'", True),
    ("'axb' LIKE 'a.b'", False),
    ("'' LIKE '%'", True),
    ("'' LIKE ''", True),
    ("'a\nb' LIKE 'a_b'", True),
    ("'ab\n' LIKE 'ab'", False),
    ("amount LIKE '2%'", True),
    ("type NOT LIKE 'org.%'", True),
    # IN: the left one's type decides
    ("type IN ('a', 'com.acme.order.created')", True),
    ("amount IN ('249', '250')", True),
    ("count IN (12, 13)", True),
    ("'012' IN (12, 13)", False),
    ("12 IN ('012')", True),
    ("big IN ('TRUE')", True),
    ("amount NOT IN (1, 2)", True),
    ("type IN (subject, type)", True),
    ("amount IN (count + 238)", True),
    ("amount IN (250, 'no number')", True),
    # EXISTS
    ("EXISTS subject AND EXISTS ID", True),
    ("EXISTS nothing", False),
    ("EXISTS absent", False),
    ("NOT EXISTS nothing", True),
    # functions
    ("LENGTH(subject)", 6),
    ("length (amount)", 3),
    ("CONCAT()", ""),
    ("CONCAT(count, '-', big, 1)", "12-true1"),
    ("CONCAT_WS('/')", ""),
    ("CONCAT_WS('/', 'a', 'b', 3)", "a/b/3"),
    ("LOWER('ÄB')", "äb"),
    ("UPPER('äb')", "ÄB"),
    ("TRIM('\u2003 a b\u00a0\u3000')", "a b"),
    ("TRIM('\x1f a')", "\x1f a"),
    ("LEFT(subject, 2)", "Zü"),
    ("LEFT('abc', 9)", "abc"),
    ("RIGHT(subject, 3)", "ich"),
    ("RIGHT('abc', 0)", ""),
    ("RIGHT('abc', 9)", "abc"),
    ("SUBSTRING('abcdef', 3)", "cdef"),
    ("SUBSTRING('abcdef', -2)", "ef"),
    ("SUBSTRING('abcdef', 0)", ""),
    ("SUBSTRING('abcdef', 2, 3)", "bcd"),
    ("SUBSTRING('abcdef', -3, 2)", "de"),
    ("SUBSTRING('abcdef', 5, 99)", "ef"),
    ("SUBSTRING('abcdef', 1, 0)", ""),
    ("ABS(-5)", 5),
    ("INT('-012')", -12),
    ("INT(big)", 1),
    ("BOOL('TrUe')", True),
    ("BOOL(-3)", True),
    ("STRING(007)", "7"),
    ("STRING(flag)", "FALSE"),
    ("IS_INT(count)", True),
    ("IS_INT(type)", False),
    ("IS_BOOL('no')", False),
    ("IS_BOOL(2)", True),
]


@pytest.mark.parametrize(("text", "value"), VALUES, ids=[text for text, _ in VALUES])
def test_a_right_expression_has_a_value_and_no_error(text: str, value: Any) -> None:
    given, errors = evaluate(text)
    assert (given, type(given), errors) == (value, type(value), [])
    assert cesql.compile(text)(EVENT) is (value is True)


FAILURES = [
    # what fails gives the zero value of what the whole expression gives
    ("nothing", False, "missingAttribute"),
    ("absent", False, "missingAttribute"),
    ("nothing = ''", False, "missingAttribute"),
    ("nothing != ''", False, "missingAttribute"),
    ("NOT nothing", False, "missingAttribute"),
    ("TRUE AND nothing", False, "missingAttribute"),
    ("nothing OR TRUE", False, "missingAttribute"),
    ("nothing * 5", 0, "missingAttribute"),
    ("1 / nothing", 0, "missingAttribute"),
    ("-nothing", 0, "missingAttribute"),
    ("CONCAT('a', nothing)", "", "missingAttribute"),
    ("IS_INT(nothing)", False, "missingAttribute"),
    ("nothing NOT LIKE '%'", False, "missingAttribute"),
    ("nothing IN ('a')", False, "missingAttribute"),
    ("type IN ('a', nothing)", False, "missingAttribute"),
    ("1 / 0", 0, "math"),
    ("1 % 0", 0, "math"),
    ("1 != 1 / 0", False, "math"),
    ("2147483647 + 1", 0, "math"),
    ("-2147483648 - 1", 0, "math"),
    ("65536 * 65536", 0, "math"),
    ("-(-2147483648)", 0, "math"),
    ("-2147483648 / -1", 0, "math"),
    ("INT('1_0')", 0, "cast"),
    ("INT(' 1')", 0, "cast"),
    ("INT('٣')", 0, "cast"),
    ("INT('2147483648')", 0, "cast"),
    ("BOOL('yes')", False, "cast"),
    ("type > 1", False, "cast"),
    ("type + 1", 0, "cast"),
    ("type = 1", False, "cast"),
    ("NOT type", False, "cast"),
    ("amount IN ('no number', 250)", False, "cast"),
    # but a function that says what it gives gives that
    ("ABS(-2147483648)", 2147483647, "math"),
    ("LEFT('abc', -1)", "abc", "functionEvaluation"),
    ("RIGHT('abc', -1)", "abc", "functionEvaluation"),
    ("LEFT(LEFT('abc', -1), 2)", "", "functionEvaluation"),
    ("LENGTH(LEFT('abc', -1))", 0, "functionEvaluation"),
    ("ABS(-2147483648) > 1", False, "math"),
    ("SUBSTRING('abc', 4)", "", "functionEvaluation"),
    ("SUBSTRING('abc', -4)", "", "functionEvaluation"),
    ("SUBSTRING('abc', 1, -1)", "", "functionEvaluation"),
]


@pytest.mark.parametrize(("text", "value", "kind"), FAILURES, ids=[text for text, _, _ in FAILURES])
def test_a_failing_expression_has_a_value_too_and_does_not_pass(text: str, value: Any, kind: str) -> None:
    given, errors = evaluate(text)
    assert (given, type(given), errors) == (value, type(value), [kind])
    assert cesql.compile(text)(EVENT) is False


def test_a_value_that_is_no_boolean_does_not_pass() -> None:
    assert not cesql.compile("LENGTH(type)")(EVENT)
    assert not cesql.compile("word")({"word": "true"})
    assert cesql.compile("big")(EVENT)


def test_values_beyond_the_type_system_read_as_text_or_fail() -> None:
    time = datetime(2026, 11, 23, 14, 0, 5, 250_000, UTC)
    assert evaluate("time", time=time) == ("2026-11-23T14:00:05.250000Z", [])
    assert evaluate("time LIKE '%+02:00'", time=time.astimezone(timezone(timedelta(hours=2)))) == (True, [])
    assert evaluate("raw", raw=b"\x00\xff") == ("AP8=", [])
    assert evaluate("huge = '3000000000'", huge=3_000_000_000) == (True, [])
    assert evaluate("huge > 1", huge=3_000_000_000) == (False, ["cast"])
    assert evaluate("list = ''", list=[1]) == (False, ["generic"])


def test_an_event_cannot_make_a_text_of_any_size() -> None:
    expression = f"LENGTH(CONCAT({', '.join(['id'] * 1000)}))"
    assert evaluate(expression, id="x" * 1000) == (1_000_000, [])
    assert evaluate(expression, id="x" * 60_000) == (0, ["functionEvaluation"])
    assert evaluate(f"CONCAT_WS(id, {', '.join(['id'] * 1000)})", id="x" * 60_000) == ("", ["functionEvaluation"])


SYNTAX = [
    ("", 0, "expected an attribute, a value or a function, found the end"),
    ("type =", 6, "expected an attribute, a value or a function, found the end"),
    ("type == 'a'", 6, "equality is written with one '='"),
    ("type = 'a", 7, "this string has no closing '"),
    ("type = 'it''s'", 11, "a ' inside of a string is written \\'"),
    ("type 'a'", 5, "expected an operator or the end, found a string"),
    ("(type = 'a'", 11, "expected ')' to close the parenthesis, found the end"),
    ("type = 'a')", 10, "expected an operator or the end, found ')'"),
    ("type LIKE subject", 10, "the pattern of LIKE is a string, found 'subject'"),
    ("type NOT 'a'", 9, "expected LIKE or IN after NOT, found a string"),
    ("type IN ()", 9, "the set of IN is empty"),
    ("type IN 'a'", 8, "expected '(' after IN, found a string"),
    ("EXISTS 'a'", 7, "EXISTS takes an attribute's name, found a string"),
    ("my_type = 'a'", 0, "'my_type' is no attribute's name: letters and digits"),
    ("data.amount > 1", 4, "unexpected '.': an expression sees the event's attributes"),
    ("a && b", 2, "unexpected '&': write AND"),
    ("a > + b", 4, "expected an attribute, a value or a function, found '+'"),
    ("a > 2147483648", 4, "an integer has 32 bits: -2147483648 to 2147483647"),
    ("a > -" + "9" * 5000, 4, "an integer has 32 bits"),
    ("LENGTH(type", 11, "expected ')' after the arguments of LENGTH, found the end"),
    ("(" * 100 + "a" + ")" * 100, 40, "the expression has more than 40 levels"),
    ("1" + " + a" * 60, 158, "the expression has more than 40 levels"),
    ("a OR " * 20_000 + "b", 65_536, "an expression has 65536 characters at most"),
]


@pytest.mark.parametrize(("text", "position", "words"), SYNTAX, ids=[text[:40] for text, _, _ in SYNTAX])
def test_what_is_no_expression_is_refused_with_its_place(text: str, position: int, words: str) -> None:
    with pytest.raises(cesql.CESQLSyntaxError) as caught:
        cesql.parse(text)
    assert (caught.value.position, caught.value.kind) == (position, "parse")
    assert caught.value.message.startswith(words)
    assert str(caught.value).endswith(f" (at character {position + 1})")


def test_unknown_functions_and_wrong_numbers_of_arguments_are_found_when_it_is_read() -> None:
    with pytest.raises(cesql.MissingFunctionError, match="there is no function LENGHT; did you mean LENGTH") as caught:
        cesql.parse("big AND LENGHT(type) > 1")
    assert (caught.value.position, caught.value.kind) == (8, "missingFunction")
    with pytest.raises(cesql.MissingFunctionError, match="SUBSTRING takes 2 or 3 arguments, not 1"):
        cesql.parse("SUBSTRING(type)")
    with pytest.raises(cesql.MissingFunctionError, match="CONCAT_WS takes 1 and more arguments, not 0"):
        cesql.parse("CONCAT_WS()")


def test_a_refusal_shows_its_line_with_a_caret() -> None:
    with pytest.raises(cesql.CESQLSyntaxError) as caught:
        cesql.parse("type = 'a'\nAND\tamount >\nOR big")
    assert caught.value.explain() == (
        "expected an attribute, a value or a function, found 'OR'\n"
        "  OR big\n"
        "  ^"
    )  # fmt: skip
    with pytest.raises(cesql.CESQLSyntaxError) as caught:
        cesql.parse("a = 1 AND " * 20 + "b = = 2" + " AND c = 3" * 20)
    _, line, caret = caught.value.explain().split("\n")
    assert len(line) < 130
    assert line[caret.index("^") - 2 :].startswith("= = 2")


FAULTS = [
    ("LENGTH(type)", 0, "a filter is true or false, and this gives an Integer"),
    ("amount > 1 / 0", 11, "this fails for every event: division by zero"),
    ("amount > 'many'", 9, "this fails for every event: 'many' is not an Integer"),
    ("'x' = 5", 4, "this fails for every event: 'x' is not an Integer"),
    ("big AND 'x'", 8, "this fails for every event: 'x' is not a Boolean"),
    ("NOT type = 'x'", 9, "true or false is never = 'x'; NOT is stronger than =, so write NOT (… = …)"),
    ("(type LIKE 'a%') != 'x'", 17, "true or false is always != 'x'"),
]


@pytest.mark.parametrize(("text", "position", "words"), FAULTS, ids=[text for text, _, _ in FAULTS])
def test_a_filter_that_cannot_be_right_has_a_fault(text: str, position: int, words: str) -> None:
    assert cesql.parse(text).faults == ((words, position),)


@pytest.mark.parametrize(
    "text", ["big", "TRUE", "FALSE", "NOT (type = 'x')", "big = 'true'", "1 = count", "type IN ('a') OR big"]
)
def test_a_filter_that_may_be_right_has_none(text: str) -> None:
    assert cesql.parse(text).faults == ()


def test_operators_that_others_read_in_another_order_are_told() -> None:
    ((words, position),) = cesql.parse("a = 1 OR b = 2 AND c = 3").warnings
    assert position == 15
    assert words.startswith("OR and AND side by side")
    assert cesql.parse("a = 1 OR (b = 2 AND c = 3) OR d = 4").warnings == ()
    assert cesql.parse("(a = 1 OR b = 2) AND c = 3 AND d = 4").warnings == ()


REQUIRED: list[tuple[str, dict[str, set[str]]]] = [
    ("type = 'a'", {"type": {"a"}}),
    ("type = 'a' AND amount > 1 AND source = '/s'", {"type": {"a"}, "source": {"/s"}}),
    ("type IN ('a', 'b')", {"type": {"a", "b"}}),
    ("type = 'a' OR (type = 'b' AND big)", {"type": {"a", "b"}}),
    ("type = 'a' OR source = '/s'", {}),
    ("type = 'a' AND type IN ('b', 'c')", {"type": set()}),
    ("type LIKE 'a\\_b'", {"type": {"a_b"}}),
    ("type LIKE 'a_b'", {}),
    ("'a' = type", {"type": {"a"}}),
    ("'7' = count", {}),  # 07 as well
    ("count IN ('7', 'a')", {}),
    ("count = 7", {}),
    ("count = '7'", {"count": {"7"}}),
    ("NOT (type = 'a')", {}),
    ("type = CONCAT('a', 'b')", {"type": {"ab"}}),
]


@pytest.mark.parametrize(("text", "required"), REQUIRED, ids=[text for text, _ in REQUIRED])
def test_what_an_expression_requires_is_known(text: str, required: dict[str, set[str]]) -> None:
    assert cesql.parse(text).required == required


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        ("(", ")"),
        ("NOT ", ""),
        ("-", ""),
        ("UPPER(", ")"),
        ("1 + (", ")"),
        ("(", ") LIKE 'a_%'"),
        ("(", ") NOT LIKE 'a_%'"),
        ("big IN (", ")"),
        ("(", ") NOT IN (amount, 2)"),
        ("(", ") = 'x'"),
        ("big XOR (", ")"),
    ],
)
def test_as_many_levels_as_are_read_can_be_evaluated(begin: str, end: str) -> None:
    levels = 40
    while levels:
        try:
            expression = cesql.parse(begin * levels + "b" + end * levels)
            break
        except cesql.CESQLSyntaxError:
            levels -= 1
    assert levels >= 13
    expression.evaluate(EVENT)
    assert expression.matches(EVENT) in (True, False)


def test_a_long_chain_is_no_depth() -> None:
    text = " OR ".join(f"amount = {n}" for n in range(2000))
    assert cesql.compile(text)({"amount": 1999})
    assert not cesql.compile(text)({"amount": 2000})
    assert cesql.compile(" XOR ".join(["big"] * 4001))({"big": True})


def test_text_of_the_user_is_never_code() -> None:
    hostile = "x') or __import__('os') or ('"
    assert evaluate('type = "' + hostile + '"', type=hostile) == (True, [])
    assert cesql.compile('type IN ("' + hostile + '", "{v}", "\\")")')({"type": hostile})
