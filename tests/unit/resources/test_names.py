"""Names: children, Revisions, Python functions. The long ones are those that a cluster gives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faas.resources.names import (
    UnusableName,
    child_name,
    dns_label,
    label_1035_problem,
    label_problem,
    pod_name,
    revision_name,
    subdomain_problem,
)

LABELS = st.from_regex(r"[a-z]([a-z0-9-]{0,80}[a-z0-9])?", fullmatch=True)


@pytest.mark.parametrize(
    ("parent", "suffix", "expected"),
    [
        pytest.param("hello", "-deployment", "hello-deployment", id="short"),
        pytest.param("f" * 63, "-deploy", "f" * 24 + "105d7597f637e83cc711605ac3ea4957-deploy", id="long parent"),
        pytest.param("a", "f" * 63, "ab5cfd486935decbc0d305799f4ce4414" + "f" * 30, id="long suffix"),
        pytest.param("b" * 32, "f" * 32, "b" * 31 + "329c7c81b9ab3ba71aa139066aa5625d", id="both long"),
        pytest.param(
            "a" * 17, "a" + ".-" * 6 + "." + "a" * 37, "a" * 18 + "1eb10dc911444f8434af83b7225442da", id="ends in dots"
        ),
    ],
)
def test_a_child_is_named_after_its_parent_in_63_characters(parent: str, suffix: str, expected: str) -> None:
    assert child_name(parent, suffix) == expected


@given(LABELS, st.from_regex(r"-[a-z0-9]{1,40}", fullmatch=True))
def test_a_childs_name_is_always_a_label(parent: str, suffix: str) -> None:
    assert label_problem(child_name(parent, suffix)) is None


@given(LABELS, LABELS, st.from_regex(r"-[a-z0-9]{1,12}", fullmatch=True))
def test_different_parents_have_differently_named_children(one: str, other: str, suffix: str) -> None:
    assert (child_name(one, suffix) == child_name(other, suffix)) == (one == other)


def test_a_revision_has_the_generation_in_its_name() -> None:
    assert revision_name("hello", 1) == "hello-00001"
    assert revision_name("hello", 123456) == "hello-123456"


def test_a_pod_is_named_after_its_revision() -> None:
    assert pod_name("hello-00001", "x7f2c") == "hello-00001-deployment-x7f2c"


@pytest.mark.parametrize(
    ("name", "label"),
    [("get_order", "get-order"), ("hello", "hello"), ("_private_", "private"), ("v2", "v2"), ("Report", "report")],
)
def test_a_python_name_becomes_a_label(name: str, label: str) -> None:
    assert dns_label(name) == label


@pytest.mark.parametrize("name", ["__", "größe", "x" * 64], ids=["nothing left", "not ascii", "too long"])
def test_a_python_name_that_makes_no_label_is_refused_by_name(name: str) -> None:
    with pytest.raises(UnusableName, match=name):
        dns_label(name)


@pytest.mark.parametrize(
    ("name", "label", "label_1035", "subdomain"),
    [
        pytest.param("hello", True, True, True, id="plain"),
        pytest.param("9lives", True, False, True, id="leading digit"),
        pytest.param("a.b", False, False, True, id="dots"),
        pytest.param("-a", False, False, False, id="leading dash"),
        pytest.param("a-", False, False, False, id="trailing dash"),
        pytest.param("Hello", False, False, False, id="capital"),
        pytest.param("", False, False, False, id="empty"),
        pytest.param("a" * 64, False, False, True, id="64 characters"),
        pytest.param("a\n", False, False, False, id="newline"),
    ],
)
def test_what_is_a_label_and_what_a_subdomain(name: str, label: bool, label_1035: bool, subdomain: bool) -> None:
    assert (label_problem(name) is None) == label
    assert (label_1035_problem(name) is None) == label_1035
    assert (subdomain_problem(name) is None) == subdomain
