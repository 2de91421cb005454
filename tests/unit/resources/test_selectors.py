"""Label and field selectors."""

from __future__ import annotations

from typing import Any

import pytest

from faas.resources.selectors import SelectorError, parse_fields, parse_labels

POD: dict[str, Any] = {
    "metadata": {"name": "a", "namespace": "default", "labels": {"app": "web", "tier": "2", "empty": ""}},
    "spec": {"nodeName": "n1", "hostNetwork": True, "containers": []},
    "status": {"phase": "Running"},
}


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ("", True),
        ("app=web", True),
        ("app==web", True),
        ("app=web,tier=2", True),
        ("app=api", False),
        ("app!=api", True),
        ("missing!=x", True),
        ("app in (web, api)", True),
        ("app in (api)", False),
        ("app notin (api,db)", True),
        ("missing notin (a)", True),
        ("app", True),
        ("missing", False),
        ("!missing", True),
        ("!app", False),
        ("empty=", True),
        ("app=", False),
        ("empty in (,x)", True),
        ("tier>1", True),
        ("tier>2", False),
        ("tier<3", True),
        ("app>1", False),
        ("serving.knative.dev/service=x", False),
        (" app = web , tier ", True),
    ],
)
def test_labels_are_selected(selector: str, matches: bool) -> None:
    assert parse_labels(selector).matches(POD) == matches


@pytest.mark.parametrize(
    "selector",
    ["app in", "app in (", "app in (a", "app=a=b", "=x", "app,,b", "a b", "app>x", "-a=b", "a=b/c", "app!", "a in b"],
)
def test_what_is_no_label_selector_is_refused_with_itself(selector: str) -> None:
    with pytest.raises(SelectorError, match="unable to parse label selector"):
        parse_labels(selector)


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ("", True),
        ("metadata.name=a", True),
        ("metadata.name==a,metadata.namespace=default", True),
        ("metadata.name!=a", False),
        ("status.phase!=Running", False),
        ("spec.nodeName=n1", True),
        ("spec.hostNetwork=true", True),
        ("spec.missing=", True),
        ("metadata.name.deeper=x", False),
        ("status.phase=", False),
    ],
)
def test_fields_are_selected(selector: str, matches: bool) -> None:
    assert parse_fields(selector).matches(POD) == matches


def test_a_field_selector_tells_which_value_a_field_must_have() -> None:
    selector = parse_fields(r"metadata.name=a\,b,metadata.namespace!=x")

    assert selector.value_of("metadata.name") == "a,b"
    assert selector.value_of("metadata.namespace") is None


def test_what_is_no_field_selector_is_refused_with_itself() -> None:
    with pytest.raises(SelectorError, match=r"metadata\.name"):
        parse_fields("metadata.name")
