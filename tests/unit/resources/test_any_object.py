"""Whatever is sent: what passes the schema is defaulted and judged, and nothing in here falls over."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from faas.resources import kinds
from faas.resources.catalog import view_of
from faas.resources.config import Config
from faas.resources.defaulting import set_defaults
from faas.resources.fields import prune, type_errors, unknown_fields
from faas.resources.kinds import Kind
from faas.resources.schema import field_tree, fields
from faas.resources.validation import refusal, validate
from faas.resources.views import decode, encode

CONFIG = Config()
NAMES = sorted(
    {name for kind in kinds.KINDS for name in fields(view_of(kind))} | {"spec", "template", "traffic", "tag"}
)
INTERESTING = ("spec", "template", "containers", "traffic", "data")  # what is rarely there by chance is rarely tested
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 70000) | st.text(max_size=8) | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


def shaped(depth: int, field: Any) -> st.SearchStrategy[Any]:
    """Values that mostly fit a field."""
    match field.type:
        case "string" if field.format == "date-time":
            return st.just("2026-11-23T12:00:00Z")
        case "string" if field.format == "byte":
            return st.just("aGVsbG8=")
        case "string":
            return (
                st.sampled_from(field.enum) if field.enum else st.text(max_size=6) | st.sampled_from(["1Gi", "5s", "a"])
            )
        case "integer":
            return st.integers(-2, 70000)
        case "boolean":
            return st.booleans()
        case "int-or-string":
            return st.integers(-2, 10) | st.sampled_from(["100m", "http", "x"])
        case "array" if depth:
            return st.lists(shaped(depth - 1, field.item), max_size=2)
        case "map":
            return st.dictionaries(
                st.sampled_from(["a", "autoscaling.knative.dev/min-scale", "B/c"]), shaped(0, field.item)
            )
        case "object" if field.view is not None and depth:
            members = {name: shaped(depth - 1, member) for name, member in fields(field.view).items()}
            always = {name for name, member in fields(field.view).items() if member.required or name in INTERESTING}
            return st.fixed_dictionaries(
                {name: value for name, value in members.items() if name in always},
                optional={name: value for name, value in members.items() if name not in always},
            )
    return st.fixed_dictionaries({})


def objects(kind: Kind) -> st.SearchStrategy[Any]:
    return shaped(8, field_tree(kind)).map(lambda raw: {"metadata": {}} | raw)


def check(kind: Kind, raw: dict[str, Any]) -> None:
    before = copy.deepcopy(raw)
    pruned, unknown = prune(kind, raw)
    assert unknown == unknown_fields(kind, raw)
    assert unknown_fields(kind, pruned) == []
    if not type_errors(kind, pruned) and isinstance(pruned.get("metadata"), dict):
        defaulted = set_defaults(kind, pruned, CONFIG, user="jane")
        assert set_defaults(kind, defaulted, CONFIG, old=defaulted, user="john") == defaulted
        errors = validate(kind, defaulted, None, CONFIG)
        assert (refusal(kind, defaulted, errors) is None) == (not errors)
        view = decode(view_of(kind), defaulted)
        assert decode(view_of(kind), encode(view)) == view
    assert raw == before


@given(st.one_of([objects(kind).map(lambda raw, kind=kind: (kind, raw)) for kind in kinds.KINDS]))  # type: ignore[misc]
@settings(max_examples=300, deadline=None)
def test_what_fits_the_schema_is_defaulted_and_judged(case: tuple[Kind, dict[str, Any]]) -> None:
    check(*case)


@given(st.sampled_from(kinds.KINDS), st.dictionaries(st.sampled_from(NAMES), JUNK, max_size=5))
def test_junk_is_refused_by_its_types(kind: Kind, raw: dict[str, Any]) -> None:
    check(kind, {"metadata": {}} | raw)
