"""Filter lists as Knative evaluates them, what is refused, and the index of many."""

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from faas_runtime.declaring.filters import make_filters
from faas_runtime.events.attributes import text_of
from faas_runtime.events.conditions import FilterError
from faas_runtime.events.matching import TriggerIndex, check_filters, compile_filters, filter_warnings
from hypothesis import given, settings
from hypothesis import strategies as st

from faas import function

Filter = dict[str, Any]
ORDER: dict[str, Any] = {
    "specversion": "1.0",
    "id": "1",
    "type": "com.acme.order.created",
    "source": "/shop/eu",
    "amount": 250,
    "big": True,
    "empty": "",
    "gone": None,
}
NOTHING: Filter = {"exact": {}}  # a filter that filters nothing
PASSES: Filter = {"exact": {"type": "com.acme.order.created"}}
FAILS: Filter = {"exact": {"type": "other"}}


def passes(*filters: Filter, old: Filter | None = None) -> bool:
    return compile_filters(filters, old).matches(ORDER)


@pytest.mark.parametrize(
    ("each", "wanted"),
    [
        pytest.param({"exact": {"type": "com.acme.order.created"}}, True, id="exact"),
        pytest.param({"exact": {"type": "com.acme.order"}}, False, id="exact is not a prefix"),
        pytest.param({"exact": {"type": "com.acme.order.created", "source": "/x"}}, False, id="every attribute counts"),
        pytest.param({"exact": {"type": "com.acme.order.created", "source": "/shop/eu"}}, True, id="both match"),
        pytest.param({"exact": {"amount": "250"}}, True, id="a number by its text"),
        pytest.param({"exact": {"big": "true"}}, True, id="a boolean by its text"),
        pytest.param({"exact": {"big": "True"}}, False, id="a boolean is in lower case"),
        pytest.param({"exact": {"subject": "x"}}, False, id="a missing attribute"),
        pytest.param({"exact": {"gone": "None"}}, False, id="None is missing"),
        pytest.param({"prefix": {"type": "com.acme."}}, True, id="prefix"),
        pytest.param({"prefix": {"type": "com.acme.", "source": "/eu"}}, False, id="every prefix counts"),
        pytest.param({"prefix": {"amount": "25"}}, True, id="a prefix of a number"),
        pytest.param({"prefix": {"subject": "a"}}, False, id="prefix of a missing one"),
        pytest.param({"suffix": {"type": ".created"}}, True, id="suffix"),
        pytest.param({"suffix": {"big": "ue"}}, True, id="a suffix of a boolean"),
        pytest.param({"suffix": {"subject": "a"}}, False, id="suffix of a missing one"),
        pytest.param({"exact": {"empty": ""}}, True, id="an empty exact of an empty attribute"),
        pytest.param({"exact": {"type": ""}}, False, id="an empty exact of another"),
        pytest.param({"exact": {"subject": ""}}, False, id="an empty exact of a missing one"),
        pytest.param({"prefix": {"type": ""}}, True, id="an empty prefix is any value"),
        pytest.param({"prefix": {"subject": ""}}, False, id="an empty prefix of a missing one"),
        pytest.param({"suffix": {"amount": ""}}, True, id="an empty suffix is any value"),
        pytest.param({"suffix": {"empty": ""}}, False, id="but an empty one"),
        pytest.param({"all": [PASSES, PASSES]}, True, id="all"),
        pytest.param({"all": [PASSES, FAILS]}, False, id="all but one"),
        pytest.param({"any": [FAILS, PASSES]}, True, id="any"),
        pytest.param({"any": [FAILS, FAILS]}, False, id="any of none"),
        pytest.param({"any": [FAILS, {"prefix": {"type": "com"}}]}, True, id="any of different dialects"),
        pytest.param({"not": FAILS}, True, id="not"),
        pytest.param({"not": PASSES}, False, id="not what passes"),
        pytest.param({"not": {"any": [FAILS, {"not": PASSES}]}}, True, id="nested"),
        pytest.param({"cesql": "amount > 100 AND type LIKE 'com.%'"}, True, id="cesql"),
        pytest.param({"cesql": "amount > 300"}, False, id="cesql false"),
        pytest.param({"cesql": "missing = 'x' OR TRUE"}, False, id="a cesql error fails"),
        pytest.param({"not": {"cesql": "missing = 'x'"}}, True, id="and its not passes"),
        pytest.param({"cesql": "amount"}, False, id="cesql without a boolean"),
        # what filters nothing
        pytest.param({}, True, id="an empty filter"),
        pytest.param(NOTHING, True, id="an empty dialect"),
        pytest.param({"not": NOTHING}, True, id="not of nothing is nothing"),
        pytest.param({"not": {"not": {"all": []}}}, True, id="however deep"),
        pytest.param({"any": [NOTHING, FAILS]}, False, id="nothing does not make any pass"),
        pytest.param({"all": [NOTHING, FAILS]}, False, id="nor keep all from failing"),
        pytest.param({"any": []}, True, id="any of an empty list"),
        pytest.param({"cesql": ""}, True, id="an empty expression"),
    ],
)  # fmt: skip
def test_a_filter_passes_what_knative_lets_pass(each: Filter, wanted: bool) -> None:
    assert passes(each) is wanted


