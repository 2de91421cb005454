"""Decorators: what they return, record and refuse."""

from pathlib import Path
from typing import Any

import pytest
from faas_runtime.app import Application
from faas_runtime.declaring.registry import REGISTRY
from faas_runtime.errors import OptionError
from faas_runtime.options import checking
from faas_runtime.options.known import OPTIONS
from hypothesis import given
from hypothesis import strategies as st

from faas import DeclarationError, Event, WebSocket, function

LINE = Path(__file__).name


def declared() -> Any:
    (only,) = REGISTRY.functions.values()
    return only


def test_every_form_returns_the_very_callable() -> None:
    def handler() -> None: ...

    assert function(handler) is handler
    assert function(min_scale=1)(handler) is handler
    assert function("/a")(handler) is handler
    assert function.http("/b")(handler) is handler
    assert function.event(type="t")(handler) is handler
    assert function.on_start(handler) is handler


def test_stacked_decorators_make_one_function_with_its_triggers_in_the_order_of_the_source() -> None:
    @function.http("/a", min_scale=1)
    @function.event(type="com.acme.x", retry=3)
    @function.http("/b", methods=["get"], max_scale=4)
    def handler() -> None: ...

    found = declared()
    assert [(d.kind, d.path, d.methods) for d in found.declarations] == [
        ("http", "/a", ()), ("event", "", ("POST",)), ("http", "/b", ("GET",)),
    ]  # fmt: skip
    assert found.options == {"min_scale": 1, "max_scale": 4}
    assert found.declarations[1].options == {"retry": 3, "filters": [{"exact": {"type": "com.acme.x"}}]}


def test_contradicting_options_of_a_stack_are_refused() -> None:
    with pytest.raises(DeclarationError, match="contradicts min_scale=2"):

        @function.http("/a", min_scale=1)
        @function.http("/b", min_scale=2)
        def handler() -> None: ...


@pytest.mark.parametrize(
    ("given_options", "said"),
    [
        pytest.param({"min_scal": 1}, "no option 'min_scal'\n  did you mean 'min_scale'?", id="unknown"),
        pytest.param({"min_scale": -1}, "min_scale=-1 is out of range\n  it takes a whole number from 0", id="range"),
        pytest.param({"concurrency": 0}, "from 1 to 1000", id="concurrency"),
        pytest.param({"concurrency": True}, "from 1 to 1000", id="a bool is no number"),
        pytest.param({"timeout": "soon"}, "seconds from 1 to 3600", id="no duration"),
        pytest.param({"memory": "lots"}, "a quantity", id="no quantity"),
        pytest.param({"metric": "disk"}, "'concurrency', 'rps', 'cpu' or 'memory'", id="no metric"),
        pytest.param({"env": {"PORT": "1"}}, "without PORT", id="reserved variable"),
        pytest.param({"labels": {"a": 1}}, "label values", id="label"),
        pytest.param({"name": "No_Label"}, "DNS label", id="name"),
        pytest.param({"min_scale": 3, "max_scale": 2}, "above max_scale=2", id="bounds"),
        pytest.param({"methods": ["GTE"]}, "did you mean 'GET'", id="method"),
        pytest.param({"methods": "GET"}, "write methods=", id="methods as text"),
    ],
)
def test_a_wrong_option_says_where_and_what_is_right(given_options: dict[str, Any], said: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        function.http("/", **given_options)
    assert said in str(caught.value)
    assert caught.value.file == __file__
    assert str(caught.value).startswith(f"{__file__}:{caught.value.line}: ")


@pytest.mark.parametrize("path", ["orders", "/a?b", "/{id", "/{a}/{a}", "/{rest:path}/more", "/_faas/x", "/x{id}"])
def test_a_path_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(DeclarationError):
        function.http(path)


@pytest.mark.parametrize("decorate", [function.http, function.event])
def test_a_decorator_without_its_parentheses_says_how_to_write_it(decorate: Any) -> None:
    with pytest.raises(DeclarationError, match=r"stands without parentheses\n  write @function\."):
        decorate(lambda: None)


def test_a_misspelt_decorator_names_the_right_one() -> None:
    with pytest.raises(AttributeError, match=r"no @function.evnt; did you mean @function.event\?"):
        function.evnt  # noqa: B018


def test_a_filter_that_can_never_match_is_refused() -> None:
    for wrong in (
        {"type": ""},
        {"type": {"sufix": ".created"}},
        {"subject": {}},
        {"subject": {"prefx": "a"}},
        {"sql": " "},
        {"extensions": {"Bad": "x"}},
    ):
        with pytest.raises(DeclarationError):
            function.event(**wrong)  # type: ignore[arg-type]  # on purpose


def test_filters_are_written_as_knative_has_them() -> None:
    @function.event(type=["a", "b"], subject={"prefix": "eu/", "suffix": ".jpg"}, extensions={"big": True}, sql="n > 1")
    def handler(event: Event) -> None: ...

    assert declared().declarations[0].options["filters"] == [
        {"any": [{"exact": {"type": "a"}}, {"exact": {"type": "b"}}]},
        {"all": [{"prefix": {"subject": "eu/"}}, {"suffix": {"subject": ".jpg"}}]},
        {"exact": {"big": "true"}},
        {"cesql": "n > 1"},
    ]


def test_a_type_is_matched_as_every_other_attribute() -> None:
    @function.event(type={"prefix": "com.acme.", "suffix": ".created"})
    def handler(event: Event) -> None: ...

    assert declared().declarations[0].options["filters"] == [
        {"all": [{"prefix": {"type": "com.acme."}}, {"suffix": {"type": ".created"}}]}
    ]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        pytest.param(lambda: function.http("/{id}")(lambda: None), "no parameter 'id'", id="path parameter"),
        pytest.param(lambda: function(lambda request: None), "no annotation", id="unannotated"),
        pytest.param(lambda: function(_two_bodies), "2 body parameters", id="two bodies"),
        pytest.param(lambda: function(_rest), r"nothing can fill \*rest", id="star"),
        pytest.param(lambda: function(_unresolvable), "cannot be resolved", id="forward reference"),
        pytest.param(lambda: function(_sync_socket), "has to be `async def`", id="sync websocket"),
    ],
)
def test_a_signature_that_nothing_can_fill_is_refused_at_load(make: Any, said: str) -> None:
    make()
    with pytest.raises(DeclarationError, match=said):
        Application(list(REGISTRY.functions.values()))


