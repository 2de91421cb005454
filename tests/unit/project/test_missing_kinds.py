"""What becomes of sources where a cluster does not have Knative's kind for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from faas_runtime.declaring.spec import FunctionSpec, Trigger

from faas.project.manifests.objects import Objects, make_objects
from faas.project.manifests.surroundings import Surroundings
from faas.project.notes import Note, RefusedByCluster, check_for_cluster, notes_for_cluster
from faas.project.pyproject.brokers import BrokerSettings
from faas.project.pyproject.settings import Settings
from faas.project.services import make_services
from faas.resources.kinds import (
    API_SERVER_SOURCE,
    CONTAINER_SOURCE,
    GITHUB_SOURCE,
    KAFKA_SOURCE,
    PING_SOURCE,
    REDIS_STREAM_SOURCE,
    TRIGGER,
    Kind,
)
from faas.sources.config import read_options

EXTENSIONS = frozenset({KAFKA_SOURCE, REDIS_STREAM_SOURCE, GITHUB_SOURCE})
REDIS: dict[str, Any] = {"stream": "s", "url": "redis://cache.team:7000", "start": "$"}
KAFKA: dict[str, Any] = {
    "bootstrap": ["k:9092"], "topics": ["t"], "start": "earliest", "ordering": "ordered", "security": "SASL_SSL",
    "secret": "kafka",
}  # fmt: skip
GITHUB: dict[str, Any] = {"repository": "o/r", "events": ["push"], "secret": "gh"}


def made(
    kind: str,
    options: dict[str, Any],
    missing: frozenset[Kind] = EXTENSIONS,
    addresses: dict[str, str] | None = None,
    **said: Any,
) -> tuple[Objects, tuple[Note, ...]]:
    trigger = Trigger(kind=kind, name=f"f-{kind}", path="/_faas/events/f", options=options)
    spec = FunctionSpec(name="f", target="main:f", service="f", triggers=(trigger,))
    settings = Settings(Path("/shop"), "shop", **said)
    services, there = make_services([spec], settings), Surroundings(missing, addresses or {})
    objects = make_objects(
        services, "image", project="shop", namespace="team", root=Path("/shop"), variables={}, settings=settings,
        there=there,
    )  # fmt: skip
    return objects, notes_for_cluster(services, objects, settings, there)


def container_of(manifest: Any) -> Any:
    (container,) = manifest["spec"]["template"]["spec"]["containers"]
    return container


def env_of(manifest: Any) -> dict[str, Any]:
    return {
        each["name"]: each.get("value") or each["valueFrom"]["secretKeyRef"] for each in container_of(manifest)["env"]
    }


def understood(manifest: Any) -> Any:
    """Our adapter's options, as it reads them itself."""
    (adapter,) = container_of(manifest)["args"]
    module = pytest.importorskip(f"faas.sources.adapters.{adapter}")
    return read_options(env_of(manifest)["FAAS_SOURCE"].encode(), module.Options)


def test_redis_is_read_by_our_adapter_in_the_same_group_and_its_events_name_the_same_source() -> None:
    objects, notes = made("redis", {**REDIS, "secret": "cache"})

    (source,) = objects.sources
    assert (source["kind"], source["metadata"]["name"]) == ("ContainerSource", "f-redis")
    assert source["spec"]["ceOverrides"] == {"extensions": {"faassource": "f-redis"}}
    assert json.loads(env_of(source)["FAAS_SOURCE"]) == {
        "address": "cache.team:7000", "group": "faas.team.f-redis", "stream": "s",
    }  # fmt: skip
    assert env_of(source)["FAAS_SOURCE_PASSWORD"] == {"name": "cache", "key": "password", "optional": True}
    assert understood(source).start == "$"
    knatives = made("redis", REDIS, frozenset())[0].sources[0]["spec"]
    assert (knatives["address"], knatives["group"]) == ("cache.team:7000", "faas.team.f-redis")
    assert [str(note) for note in notes] == [
        "f-redis: @function.redis: there is no RedisStreamSource, so our adapter does it, with the same events"
    ]
    check_for_cluster(notes)


def test_redis_with_tls_is_said_apart_from_its_address() -> None:
    objects, _ = made("redis", {**REDIS, "url": "rediss://cache", "secret": "cache"})

    options = understood(objects.sources[0])
    assert (options.address, options.tls) == ("cache:6379", True)
    assert env_of(objects.sources[0])["FAAS_SOURCE_CA"]["key"] == "ca.crt"


def test_the_source_of_events_from_an_ip_address_is_a_uri() -> None:
    """`10.0.0.1:6379/s` is none, and Knative's Broker answers it with 400."""
    for url, address in (
        ("redis://10.0.0.1", "redis://10.0.0.1:6379"),
        ("rediss://my_cache:7000", "rediss://my_cache:7000"),
    ):
        assert understood(made("redis", {**REDIS, "url": url})[0].sources[0]).address == address