def test_a_list_is_an_implicit_all_and_an_empty_one_passes_everything() -> None:
    assert passes()
    assert passes(PASSES, {"cesql": "big"})
    assert not passes(PASSES, FAILS)


def test_the_old_filter_takes_an_empty_value_for_any_and_gives_way_to_filters() -> None:
    assert passes(old={"attributes": {"type": "com.acme.order.created", "amount": ""}})
    assert not passes(old={"attributes": {"type": "", "subject": ""}})
    assert not passes(old={"attributes": {"empty": ""}})
    assert not passes(old={"attributes": {"type": "other"}})
    assert passes(old={"attributes": {}})
    assert passes(PASSES, old={"attributes": {"type": "other"}})


def test_attributes_read_as_they_travel() -> None:
    assert [text_of(value) for value in ("a", 5, True, False)] == ["a", "5", "true", "false"]
    assert text_of(datetime(2026, 11, 23, 14, 0, 5, tzinfo=UTC)) == "2026-11-23T14:00:05Z"


@pytest.mark.parametrize(
    ("filters", "required"),
    [
        pytest.param([{"exact": {"type": "a", "source": "/s"}}], {"type": {"a"}, "source": {"/s"}}, id="exact"),
        pytest.param([{"prefix": {"type": "a"}}], {}, id="prefix"),
        pytest.param([{"not": {"exact": {"type": "a"}}}], {}, id="not"),
        pytest.param([{"any": [{"exact": {"type": "a"}}, {"exact": {"type": "b"}}]}], {"type": {"a", "b"}}, id="any"),
        pytest.param([{"any": [{"exact": {"type": "a"}}, {"exact": {"id": "b"}}]}], {}, id="any of several names"),
        pytest.param([{"any": [{"exact": {"type": "a", "id": "1"}}, {"cesql": "type = 'b'"}]}],
                     {"type": {"a", "b"}}, id="any of what all name"),
        pytest.param([{"all": [{"exact": {"type": "a"}}, {"exact": {"type": "b"}}]}], {"type": set()}, id="never"),
        pytest.param([{"exact": {"faassource": "mqtt"}}, {"cesql": "type IN ('a', 'b') AND n > 1"}],
                     {"faassource": {"mqtt"}, "type": {"a", "b"}}, id="a list"),
        pytest.param([{"any": [{"exact": {}}, {"exact": {"type": "a"}}]}], {"type": {"a"}}, id="any with nothing"),
    ],
)  # fmt: skip
def test_what_a_filter_list_requires_is_known(filters: list[Filter], required: dict[str, set[str]]) -> None:
    assert compile_filters(filters).required == required


