"""Merge patch, JSON patch, strategic merge."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faas.engine.api.objects.apply.jsonpatch import PatchError, json_patch
from faas.engine.api.objects.apply.merge import merge_patch
from faas.engine.api.objects.apply.strategic import strategic_merge
from faas.resources.kinds import CONFIG_MAP, POD
from faas.resources.schema import field_tree

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab~/", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab~/", max_size=2), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text("ab", max_size=2), JSON, max_size=4)


@pytest.mark.parametrize(
    ("target", "patch", "expected"),
    [
        pytest.param({"a": "b"}, {"a": "c"}, {"a": "c"}, id="replaces"),
        pytest.param({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}, id="adds"),
        pytest.param({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}, id="removes"),
        pytest.param({"a": ["b"]}, {"a": "c"}, {"a": "c"}, id="list becomes text"),
        pytest.param({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}, id="nested"),
        pytest.param({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}, id="lists are replaced"),
        pytest.param({"e": None}, {"a": 1}, {"e": None, "a": 1}, id="null in the target stays"),
        pytest.param({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}, id="null in nothing"),
    ],
)
def test_merge_patch_as_in_rfc_7386(target: Any, patch: Any, expected: Any) -> None:
    assert merge_patch(target, patch) == expected


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_does_the_same_twice_and_changes_no_argument(target: Any, patch: Any) -> None:
    before = copy.deepcopy((target, patch))
    once = merge_patch(target, patch)
    assert merge_patch(once, patch) == once
    assert (target, patch) == before


@given(JSON)
def test_an_empty_merge_patch_changes_nothing(target: Any) -> None:
    assert merge_patch({"x": target}, {}) == {"x": target}


@pytest.mark.parametrize(
    ("document", "operations", "expected"),
    [
        pytest.param({"a": 1}, [{"op": "add", "path": "/b", "value": 2}], {"a": 1, "b": 2}, id="add member"),
        pytest.param({"a": [1, 3]}, [{"op": "add", "path": "/a/1", "value": 2}], {"a": [1, 2, 3]}, id="add item"),
        pytest.param({"a": [1]}, [{"op": "add", "path": "/a/-", "value": 2}], {"a": [1, 2]}, id="append"),
        pytest.param({"a": [1, 2]}, [{"op": "remove", "path": "/a/0"}], {"a": [2]}, id="remove item"),
        pytest.param({"a/b": 1}, [{"op": "replace", "path": "/a~1b", "value": 2}], {"a/b": 2}, id="escaped slash"),
        pytest.param({"a~b": 1}, [{"op": "remove", "path": "/a~0b"}], {}, id="escaped tilde"),
        pytest.param({"a": 1}, [{"op": "move", "from": "/a", "path": "/b"}], {"b": 1}, id="move"),
        pytest.param({"a": [1]}, [{"op": "copy", "from": "/a", "path": "/b"}], {"a": [1], "b": [1]}, id="copy"),
        pytest.param({"a": 1}, [{"op": "test", "path": "/a", "value": 1.0}], {"a": 1}, id="test"),
        pytest.param({"a": 1}, [{"op": "replace", "path": "", "value": {}}], {}, id="the whole document"),
    ],
)
def test_json_patch_as_in_rfc_6902(document: Any, operations: Any, expected: Any) -> None:
    assert json_patch(document, operations) == expected


@pytest.mark.parametrize(
    "operation",
    [
        pytest.param({"op": "remove", "path": "/b"}, id="nothing to remove"),
        pytest.param({"op": "replace", "path": "/b", "value": 1}, id="nothing to replace"),
        pytest.param({"op": "test", "path": "/a", "value": [2]}, id="test fails"),
        pytest.param({"op": "test", "path": "/a/0", "value": True}, id="true is not 1"),
        pytest.param({"op": "add", "path": "/a/2", "value": 1}, id="beyond the end"),
        pytest.param({"op": "add", "path": "/a/01", "value": 1}, id="leading zero"),
        pytest.param({"op": "add", "path": "a", "value": 1}, id="no pointer"),
        pytest.param({"op": "add", "path": "/a"}, id="no value"),
        pytest.param({"op": "move", "from": "/a", "path": "/a/0"}, id="into itself"),
        pytest.param({"op": "merge", "path": "/a", "value": 1}, id="unknown"),
        pytest.param("add", id="no object"),
    ],
)
def test_a_json_patch_that_does_not_fit_is_refused_whole(operation: Any) -> None:
    document = {"a": [1]}
    with pytest.raises(PatchError, match="operation 1"):
        json_patch(document, [{"op": "add", "path": "/new", "value": 1}, operation])
    assert document == {"a": [1]}


@given(st.dictionaries(st.text("ab~/", min_size=1, max_size=3), JSON, min_size=1, max_size=3), st.data())
def test_a_json_patch_finds_every_member_by_its_pointer(document: Any, data: Any) -> None:
    name = data.draw(st.sampled_from(sorted(document)))
    pointer = "/" + name.replace("~", "~0").replace("/", "~1")
    assert json_patch(document, [{"op": "test", "path": pointer, "value": document[name]}]) == document
    left = {key: value for key, value in document.items() if key != name}
    assert json_patch(document, [{"op": "remove", "path": pointer}]) == left


def containers(*pairs: tuple[str, str]) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": name, "image": image} for name, image in pairs]}}


def test_strategic_merge_finds_list_items_by_their_key() -> None:
    merged = strategic_merge(field_tree(POD), containers(("a", "1"), ("b", "1")), containers(("b", "2"), ("c", "3")))
    assert merged == containers(("a", "1"), ("b", "2"), ("c", "3"))


def test_strategic_merge_removes_a_list_item_that_is_marked() -> None:
    patch = {"spec": {"containers": [{"name": "a", "$patch": "delete"}]}}
    assert strategic_merge(field_tree(POD), containers(("a", "1"), ("b", "1")), patch) == containers(("b", "1"))


def test_strategic_merge_follows_directives() -> None:
    schema = field_tree(CONFIG_MAP)
    live = {"data": {"a": "1", "b": "2"}, "metadata": {"finalizers": ["x/1", "x/2"]}}
    assert strategic_merge(schema, live, {"data": {"$patch": "replace", "c": "3"}})["data"] == {"c": "3"}
    dropped = strategic_merge(schema, live, {"metadata": {"$deleteFromPrimitiveList/finalizers": ["x/1"]}})
    assert dropped["metadata"]["finalizers"] == ["x/2"]
    ordered = strategic_merge(
        field_tree(POD),
        containers(("a", "1"), ("b", "1")),
        {"spec": {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}},
    )
    assert ordered == containers(("b", "1"), ("a", "1"))