@pytest.mark.parametrize("more", [{"batch": 5}, {"start": "0"}, {"url": "redis://cache/2"}])
def test_what_no_redis_stream_source_can_say_is_ours_anyway_and_not_talked_about(more: dict[str, Any]) -> None:
    for missing in (frozenset[Kind](), EXTENSIONS):
        objects, notes = made("redis", {**REDIS, **more}, missing)

        assert objects.sources[0]["kind"] == "ContainerSource"
        assert notes == ()


def test_kafka_is_read_by_our_adapter_with_the_keys_of_the_same_secret() -> None:
    objects, notes = made("kafka", {**KAFKA, "consumers": 3})

    (source,) = objects.sources
    assert source["kind"] == "ContainerSource"
    options = understood(source)
    assert (options.bootstrap_servers, options.topics, options.group, options.start, options.security) == (
        ("k:9092",), ("t",), "faas.team.f-kafka", "earliest", "SASL_SSL",
    )  # fmt: skip
    env = env_of(source)
    assert {name: (ref["key"], ref.get("optional", False)) for name, ref in env.items() if isinstance(ref, dict)} == {
        "FAAS_SOURCE_USERNAME": ("user", False),
        "FAAS_SOURCE_PASSWORD": ("password", False),
        "FAAS_SOURCE_MECHANISM": ("sasl.mechanism", True),
        "FAAS_SOURCE_CA": ("ca.crt", True),
        "FAAS_SOURCE_CERT": ("user.crt", True),
        "FAAS_SOURCE_KEY": ("user.key", True),
    }
    # Its name and namespace are in the source of its events: as a KafkaSource of that name would say it.
    assert (env["NAME"], env["NAMESPACE"]) == ("f-kafka", "team")
    (note,) = notes
    assert "one consumer, whatever consumers says" in note.text
    assert note.hint == "For more have Knative's Kafka extension installed"


def test_github_calls_a_service_of_our_adapter() -> None:
    objects, notes = made("github", GITHUB)

    assert objects.sources == ()
    receiver = objects.services[-1]
    assert (receiver["kind"], receiver["metadata"]["name"]) == ("Service", "f-github")
    assert understood(receiver).repository == "o/r"
    assert env_of(receiver)["FAAS_SOURCE_SECRET"] == {"name": "gh", "key": "secretToken"}
    annotations = receiver["spec"]["template"]["metadata"]["annotations"]
    assert annotations["autoscaling.knative.dev/max-scale"] == "1"  # it refuses what it had before
    (note,) = notes
    assert note.hint == "Make one for the URL of f-github, as JSON, with what secretToken of gh is"


@pytest.mark.parametrize("there", [{REDIS_STREAM_SOURCE}, {GITHUB_SOURCE, KAFKA_SOURCE}])
def test_a_kind_that_is_there_is_used(there: set[Kind]) -> None:
    for kind, options, knatives in (
        ("redis", REDIS, REDIS_STREAM_SOURCE),
        ("kafka", KAFKA, KAFKA_SOURCE),
        ("github", GITHUB, GITHUB_SOURCE),
    ):
        objects, notes = made(kind, options, EXTENSIONS - there)

        is_there = knatives in there
        assert [each["kind"] for each in objects.sources].count(knatives.kind) == is_there
        assert bool(notes) is not is_there


@pytest.mark.parametrize(
    ("kind", "options", "missing"),
    [
        ("schedule", {"schedule": "@daily"}, PING_SOURCE),
        ("kubernetes", {"resources": [{"apiVersion": "v1", "kind": "Pod"}], "mode": "resource"}, API_SERVER_SOURCE),
        ("redis", REDIS, CONTAINER_SOURCE),
        ("redis", REDIS, TRIGGER),
    ],
)
def test_what_nothing_of_ours_can_stand_for_is_refused_before_anything_is_built(
    kind: str, options: dict[str, Any], missing: Kind
) -> None:
    _, notes = made(kind, options, EXTENSIONS | {missing})

    with pytest.raises(RefusedByCluster, match=f"does not know {missing.kind}") as caught:
        check_for_cluster(notes)
    assert "Have Knative Eventing installed" in caught.value.hint


def test_an_address_of_this_machine_is_refused_also_of_what_stands_in() -> None:
    for kind, options in (
        ("redis", {**REDIS, "url": "redis://localhost:6379"}), ("kafka", {**KAFKA, "bootstrap": ["localhost:9092"]}),
    ):  # fmt: skip
        with pytest.raises(RefusedByCluster, match="is the program's own Pod there"):
            check_for_cluster(made(kind, options)[1])


def test_functions_and_receivers_publish_where_the_broker_itself_says() -> None:
    url = "https://broker.example.org/team/default"
    said = {"brokers": {"default": BrokerSettings("Strange")}}
    objects, notes = made("github", GITHUB, addresses={"default": url}, **said)

    assert [env_of(each)["K_SINK"] for each in objects.services] == [url, url]
    assert not any("is not known" in note.text for note in notes)
    guessed, notes = made("github", GITHUB, addresses={"other": url}, **said)
    guess = "http://broker-ingress.knative-eventing.svc.cluster.local/team/default"
    assert [env_of(each)["K_SINK"] for each in guessed.services] == [guess, guess]
    assert any("is not known" in note.text for note in notes)
