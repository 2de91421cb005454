"""The store of dead letters as objects, and which Triggers send to it."""

from __future__ import annotations

from typing import Any

import pytest

from faas.client.errors import NotFound
from faas.deploy.objects.plan import Change
from faas.deploy.programs.dead_letters import (
    dead_letter_objects,
    dead_letter_store,
    is_store,
    make_token_secret,
    uses_store,
    waits_for_volume,
    with_dead_letter_sinks,
)
from faas.project.manifests.objects import Objects
from faas.resources import keys
from faas.resources.kinds import VOLUME_CLAIM

SINK = {"ref": {"apiVersion": "v1", "kind": "Service", "name": "faas-dead-letters", "namespace": "team"}}
OTHER = {"uri": "http://elsewhere.example/"}
DEFAULT = {"retry": 10, "backoffPolicy": "exponential", "backoffDelay": "PT0.2S"}


def objects(delivery: dict[str, Any] | None = None, broker: dict[str, Any] | None = None, stream: str = "") -> Objects:
    annotations = {"annotations": {keys.DEAD_LETTER_STREAM: stream}} if stream else {}
    spec = {"broker": "default", **({"delivery": delivery} if delivery else {})}
    trigger = {"metadata": {"name": "on-order", **annotations}, "spec": spec}
    brokers = ({"metadata": {"name": "default"}, "spec": {"delivery": broker} if broker else {}},)
    return Objects(services=(), brokers=brokers, sources=(), triggers=(trigger,))


def delivery_of(found: Objects) -> dict[str, Any]:
    return dict(found.triggers[0]["spec"].get("delivery") or {})


def test_a_trigger_without_a_sink_gets_the_store_and_keeps_what_it_said() -> None:
    found = with_dead_letter_sinks(objects({"retry": 3}), "team")

    assert delivery_of(found) == {"retry": 3, "deadLetterSink": {**SINK, "uri": "/default/on-order"}}
    assert uses_store(found.triggers) == ["on-order"]


def test_a_trigger_that_says_nothing_of_its_delivery_is_tried_as_often_as_before() -> None:
    delivery = delivery_of(with_dead_letter_sinks(objects(), "team"))

    assert delivery["deadLetterSink"]["uri"] == "/default/on-order"
    assert delivery["retry"] > 0


def test_what_its_broker_says_goes_on_to_hold() -> None:
    delivery = delivery_of(with_dead_letter_sinks(objects(broker={"retry": 7}), "team"))

    assert delivery["retry"] == 7


def test_the_broker_as_it_is_there_counts_more_than_as_it_would_be_made() -> None:
    live = {"metadata": {"name": "default"}, "spec": {"delivery": {"retry": 2}}}

    assert delivery_of(with_dead_letter_sinks(objects(broker={"retry": 7}), "team", [live]))["retry"] == 2


@pytest.mark.parametrize(
    ("delivery", "broker"),
    [
        pytest.param({"deadLetterSink": OTHER}, None, id="the trigger's"),
        pytest.param(None, {"retry": 2, "deadLetterSink": OTHER}, id="the broker's"),
        pytest.param({"retry": 3}, {"deadLetterSink": OTHER}, id="the broker's, beside retries of the trigger's"),
    ],
)
def test_a_sink_of_the_triggers_or_the_brokers_own_stays(
    delivery: dict[str, Any] | None, broker: dict[str, Any] | None
) -> None:
    given = objects(delivery, broker)

    found = with_dead_letter_sinks(given, "team")

    assert found.triggers == given.triggers
    assert uses_store(found.triggers) == []


def test_a_broker_that_sends_to_the_store_leaves_the_trigger_its_own_address() -> None:
    broker = {"retry": 7, "deadLetterSink": {**SINK, "uri": "/default"}}

    delivery = delivery_of(with_dead_letter_sinks(objects(broker=broker), "team"))

    assert delivery == {"retry": 7, "deadLetterSink": {**SINK, "uri": "/default/on-order"}}


def test_a_named_stream_is_part_of_the_address() -> None:
    delivery = delivery_of(with_dead_letter_sinks(objects(stream="late"), "team"))

    assert delivery["deadLetterSink"]["uri"] == "/default/on-order/late"


def test_the_store_is_one_pod_that_nobody_shares_its_volume_with_and_that_is_nobody() -> None:
    claim, service, deployment = dead_letter_objects("team", "registry.example/faas-sources@sha256:1")

    spec = deployment["spec"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["fsGroup"] == 65532
    assert container["command"] == ["/opt/faas/bin/python", "-P", "-m", "faas.inbox", "store"]
    assert {each["name"]: each.get("value") for each in container["env"]} == {
        "FAAS_INBOX_TOKEN": None, "FAAS_INBOX_NAMESPACE": "team", "FAAS_INBOX_MAX_BYTES": "858993459",
    }  # fmt: skip
    assert claim["spec"]["resources"]["requests"]["storage"] == "1Gi"
    assert service["spec"]["selector"] == spec["selector"]["matchLabels"]
    assert is_store({"ref": {"apiVersion": "v1", "kind": "Service", "name": service["metadata"]["name"]}})


def test_its_objects_are_of_no_project_so_that_no_deploy_prunes_what_they_hold() -> None:
    for each in dead_letter_objects("team", "image"):
        assert each["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "faas"
        assert "faas.dev/project" not in each["metadata"]["labels"]


def test_the_token_does_not_show() -> None:
    assert "a-secret-token" not in repr(make_token_secret("team", "a-secret-token"))
    assert "YS1zZWNyZXQ" not in repr(make_token_secret("team", "a-secret-token"))


class Secrets:
    """An API server with or without the Secret."""

    def __init__(self, *, there: bool) -> None:
        self._there = there

    async def get(self, kind: object, name: str, namespace: str = "") -> dict[str, Any]:
        if self._there:
            return {"metadata": {"name": name}}
        raise NotFound("no", name=name)


@pytest.mark.parametrize(("there", "kinds"), [(False, ["Secret", "PersistentVolumeClaim", "Service", "Deployment"]),
                                             (True, ["PersistentVolumeClaim", "Service", "Deployment"])])  # fmt: skip
def test_a_token_is_made_once(there: bool, kinds: list[str]) -> None:
    import asyncio

    found = asyncio.run(dead_letter_store(Secrets(there=there), "team", "image"))  # type: ignore[arg-type]

    assert [each["kind"] for each in found] == kinds


def claim(name: str = "faas-dead-letters", phase: str = "", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": spec, **({"status": {"phase": phase}} if phase else {})}


@pytest.mark.parametrize(
    ("live", "after", "waits"),
    [
        pytest.param(None, claim(), True, id="no-class-is-the-default"),
        pytest.param(None, claim(storageClassName="standard"), False, id="a-default-class"),
        pytest.param(claim(phase="Pending"), claim(), True, id="still-none"),
        pytest.param(claim(phase="Pending", storageClassName="slow"), claim(), False, id="a-class-that-takes-its-time"),
        pytest.param(claim(phase="Bound", volumeName="by-hand"), claim(), False, id="a-volume-by-hand"),
        pytest.param(None, claim("data"), False, id="a-projects-own-claim"),
    ],
)
def test_a_store_whose_volume_nobody_makes_is_told_of(
    live: dict[str, Any] | None, after: dict[str, Any], waits: bool
) -> None:
    change = Change("faas-dead-letters", "create", after, live, False, (), VOLUME_CLAIM, after)

    assert waits_for_volume([change]) is waits
