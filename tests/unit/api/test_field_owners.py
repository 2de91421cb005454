"""Server-side apply: who owns which field, what is merged, what is removed, what conflicts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faas.engine.api.objects.apply import fieldset, managers, typed
from faas.engine.api.objects.apply.managers import ApplyConflict, Manager, Managers
from faas.resources.kinds import CONFIG_MAP, SERVICE_ACCOUNT
from faas.resources.schema import field_tree

ACCOUNT_SCHEMA, MAP_SCHEMA = field_tree(SERVICE_ACCOUNT), field_tree(CONFIG_MAP)
NOW = "2026-01-01T00:00:00Z"


def apply(live: Any, owners: Managers, name: str, config: Any, *, force: bool = False) -> tuple[Any, Managers]:
    return managers.applied(owners, MAP_SCHEMA, live, config, Manager(name, "Apply"), NOW, "v1", force=force)


def update(live: Any, new: Any, owners: Managers, name: str) -> Managers:
    return managers.updated(owners, MAP_SCHEMA, live, new, Manager(name, "Update", "v1"), NOW, "v1")


def fields_of(owners: Managers, name: str) -> dict[str, Any]:
    return next((fieldset.encode(owned.fields) for manager, owned in owners.items() if manager.name == name), {})


def test_an_apply_owns_what_it_states_in_the_form_of_the_wire() -> None:
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "x", "labels": {"l": "1"}},
        "data": {"a": ""},
    }
    _, owners = apply({"metadata": {}}, {}, "me", config)
    assert managers.encode(owners) == [
        {
            "apiVersion": "v1",
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": {"f:a": {}}, "f:metadata": {"f:labels": {"f:l": {}}}},
            "manager": "me",
            "operation": "Apply",
            "time": NOW,
        }
    ]


def test_list_items_are_named_by_their_keys() -> None:
    account = {"secrets": [{"name": "app", "kind": "Secret"}], "metadata": {"finalizers": ["x.dev/a"]}}
    wire = fieldset.encode(fieldset.owned(typed.field_set(ACCOUNT_SCHEMA, account)))
    assert wire == {
        "f:metadata": {"f:finalizers": {'v:"x.dev/a"': {}}},
        "f:secrets": {'k:{"name":"app"}': {".": {}, "f:kind": {}, "f:name": {}}},
    }


def test_what_is_no_longer_stated_goes_unless_another_owns_it() -> None:
    live, owners = apply({"metadata": {}}, {}, "one", {"metadata": {}, "data": {"a": "1", "b": "1"}})
    live, owners = apply(live, owners, "two", {"metadata": {}, "data": {"b": "1"}})
    live, owners = apply(live, owners, "one", {"metadata": {}, "data": {"c": "1"}})
    assert live["data"] == {"b": "1", "c": "1"}
    assert fields_of(owners, "one") == {"f:data": {"f:c": {}}}
    assert fields_of(owners, "two") == {"f:data": {"f:b": {}}}


def test_another_value_of_another_managers_field_is_a_conflict() -> None:
    live, owners = apply({"metadata": {}}, {}, "one", {"metadata": {}, "data": {"a": "1", "b": "1"}})
    with pytest.raises(ApplyConflict) as caught:
        apply(live, owners, "two", {"metadata": {}, "data": {"a": "2"}})
    assert str(caught.value) == 'Apply failed with 1 conflict: conflict with "one": .data.a'
    with pytest.raises(ApplyConflict) as caught:
        apply(live, owners, "two", {"metadata": {}, "data": {"a": "2", "b": "2"}})
    assert str(caught.value) == 'Apply failed with 2 conflicts: conflicts with "one":\n- .data.a\n- .data.b'


def test_force_takes_the_field_over() -> None:
    live, owners = apply({"metadata": {}}, {}, "one", {"metadata": {}, "data": {"a": "1", "b": "1"}})
    live, owners = apply(live, owners, "two", {"metadata": {}, "data": {"a": "2"}}, force=True)
    assert live["data"] == {"a": "2", "b": "1"}
    assert fields_of(owners, "one") == {"f:data": {"f:b": {}}}


def test_the_same_value_is_shared() -> None:
    live, owners = apply({"metadata": {}}, {}, "one", {"metadata": {}, "data": {"a": "1"}})
    _, owners = apply(live, owners, "two", {"metadata": {}, "data": {"a": "1"}})
    assert fields_of(owners, "one") == fields_of(owners, "two") == {"f:data": {"f:a": {}}}


def test_an_update_takes_what_it_changes_from_its_owner() -> None:
    live, owners = apply({"metadata": {}}, {}, "one", {"metadata": {}, "data": {"a": "1", "b": "1"}})
    owners = update(live, {**live, "data": {"a": "2", "b": "1"}}, owners, "editor")
    assert fields_of(owners, "one") == {"f:data": {"f:b": {}}}
    assert fields_of(owners, "editor") == {"f:data": {"f:a": {}}}


def test_an_update_conflict_says_when_it_was() -> None:
    owners = update({"metadata": {}}, {"metadata": {}, "data": {"a": "1"}}, {}, "kubectl-edit")
    with pytest.raises(ApplyConflict, match=rf'conflict with "kubectl-edit" using v1 at {NOW}: \.data\.a'):
        apply({"metadata": {}, "data": {"a": "1"}}, owners, "me", {"metadata": {}, "data": {"a": "2"}})


def test_list_maps_merge_by_key_and_keep_the_others_items() -> None:
    live = {"secrets": [{"name": "a", "kind": "1"}, {"name": "b", "kind": "1"}]}
    config = {"secrets": [{"name": "c", "kind": "1"}, {"name": "b", "kind": "2"}]}
    merged = typed.merge(ACCOUNT_SCHEMA, live, config)
    assert {item["name"]: item["kind"] for item in merged["secrets"]} == {"a": "1", "b": "2", "c": "1"}
    names = [item["name"] for item in merged["secrets"]]
    assert names.index("c") < names.index("b")


def test_items_of_a_list_map_and_of_a_set_are_removed_one_by_one() -> None:
    live = {"secrets": [{"name": "a"}, {"name": "b"}], "metadata": {"finalizers": ["x", "y"]}}
    doomed = frozenset({("f:secrets", 'k:{"name":"a"}'), ("f:metadata", "f:finalizers", 'v:"y"')})
    left = typed.remove(ACCOUNT_SCHEMA, live, doomed)
    assert left == {"secrets": [{"name": "b"}], "metadata": {"finalizers": ["x"]}}


def test_an_item_that_another_owns_a_field_of_stays() -> None:
    schema = ACCOUNT_SCHEMA
    one, two = Manager("one", "Apply"), Manager("two", "Update", "v1")
    base = {"metadata": {}}
    live, owners = managers.applied({}, schema, base, {"metadata": {}, "secrets": [{"name": "a"}]}, one, NOW, "v1")
    edited = {**live, "secrets": [{"name": "a", "kind": "Secret"}]}
    owners = managers.updated(owners, schema, live, edited, two, NOW, "v1")
    live, _ = managers.applied(owners, schema, edited, {"metadata": {"labels": {"l": "1"}}}, one, NOW, "v1")
    assert [item["kind"] for item in live["secrets"]] == ["Secret"]


def test_items_that_cannot_be_told_apart_are_refused() -> None:
    with pytest.raises(typed.Undecidable, match="duplicate entries"):
        typed.field_set(ACCOUNT_SCHEMA, {"secrets": [{"name": "a"}, {"name": "a"}]})
    with pytest.raises(typed.Undecidable, match="lacks its key"):
        typed.field_set(ACCOUNT_SCHEMA, {"secrets": [{"kind": "a"}]})


DATA = st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["1", "2"]), max_size=4)
CONFIGS = st.builds(lambda data, labels: {"metadata": {"labels": labels} if labels else {}, "data": data}, DATA, DATA)


@given(st.lists(st.tuples(st.sampled_from(["one", "two"]), CONFIGS), max_size=5), CONFIGS)
def test_an_apply_does_the_same_twice_and_its_statement_holds(history: Any, config: Any) -> None:
    live: Any = {"metadata": {}}
    owners: Managers = {}
    for name, earlier in history:
        live, owners = apply(live, owners, name, earlier, force=True)
    once, owners_once = apply(live, owners, "me", config, force=True)
    assert config["data"].items() <= once.get("data", {}).items()
    assert apply(once, owners_once, "me", config) == (once, owners_once)


@given(st.lists(st.tuples(st.sampled_from(["one", "two"]), CONFIGS), min_size=1, max_size=6))
def test_every_field_that_is_there_has_an_owner_and_every_owner_a_field(history: Any) -> None:
    live: Any = {"metadata": {}}
    owners: Managers = {}
    for name, config in history:
        live, owners = apply(live, owners, name, config, force=True)
    there = {path for path in fieldset.owned(typed.field_set(MAP_SCHEMA, live)) if len(path) > 1}
    held = {path for owned in owners.values() for path in owned.fields if len(path) > 1}
    assert {path for path in there if path[-1] != "f:labels"} == {path for path in held if path[-1] != "f:labels"}


PATHS = st.lists(st.sampled_from(["f:a", "f:b", 'k:{"n":"x"}', 'v:"s"']), min_size=1, max_size=3).map(tuple)


@given(st.frozensets(PATHS, max_size=8))
def test_field_sets_survive_the_wire(fields: Any) -> None:
    assert fieldset.decode(fieldset.encode(fields)) == fields
