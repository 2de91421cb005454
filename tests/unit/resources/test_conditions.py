"""How conditions add up to Ready."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faas.resources import kinds
from faas.resources.conditions import (
    REVISION_CONDITIONS,
    ROUTE_CONDITIONS,
    SERVICE_CONDITIONS,
    ConditionSet,
    conditions_of,
    find,
    is_ready,
)
from faas.resources.meta import Condition, Conditions, ConditionStatus

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)


def statuses(conditions: Conditions) -> dict[str, str]:
    return {condition.type: condition.status for condition in conditions}


def test_a_new_object_knows_nothing_yet() -> None:
    conditions = SERVICE_CONDITIONS.initialize((), NOW)

    assert statuses(conditions) == {"ConfigurationsReady": "Unknown", "Ready": "Unknown", "RoutesReady": "Unknown"}
    assert [condition.type for condition in conditions] == ["ConfigurationsReady", "Ready", "RoutesReady"]


def test_a_dependent_that_is_new_does_not_make_a_ready_object_unready() -> None:
    ready = (Condition(type="Ready", status="True", last_transition_time=NOW),)

    assert statuses(SERVICE_CONDITIONS.initialize(ready, LATER)) == {
        "ConfigurationsReady": "True",
        "Ready": "True",
        "RoutesReady": "True",
    }


def test_ready_once_all_dependents_are_true() -> None:
    conditions = SERVICE_CONDITIONS.initialize((), NOW)
    conditions = SERVICE_CONDITIONS.mark(conditions, "RoutesReady", "True", now=NOW)
    assert not is_ready(conditions)

    conditions = SERVICE_CONDITIONS.mark(conditions, "ConfigurationsReady", "True", now=NOW)
    assert is_ready(conditions)


def test_what_fails_lends_ready_its_reason_and_message() -> None:
    conditions = REVISION_CONDITIONS.initialize((), NOW)
    conditions = REVISION_CONDITIONS.mark(conditions, "ContainerHealthy", "False", "ExitCode1", "it said: no", now=NOW)

    ready = find(conditions, "Ready")
    assert ready is not None
    assert (ready.status, ready.reason, ready.message) == ("False", "ExitCode1", "it said: no")


def test_a_failure_stands_while_something_else_becomes_unknown() -> None:
    conditions = REVISION_CONDITIONS.mark((), "ContainerHealthy", "False", "ExitCode1", now=NOW)
    conditions = REVISION_CONDITIONS.mark(conditions, "ResourcesAvailable", "Unknown", "Deploying", now=LATER)

    ready = find(conditions, "Ready")
    assert ready is not None
    assert (ready.status, ready.reason) == ("False", "ExitCode1")


def test_the_newest_of_several_failures_speaks_for_ready() -> None:
    conditions = ROUTE_CONDITIONS.mark((), "IngressReady", "False", "First", now=NOW)
    conditions = ROUTE_CONDITIONS.mark(conditions, "AllTrafficAssigned", "False", "Second", now=LATER)
    conditions = ROUTE_CONDITIONS.mark(conditions, "CertificateProvisioned", "True", "TLSNotEnabled", now=LATER)

    ready = find(conditions, "Ready")
    assert ready is not None
    assert ready.reason == "Second"


def test_an_informative_condition_leaves_ready_alone() -> None:
    conditions = REVISION_CONDITIONS.mark((), "ResourcesAvailable", "True", now=NOW)
    conditions = REVISION_CONDITIONS.mark(conditions, "ContainerHealthy", "True", now=NOW)
    conditions = REVISION_CONDITIONS.mark(conditions, "Active", "False", "NoTraffic", now=NOW)

    active = find(conditions, "Active")
    assert active is not None
    assert active.severity == "Info"
    assert is_ready(conditions)
    assert find(REVISION_CONDITIONS.clear(conditions, "Active", now=NOW), "Active") is None


def test_what_counts_for_ready_cannot_be_removed() -> None:
    with pytest.raises(ValueError, match="ResourcesAvailable counts for Ready"):
        REVISION_CONDITIONS.clear((), "ResourcesAvailable", now=NOW)


def test_the_transition_time_moves_only_with_a_change() -> None:
    conditions = SERVICE_CONDITIONS.mark((), "RoutesReady", "Unknown", "RevisionMissing", "wait", now=NOW)
    same = SERVICE_CONDITIONS.mark(conditions, "RoutesReady", "Unknown", "RevisionMissing", "wait", now=LATER)
    other = SERVICE_CONDITIONS.mark(conditions, "RoutesReady", "Unknown", "RevisionMissing", "wait more", now=LATER)

    assert same == conditions
    moved = find(other, "RoutesReady")
    assert moved is not None
    assert moved.last_transition_time == LATER


def test_transition_times_have_whole_seconds_as_on_the_wire() -> None:
    conditions = ConditionSet().mark((), "Ready", "True", now=NOW.replace(microsecond=123456))

    assert conditions[0].last_transition_time == NOW


MARKS = st.lists(
    st.tuples(
        st.sampled_from((*ROUTE_CONDITIONS.dependents, "Extra")),
        st.sampled_from(get_args(ConditionStatus)),
        st.sampled_from(["", "A", "B"]),
    )
)


@given(MARKS)
def test_ready_is_always_the_worst_of_its_dependents(marks: list[tuple[str, ConditionStatus, str]]) -> None:
    conditions = ROUTE_CONDITIONS.initialize((), NOW)
    for second, (type_, status, reason) in enumerate(marks):
        conditions = ROUTE_CONDITIONS.mark(conditions, type_, status, reason, now=NOW + timedelta(seconds=second))

    found = statuses(conditions)
    dependents = {found[type_] for type_ in ROUTE_CONDITIONS.dependents}
    expected = "False" if "False" in dependents else "Unknown" if "Unknown" in dependents else "True"
    assert found["Ready"] == expected
    assert list(found) == sorted(found)


@pytest.mark.parametrize(
    "kind", [kind for kind in kinds.KINDS if kind.custom and kind != kinds.CLUSTER_DOMAIN_CLAIM], ids=str
)
def test_each_of_knatives_kinds_is_ready_when_all_its_conditions_are(kind: kinds.Kind) -> None:
    known = conditions_of(kind)
    conditions = known.initialize((), NOW)
    for type in known.dependents or ("Ready",):
        assert not is_ready(conditions)
        conditions = known.mark(conditions, type, "True", now=NOW)

    assert is_ready(conditions)