@pytest.mark.parametrize(
    ("filters", "problems"),
    [
        pytest.param([PASSES, NOTHING, {"not": {"cesql": "big"}}], [], id="right"),
        pytest.param({"exact": {}}, [("", "expected a list of filters, not {'exact': {}}")], id="no list"),
        pytest.param(["type"], [("[0]", "expected a filter, as {exact: {type: …}}, not 'type'")], id="no filter"),
        pytest.param([{"equals": {"type": "a"}}],
                     [("[0].equals",
                       "there is no such dialect; there are exact, prefix, suffix, all, any, not, cesql")],
                     id="unknown dialect"),
        pytest.param([{"exact": {"type": "a"}, "not": {"exact": {"id": "1"}}}],
                     [("[0]", "has exact and not; a filter has one dialect, and `all` takes several filters")],
                     id="two dialects"),
        pytest.param([PASSES, {"any": [{"all": [{"prefix": {"Type": "a"}}]}]}],
                     [("[1].any[0].all[0].prefix",
                       "'Type' is no attribute's name: a lower-case letter, then lower-case letters and digits")],
                     id="a name, nested"),
        pytest.param([{"suffix": {"type": ""}}], [], id="an empty value, which Knative takes"),
        pytest.param([{"exact": {"amount": 5}}], [("[0].exact.amount", "expected a string, not 5")], id="a number"),
        pytest.param([{"exact": ["type"]}], [("[0].exact", "expected attributes and their values, not ['type']")],
                     id="no mapping"),
        pytest.param([{"cesql": 5}], [("[0].cesql", "expected an expression, not 5")], id="no expression"),
        pytest.param([{"not": {"cesql": "type = "}}],
                     [("[0].not.cesql", "expected an attribute, a value or a function, found the end\n"
                                        "  type = \n"
                                        "         ^")], id="cesql"),
        pytest.param([{"cesql": "NOT type = 'a'"}],
                     [("[0].cesql", "true or false is never = 'a'; NOT is stronger than =, so write NOT (… = …)\n"
                                    "  NOT type = 'a'\n"
                                    "           ^")], id="cesql that never passes"),
    ],
)  # fmt: skip
def test_a_filter_that_cannot_be_right_is_found_with_its_place(filters: Any, problems: list[tuple[str, str]]) -> None:
    assert check_filters(filters) == problems


def test_filters_nest_as_deep_as_anybody_writes_them_and_no_deeper() -> None:
    nested: Filter = PASSES
    for _ in range(31):
        nested = {"not": nested}
    assert (check_filters([nested]), passes(nested)) == ([], False)
    for _ in range(2000):
        nested = {"all": [nested]}
    ((at, words),) = check_filters([nested])
    assert (at, words) == ("[0]" + ".all[0]" * 32, "filters are nested more than 32 levels deep")
    with pytest.raises(FilterError, match="more than 32 levels"):
        compile_filters([nested])


def test_what_a_cluster_reads_differently_is_told_with_its_place() -> None:
    mixed = {"cesql": "big OR amount > 1 AND type = 'a'"}
    assert [at for at, _ in filter_warnings([PASSES, mixed, {"any": [FAILS, {"not": mixed}]}])] == [
        "[1].cesql",
        "[2].any[1].not.cesql",
    ]
    assert filter_warnings([{"all": [{"prefix": {"type": "", "source": "/s"}}]}], "filters") == [
        ("filters[0].all[0].prefix.type",
         "an empty prefix passes events with any value of that attribute but an empty one; Knative's own broker leaves"
         " such a filter out and passes all events: say what is meant, or leave it out"),
    ]  # fmt: skip


@pytest.mark.parametrize("filters", [[{"cesql": "type ="}], [{"equals": {"type": "a"}}], [{**PASSES, "cesql": "big"}]])
def test_what_was_not_checked_is_refused_when_it_is_compiled(filters: list[Filter]) -> None:
    with pytest.raises(FilterError, match=r"\[0\]"):
        compile_filters(filters)


def test_a_decorator_refuses_sql_that_cannot_be_right_where_it_stands() -> None:
    with pytest.raises(Exception, match=r"sql: there is no function LENGHT; did you mean LENGTH\?") as caught:

        @function.event(sql="LENGHT(type) > 1")
        def never(data: Any) -> None: ...

    assert "test_matching.py" in str(caught.value)


def test_what_a_decorator_makes_is_right() -> None:
    filters = make_filters(["a", "b"], {"prefix": "/s"}, None, {"big": True}, "amount > 1")
    assert check_filters(filters) == []
    assert compile_filters(filters).required == {"type": {"a", "b"}, "big": {"true"}}


def test_an_index_gives_whom_an_event_is_for() -> None:
    index = TriggerIndex[str]()
    index.add("orders", compile_filters([{"exact": {"type": "order"}}]))
    index.add("big", compile_filters([{"cesql": "type IN ('order', 'refund') AND amount > 100"}]))
    index.add("everything", compile_filters([]))
    index.add("never", compile_filters([{"all": [{"exact": {"type": "a"}}, {"exact": {"type": "b"}}]}]))
    assert sorted(index.wanting({"type": "order", "amount": 5})) == ["everything", "orders"]
    assert sorted(index.wanting({"type": "refund", "amount": 500})) == ["big", "everything"]
    index.replace("orders", compile_filters([{"exact": {"type": "refund"}}]))
    index.remove("everything")
    assert index.wanting({"type": "order", "amount": 5}) == []
    assert sorted(index.wanting({"type": "refund", "amount": 500})) == ["big", "orders"]
    assert (list(index), len(index), "never" in index) == (["big", "never", "orders"], 3, True)
    with pytest.raises(KeyError):
        index.add("big", compile_filters([]))
    with pytest.raises(KeyError):
        index.remove("everything")


