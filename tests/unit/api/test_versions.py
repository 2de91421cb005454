"""Kinds that are served in several versions: each speaks its own, one is stored."""

from __future__ import annotations

from typing import Any

import pytest

from faas.client.errors import ApiError, BadRequest, NotFound
from faas.engine.api.objects.backend import Backend
from faas.engine.api.objects.options import Subject, WriteOptions
from faas.resources import kinds
from faas.resources.kinds import (
    CUSTOM_RESOURCE_DEFINITION,
    EVENT_TYPE,
    EVENT_TYPE_V1BETA1,
    EVENT_TYPE_V1BETA2,
    KAFKA_SOURCE,
    KAFKA_SOURCE_V1BETA1,
    PING_SOURCE,
    PING_SOURCE_V1BETA2,
    TRIGGER,
)
from tests.unit.api.test_backend import run

TO_URL = {"uri": "http://sink.example"}


def named(name: str, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "default"}, "spec": spec}


def test_an_object_of_an_old_version_is_there_in_every_version() -> None:
    async def test(api: Backend) -> None:
        made = await api.create(EVENT_TYPE_V1BETA1, named("e", type="a", source="/s", broker="default"))
        assert made["apiVersion"] == "eventing.knative.dev/v1beta1"
        assert (made["spec"]["type"], made["spec"]["reference"]["name"]) == ("a", "default")
        stored = await api.get(EVENT_TYPE, "e", "default")
        assert stored["apiVersion"] == "eventing.knative.dev/v1beta3"
        assert {"name": "type", "required": True, "value": "a"} in stored["spec"]["attributes"]
        (listed,) = (await api.list(EVENT_TYPE_V1BETA2, "default")).items
        assert (listed["apiVersion"], listed["spec"]["source"]) == ("eventing.knative.dev/v1beta2", "/s")

    run(test)


def test_a_write_in_an_old_version_keeps_what_it_cannot_say() -> None:
    async def test(api: Backend) -> None:
        attributes = [{"name": name, "required": True} for name in ("type", "source", "specversion", "id")]
        await api.create(EVENT_TYPE, named("e", attributes=[*attributes, {"name": "region", "value": "eu"}]))
        old = await api.get(EVENT_TYPE_V1BETA2, "e", "default")
        await api.update(EVENT_TYPE_V1BETA2, {**old, "spec": {"type": "b", "source": "/s"}})
        await api.patch(EVENT_TYPE_V1BETA2, "e", {"spec": {"description": "orders"}}, "default")
        new = await api.get(EVENT_TYPE, "e", "default")
        values = {attribute["name"]: attribute.get("value") for attribute in new["spec"]["attributes"]}
        assert values == {"type": "b", "source": "/s", "specversion": None, "id": None, "region": "eu"}
        assert new["spec"]["description"] == "orders"

    run(test)


def test_a_version_has_rules_of_its_own() -> None:
    async def test(api: Backend) -> None:
        with pytest.raises(BadRequest, match=r"missing field\(s\): spec.type"):
            await api.create(EVENT_TYPE_V1BETA2, named("e", source="/s"))
        strict = WriteOptions(field_validation="Strict")
        net: dict[str, Any] = {"sasl": {"roleARN": {}}}
        sent = named("k", bootstrapServers=["k:1"], topics=["t"], sink=TO_URL, net=net)
        with pytest.raises(BadRequest, match=r'unknown field "spec\.attributes"'):
            await api.writer.new(EVENT_TYPE_V1BETA2, "default", named("e", type="a", attributes=[]), strict)
        with pytest.raises(BadRequest, match=r'unknown field "spec\.net\.sasl\.roleARN"'):
            await api.writer.new(KAFKA_SOURCE_V1BETA1, "default", sent, strict)
        await api.writer.new(KAFKA_SOURCE, "default", sent, strict)

    run(test)


def test_server_side_apply_of_a_part_in_an_old_version() -> None:
    async def test(api: Backend) -> None:
        await api.patch(EVENT_TYPE_V1BETA2, "e", named("e", type="a", source="/s"), "default", type="apply")
        await api.patch(
            EVENT_TYPE_V1BETA2,
            "e",
            {"metadata": {"annotations": {"note": "x"}}},
            "default",
            type="apply",
            field_manager="other",
        )
        found = await api.get(EVENT_TYPE_V1BETA2, "e", "default")
        assert (found["spec"]["type"], found["metadata"]["annotations"]["note"]) == ("a", "x")
        with pytest.raises(BadRequest, match=r"missing field\(s\): spec.type"):
            await api.patch(EVENT_TYPE_V1BETA2, "f", named("f", description="d"), "default", type="apply")

    run(test)


def test_a_watch_speaks_its_version() -> None:
    async def test(api: Backend) -> None:
        made = await api.create(PING_SOURCE, named("p", sink=TO_URL))
        await api.patch(PING_SOURCE_V1BETA2, "p", {"spec": {"data": "x"}}, "default")
        await api.delete(PING_SOURCE_V1BETA2, "p", "default")
        seen = []
        since = made["metadata"]["resourceVersion"]
        async for event in api.watch(PING_SOURCE_V1BETA2, "default", resource_version=since):
            seen.append(event)
            if event.type == "DELETED":
                break
        assert [event.type for event in seen] == ["MODIFIED", "DELETED"]
        assert {event.object["apiVersion"] for event in seen} == {"sources.knative.dev/v1beta2"}
        with pytest.raises(NotFound):
            await api.get(PING_SOURCE, "p", "default")

    run(test)


def test_an_owner_named_by_an_old_version_is_the_same_owner() -> None:
    async def test(api: Backend) -> None:
        owner = await api.create(PING_SOURCE_V1BETA2, named("p", sink=TO_URL))
        reference = {"apiVersion": owner["apiVersion"], "kind": "PingSource", "name": "p"}
        owned = named("e", type="a", source="/s")
        owned["metadata"]["ownerReferences"] = [{**reference, "uid": owner["metadata"]["uid"]}]
        await api.create(EVENT_TYPE_V1BETA2, owned)
        await api.delete(PING_SOURCE, "p", "default")
        async for event in api.watch(EVENT_TYPE, "default"):
            if event.type == "DELETED":
                break
            if event.object["metadata"]["name"] != "e":
                pytest.fail("an event type nobody made")

    run(test)


def test_a_misspelt_filter_is_refused_however_lenient_the_client_is() -> None:
    async def test(api: Backend) -> None:
        lenient = WriteOptions(field_validation="Ignore")
        trigger = named("t", subscriber=TO_URL, filters=[{"exacct": {"type": "a"}}])
        with pytest.raises(BadRequest, match=r'unknown field "spec.filters\[0\].exacct"'):
            await api.writer.new(TRIGGER, "default", trigger, lenient)

    run(test)


def test_definitions_are_there_for_reading_only() -> None:
    async def test(api: Backend) -> None:
        name = "triggers.eventing.knative.dev"
        found = await api.list(CUSTOM_RESOURCE_DEFINITION, label_selector="duck.knative.dev/source=true")
        assert {item["spec"]["names"]["kind"] for item in found.items} == {kind.kind for kind in kinds.SOURCES}
        from_outside = WriteOptions()
        with pytest.raises(ApiError, match="are read-only here") as refused:
            await api.writer.patch(Subject(CUSTOM_RESOURCE_DEFINITION, name), {}, "merge", from_outside)
        assert refused.value.code == 405

    run(test)