def _two_bodies(a: dict, b: dict) -> None: ...  # type: ignore[type-arg]
def _rest(*rest: int) -> None: ...
def _unresolvable(a: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821
def _sync_socket(ws: WebSocket) -> None: ...


def test_two_functions_of_a_service_cannot_answer_the_same() -> None:
    @function.http("/x", service="shop")
    def one() -> None: ...

    @function.http("/x", methods=["GET"], service="shop")
    def two() -> None: ...  # GET beside any other method is fine

    @function.http("/x", methods=["GET", "PUT"], service="shop")
    def three() -> None: ...

    with pytest.raises(DeclarationError, match=r"both answer /x in the service 'shop'"):
        Application(list(REGISTRY.functions.values()))


def test_later_places_win_and_maps_are_merged_by_key() -> None:
    decorator = {"min_scale": 1, "timeout": "5m", "env": {"A": "1", "B": "1"}}
    file = {"min_scale": 2, "env": {"B": "2"}}
    environment = checking.from_environment({"FAAS_MIN_SCALE": "3", "FAAS_MEMORY": "256Mi", "FAAS_TARGET": ""})
    flag = {"concurrency": 7}
    assert checking.merge(decorator, file, environment, flag) == {
        "min_scale": 3, "timeout": 300.0, "env": {"A": "1", "B": "2"}, "memory": "256Mi", "concurrency": 7,
    }  # fmt: skip


def test_merged_bounds_have_to_agree() -> None:
    with pytest.raises(OptionError, match="above max_scale"):
        checking.merge({"max_scale": 2}, {"min_scale": 3})


@given(st.dictionaries(st.sampled_from(sorted(OPTIONS)), st.text() | st.integers() | st.floats() | st.none()))
def test_validation_only_ever_raises_its_own_error_and_its_result_is_valid(given_options: dict[str, Any]) -> None:
    try:
        normal = checking.validate(given_options)
    except OptionError:
        return
    assert checking.validate(normal) == normal
