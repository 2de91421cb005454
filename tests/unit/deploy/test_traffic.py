"""Splits of traffic as values."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faas.deploy.errors import TrafficError
from faas.deploy.services import traffic

LATEST = {"latestRevision": True, "percent": 100}


def rev(name: str, percent: int = 0, tag: str = "") -> dict[str, Any]:
    return {"revisionName": name, "latestRevision": False, "percent": percent, **({"tag": tag} if tag else {})}


def test_percents_are_given_together_or_one_by_one() -> None:
    assert traffic.parse_percents(["a-00001=90,@latest=10"]) == {"a-00001": 90, "@latest": 10}
    assert traffic.parse_percents(["a-00001=90%", "@latest=10"]) == {"a-00001": 90, "@latest": 10}
    assert traffic.parse_percents([]) == {}


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["a=50"], "adds up to 50"),
        (["a=50,a=50"], "names a twice"),
        (["a"], "is not REVISION=PERCENT"),
        (["a=x"], "is not REVISION=PERCENT"),
        (["=100"], "is not REVISION=PERCENT"),
        (["a=-1,b=101"], "is not REVISION=PERCENT"),
    ],
)
def test_percents_that_make_no_sense_are_refused(texts: list[str], message: str) -> None:
    with pytest.raises(TrafficError, match=message):
        traffic.parse_percents(texts)


@pytest.mark.parametrize("text", ["a", "a=", "a=Not_A_Label", "=x"])
def test_tags_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(TrafficError, match="is not REVISION=TAG"):
        traffic.parse_tags([text])


def test_a_new_split_keeps_the_tags() -> None:
    current = [LATEST, rev("a-00001", tag="old")]

    assert traffic.change(current, percents={"a-00001": 90, "@latest": 10}) == [
        rev("a-00001", 90),
        {"latestRevision": True, "percent": 10},
        rev("a-00001", 0, "old"),
    ]


def test_a_tag_moves_to_another_revision() -> None:
    current = [LATEST, rev("a-00001", tag="canary")]

    assert traffic.change(current, tags={"canary": "@latest"}) == [
        LATEST,
        {"latestRevision": True, "tag": "canary", "percent": 0},
    ]


def test_a_tag_is_taken_away() -> None:
    assert traffic.change([LATEST, rev("a-00001", tag="canary")], untag=["canary"]) == [LATEST]


def test_a_tag_that_is_not_there_cannot_be_taken_away() -> None:
    with pytest.raises(TrafficError, match="there is no tag 'canary'"):
        traffic.change([LATEST], untag=["canary"])


def test_a_tagged_target_with_a_share_keeps_both() -> None:
    assert traffic.change([rev("a-00001", 100, "stable")], tags={"canary": "@latest"}) == [
        rev("a-00001", 100),
        {"latestRevision": True, "tag": "canary", "percent": 0},
        rev("a-00001", 0, "stable"),
    ]


def test_pinning_gives_the_share_of_latest_to_the_revision_it_means_now() -> None:
    current = [rev("a-00001", 90), {"latestRevision": True, "percent": 10}]

    assert traffic.pin(current, "a-00002") == [rev("a-00001", 90), rev("a-00002", 10)]
    assert traffic.pin(current, "a-00001") == [rev("a-00001", 100)]


def test_what_a_server_fills_in_makes_no_difference() -> None:
    assert traffic.same([{"revisionName": "a", "percent": 100}], [rev("a", 100)])
    assert not traffic.same([LATEST], [rev("a", 100)])


splits = st.dictionaries(st.sampled_from(["@latest", "a-00001", "a-00002", "a-00003"]), st.integers(1, 100), min_size=1)


@given(
    splits.map(lambda split: {who: share * 100 // sum(split.values()) for who, share in split.items()}),
    st.dictionaries(st.sampled_from(["x", "y"]), st.sampled_from(["@latest", "a-00001"])),
    st.sampled_from(["a-00001", "a-00004"]),
)
def test_changes_and_pinning_never_change_the_sum(split: dict[str, int], tags: dict[str, str], latest: str) -> None:
    total = sum(split.values())
    if not total:
        return
    made = traffic.change([LATEST], percents=split, tags=tags)

    assert sum(target["percent"] for target in made) == total
    assert sum(target["percent"] for target in traffic.pin(made, latest)) == total
    assert {target["tag"] for target in traffic.pin(made, latest) if target.get("tag")} == set(tags)
    assert traffic.same(traffic.change(made), made)


@given(splits)
def test_what_is_held_reads_back(split: dict[str, int]) -> None:
    targets = traffic.change([LATEST], percents=split)
    service = {"metadata": {"annotations": {traffic.HELD: traffic.hold(targets)}}, "spec": {}}

    assert traffic.held(service) == targets
    assert traffic.wanted(service, new_revision=False) == targets


@given(splits)
def test_new_code_after_a_rollback_gets_everything_and_tags_stay(split: dict[str, int]) -> None:
    rolled = traffic.change([LATEST], percents=split, tags={"old": "web-00001"})
    service = {"metadata": {"annotations": {traffic.ROLLED_BACK: "web-00001"}}, "spec": {"traffic": rolled}}

    everything = [LATEST, rev("web-00001", tag="old")]
    assert traffic.same(traffic.wanted(service, new_revision=True), everything)
    assert traffic.same(traffic.wanted(service, new_revision=False), rolled)


def test_new_code_is_bypassed_by_every_split_that_does_not_give_it_all() -> None:
    def bypasses(*targets: dict[str, Any]) -> bool:
        return traffic.bypasses_new({"spec": {"traffic": list(targets)}})

    assert not bypasses()
    assert not bypasses(LATEST, rev("web-00001", tag="old"))
    assert bypasses(rev("web-00001", 100))
    assert bypasses(rev("web-00001", 90), {"latestRevision": True, "percent": 10, "tag": "canary"})
