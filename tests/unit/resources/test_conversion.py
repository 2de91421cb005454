"""Objects in other versions than the one that is stored."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faas.resources import kinds
from faas.resources.conversion import from_stored, to_stored
from faas.resources.kinds import Kind

OLD = [kinds.EVENT_TYPE_V1BETA1, kinds.EVENT_TYPE_V1BETA2]
NAMES = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1).filter(
    lambda text: text.lstrip()[:1] not in ("{", "[", "<", "")
)


def event_type(kind: Kind, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": kind.api_version, "kind": "EventType", "metadata": {"name": "e"}, "spec": spec}


def test_an_old_event_type_is_stored_as_attributes() -> None:
    spec = {"type": "com.shop.order", "source": "/shop", "schema": "https://x.example/s", "broker": "default"}

    assert to_stored(kinds.EVENT_TYPE_V1BETA1, event_type(kinds.EVENT_TYPE_V1BETA1, spec)) == event_type(
        kinds.EVENT_TYPE,
        {
            "attributes": [
                {"name": "specversion", "required": True},
                {"name": "id", "required": True},
                {"name": "type", "required": True, "value": "com.shop.order"},
                {"name": "source", "required": True, "value": "/shop"},
                {"name": "schemadata", "value": "https://x.example/s"},
            ],
            "reference": {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "default"},
        },
    )


@pytest.mark.parametrize("kind", OLD, ids=lambda kind: kind.version)
@given(spec=st.fixed_dictionaries({"type": NAMES}, optional={"source": NAMES, "schema": NAMES, "description": NAMES}))
def test_there_and_back_an_event_type_says_the_same(kind: Kind, spec: dict[str, Any]) -> None:
    raw = event_type(kind, spec)

    assert from_stored(kind, to_stored(kind, raw)) == raw


@pytest.mark.parametrize("kind", OLD, ids=lambda kind: kind.version)
def test_a_schema_that_stands_in_the_object_stays_there(kind: Kind) -> None:
    raw = event_type(kind, {"type": "a", "schemaData": '{"type": "object"}'})

    assert from_stored(kind, to_stored(kind, raw)) == raw


def test_attributes_that_an_old_version_cannot_say_survive_its_writes() -> None:
    live = event_type(
        kinds.EVENT_TYPE, {"attributes": [{"name": "type", "value": "a"}, {"name": "region", "value": "eu"}]}
    )
    change = event_type(kinds.EVENT_TYPE_V1BETA2, {"type": "b"})

    stored = to_stored(kinds.EVENT_TYPE_V1BETA2, change, live)

    values = {attribute["name"]: attribute.get("value") for attribute in stored["spec"]["attributes"]}
    assert values == {"specversion": None, "id": None, "type": "b", "source": None, "region": "eu"}


def test_versions_with_the_same_fields_differ_in_their_name_only() -> None:
    raw = {
        "apiVersion": "sources.knative.dev/v1beta2",
        "kind": "PingSource",
        "metadata": {"name": "p"},
        "spec": {"data": "x"},
    }

    stored = to_stored(kinds.PING_SOURCE_V1BETA2, raw)

    assert stored == {**raw, "apiVersion": "sources.knative.dev/v1"}
    assert from_stored(kinds.PING_SOURCE_V1BETA2, stored) == raw


def test_an_older_version_shows_no_fields_that_it_does_not_have() -> None:
    secret = {"secretKeyRef": {"name": "s", "key": "k"}}
    raw = {
        "apiVersion": "sources.knative.dev/v1",
        "kind": "KafkaSource",
        "metadata": {"name": "k"},
        "spec": {"net": {"sasl": {"user": secret, "roleARN": secret}}},
    }

    assert from_stored(kinds.KAFKA_SOURCE_V1BETA1, raw)["spec"] == {"net": {"sasl": {"user": secret}}}
    assert from_stored(kinds.KAFKA_SOURCE, raw) is raw


def test_every_served_version_is_of_a_stored_kind() -> None:
    assert {kinds.stored(kind) for kind in kinds.SERVED} == set(kinds.KINDS)
    assert kinds.versions(kinds.EVENT_TYPE) == (
        kinds.EVENT_TYPE,
        kinds.EVENT_TYPE_V1BETA2,
        kinds.EVENT_TYPE_V1BETA1,
    )
