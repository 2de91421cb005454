"""What a list after a gap says has happened."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from faas.client.http.watching import differences


def obj(name: str, uid: str = "1", version: str = "1") -> dict[str, Any]:
    return {"metadata": {"namespace": "ns", "name": name, "uid": uid, "resourceVersion": version}}


def told(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[tuple[str, str]]:
    known = {("ns", item["metadata"]["name"]): item for item in before}
    return [(event.type, event.object["metadata"]["name"]) for event in differences(known, after)]


def test_each_kind_of_change_is_told() -> None:
    before = [obj("kept"), obj("changed"), obj("gone"), obj("replaced")]
    after = [obj("kept"), obj("changed", version="2"), obj("new"), obj("replaced", uid="2", version="3")]

    assert told(before, after) == [
        ("DELETED", "gone"),
        ("DELETED", "replaced"),
        ("MODIFIED", "changed"),
        ("ADDED", "new"),
        ("ADDED", "replaced"),
    ]


OBJECTS = st.lists(
    st.builds(obj, st.sampled_from("abcd"), st.sampled_from("12"), st.sampled_from("123")),
    unique_by=lambda item: item["metadata"]["name"],
)


@given(OBJECTS, OBJECTS)
def test_whoever_follows_what_is_told_ends_with_what_is_listed(
    before: list[dict[str, Any]], after: list[dict[str, Any]]
) -> None:
    known = {("ns", item["metadata"]["name"]): item for item in before}
    followed = {item["metadata"]["name"]: item for item in before}
    for event in differences(known, after):
        name = event.object["metadata"]["name"]
        if event.type == "DELETED":
            del followed[name]
        else:
            followed[name] = event.object

    versions = {name: (item["metadata"]["uid"], item["metadata"]["resourceVersion"]) for name, item in followed.items()}
    assert versions == {
        item["metadata"]["name"]: (item["metadata"]["uid"], item["metadata"]["resourceVersion"]) for item in after
    }