@pytest.mark.parametrize(
    "filters",
    [
        pytest.param(lambda n: {"exact": {"type": f"t{n}"}}, id="of different types"),
        pytest.param(lambda n: {"exact": {"type": "t", "source": f"/{n}"}}, id="of one type and different sources"),
        pytest.param(lambda n: {"cesql": f"type = 't' AND faassource = '{n}'"}, id="by cesql"),
    ],
)
def test_an_event_asks_few_of_many_triggers(filters: Callable[[int], Filter]) -> None:
    asked: list[int] = []

    def counted(n: int) -> Any:
        matcher = compile_filters([filters(n)])

        def matches(attributes: Any) -> bool:
            asked.append(n)
            return matcher.matches(attributes)

        return type(matcher)(matches, matcher.required)

    index = TriggerIndex[int]()
    for n in range(100):
        index.add(n, counted(n))
    found = index.wanting({"type": "t", "source": "/7", "faassource": "7"}) + index.wanting({"type": "t7"})
    assert found == [7]
    assert len(asked) <= 2


NAMES = st.sampled_from(["type", "source", "faassource", "n"])
TEXTS = st.sampled_from(["a", "b", "ab", "5", "true", "/s"])
ATTRIBUTES = st.dictionaries(NAMES, TEXTS, max_size=2)
SQL = st.one_of(
    st.tuples(NAMES, TEXTS).map(lambda pair: f"{pair[0]} = '{pair[1]}'"),
    st.tuples(NAMES, st.lists(TEXTS, min_size=1, max_size=3)).map(lambda pair: f"{pair[0]} IN ({str(pair[1])[1:-1]})"),
    st.tuples(NAMES, st.integers(0, 9)).map(lambda pair: f"{pair[0]} < {pair[1]}"),
)
JOINED = st.lists(SQL, min_size=2, max_size=3).flatmap(
    lambda each: st.sampled_from([" AND ", " OR "]).map(lambda word: word.join(each))
)
LEAVES = st.one_of(
    st.tuples(st.sampled_from(["exact", "prefix", "suffix"]), ATTRIBUTES).map(lambda pair: {pair[0]: pair[1]}),
    (SQL | JOINED).map(lambda text: {"cesql": text}),
)
FILTERS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["all", "any"]), st.lists(inner, max_size=3)).map(lambda pair: {pair[0]: pair[1]}),
        inner.map(lambda each: {"not": each}),
    ),
    max_leaves=5,
)
EVENTS = st.dictionaries(NAMES, TEXTS | st.sampled_from([5, 3, True, False, None]), max_size=4)


@settings(deadline=None)  # the first example compiles what the others find
@given(st.lists(st.lists(FILTERS, max_size=3), max_size=6), st.lists(st.integers(0, 5), max_size=4), EVENTS)
def test_an_index_finds_what_asking_everybody_finds(
    lists: list[list[Filter]], changed: list[int], event: dict[str, Any]
) -> None:
    matchers = dict(enumerate(map(compile_filters, lists)))
    index = TriggerIndex[int]()
    for key, matcher in matchers.items():
        index.add(key, matcher)
    for key in changed:
        if key in matchers and key % 2:
            index.remove(key)
            del matchers[key]
        elif matchers:
            matchers[key] = compile_filters(lists[key % len(lists)])
            index.replace(key, matchers[key])
    assert sorted(index.wanting(event)) == sorted(key for key, each in matchers.items() if each.matches(event))


@given(st.lists(FILTERS, max_size=3))
def test_right_filters_compile(filters: list[Filter]) -> None:
    if check_filters(filters) == []:
        compile_filters(filters)


def test_a_function_without_sql_loads_no_parser() -> None:
    program = (
        "import sys, faas_runtime.app, faas_runtime.declaring.decorators\n"
        "@faas_runtime.declaring.decorators.function.event(type='a')\n"
        "def handle(data): ...\n"
        "parsers = ('faas_runtime.events.cesql', 'faas_runtime.events.matching')\n"
        "print([name for name in sys.modules if name.startswith(parsers)])"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"
