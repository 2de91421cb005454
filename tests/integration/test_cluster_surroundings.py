"""What a deploy finds on a cluster: kinds that are not there, Brokers that say where they are, domains of others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faas_runtime.declaring.spec import FunctionSpec, Trigger

from faas.client.errors import NotFound
from faas.client.http.client import HttpClient
from faas.client.protocol import Object
from faas.deploy import deploying
from faas.deploy.bindings.claims import make_claim
from faas.deploy.bindings.domains import CLAIM
from faas.deploy.deploying import carry_out_deploy
from faas.deploy.errors import DomainsNotReady, EventsNotReady
from faas.deploy.planning import Plan, plan_deploy
from faas.deploy.preflight.surroundings import look_around
from faas.deploy.services.rollout import DeployOptions
from faas.deploy.steps import Steps
from faas.project.manifests.objects import Objects, make_objects
from faas.project.manifests.surroundings import Surroundings
from faas.project.pyproject.settings import Settings
from faas.project.services import make_services
from faas.resources.kinds import (
    BROKER,
    CLUSTER_DOMAIN_CLAIM,
    CONTAINER_SOURCE,
    DOMAIN_MAPPING,
    KAFKA_SOURCE,
    PING_SOURCE,
    REDIS_STREAM_SOURCE,
    SERVICE,
    TRIGGER,
)
from tests.cluster.faults import refuse
from tests.cluster.rights import Right
from tests.deploy_world import Obedient, obedient_cluster, service
from tests.engine_world import World

HOST = "shop.example.org"
_MADE = (TRIGGER, CONTAINER_SOURCE, REDIS_STREAM_SOURCE, DOMAIN_MAPPING, SERVICE, BROKER)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Obedient]:
    with obedient_cluster(tmp_path_factory.mktemp("obedient")) as obedient:

        async def as_knative(world: World) -> None:
            await world.configure("config-network", autocreate_cluster_domain_claims="false")

        obedient.call(as_knative)
        yield obedient


@pytest.fixture
def obedient(shared: Obedient, monkeypatch: pytest.MonkeyPatch) -> Iterator[Obedient]:
    monkeypatch.setattr(deploying, "PATIENCE_S", 2.0)
    shared.cluster.reset()
    yield shared
    shared.cluster.reset()

    async def clear(world: World) -> None:
        for kind in _MADE:
            for item in (await world.client.list(kind, "team")).items:
                await world.client.delete(kind, item["metadata"]["name"], "team")
                await world.until_gone(kind, item["metadata"]["name"])
        for item in (await world.client.list(CLUSTER_DOMAIN_CLAIM)).items:
            await world.client.delete(CLUSTER_DOMAIN_CLAIM, item["metadata"]["name"])

    shared.call(clear)


def around(obedient: Obedient, user: str = "admin") -> Surroundings:
    found: Surroundings = obedient.as_user(user, lambda client: look_around(client, "team"))
    return found


# --- kinds of sources


def test_who_may_work_in_one_namespace_learns_what_the_cluster_has(obedient: Obedient) -> None:
    assert around(obedient, "alice").missing_kinds == frozenset()
    obedient.cluster.hidden.update({"redisstreamsources.sources.knative.dev", "kafkasources.sources.knative.dev"})
    assert around(obedient, "alice").missing_kinds == {REDIS_STREAM_SOURCE, KAFKA_SOURCE}


def test_without_eventing_all_of_it_is_missing_and_no_broker_is_asked_for(obedient: Obedient) -> None:
    obedient.cluster.hidden.update({"eventing.knative.dev", "sources.knative.dev"})

    found = around(obedient)

    assert {TRIGGER, PING_SOURCE, CONTAINER_SOURCE} <= found.missing_kinds
    assert obedient.cluster.requests(path="/brokers") == []


def test_what_may_not_be_seen_counts_as_there(obedient: Obedient) -> None:
    obedient.cluster.rights["alice"] = [Right("get,list", "services.serving.knative.dev", "team")]
    obedient.cluster.faults.add(refuse(403), times=9, method="GET", path="/apis/")

    assert around(obedient, "alice") == Surroundings()


def redis(there: Surroundings) -> Objects:
    options = {"stream": "s", "url": "redis://cache", "start": "$"}
    trigger = Trigger(kind="redis", name="f-redis", path="/_faas/events/f", options=options)
    spec = FunctionSpec(name="f", target="main:f", service="f", triggers=(trigger,))
    settings = Settings(Path("/shop"), "shop")
    return make_objects(
        make_services([spec], settings), "image", project="shop", namespace="team", root=Path("/shop"), variables={},
        settings=settings, there=there,
    )  # fmt: skip


def deploy(obedient: Obedient, wanted: Objects, user: str = "admin", **options: Any) -> tuple[Plan, list[str]]:
    said: list[str] = []
    steps = Steps(lambda step, line: said.append(line) if line else None)

    async def work(client: HttpClient) -> Plan:
        plan = await plan_deploy(client, wanted, project="shop", namespace="team", whole=True)
        chosen = DeployOptions(**{"wait_timeout_s": 20.0, **options})
        await carry_out_deploy(client, plan, chosen, steps, namespace="team")
        return plan

    plan: Plan = obedient.as_user(user, work)
    return plan, said


def sources(obedient: Obedient) -> list[str]:
    async def read(world: World) -> list[str]:
        kinds = (CONTAINER_SOURCE, REDIS_STREAM_SOURCE)
        return [kind.kind for kind in kinds for _ in (await world.client.list(kind, "team")).items]

    found: list[str] = obedient.call(read)
    return found


def test_our_adapter_gives_way_to_knatives_kind_and_back_in_one_group(obedient: Obedient) -> None:
    obedient.cluster.hidden.add("redisstreamsources.sources.knative.dev")
    deploy(obedient, redis(around(obedient)), wait=False)
    assert sources(obedient) == ["ContainerSource"]

    obedient.cluster.hidden.clear()
    plan, _ = deploy(obedient, redis(around(obedient)), wait=False)
    assert sources(obedient) == ["RedisStreamSource"]
    changes = [(change.kind.kind, change.action) for change in plan.events.changes]
    assert changes == [("Trigger", "unchanged"), ("RedisStreamSource", "create"), ("ContainerSource", "delete")]

    obedient.cluster.hidden.add("redisstreamsources.sources.knative.dev")
    again, _ = deploy(obedient, redis(around(obedient)), wait=False)
    assert "ContainerSource" in sources(obedient)
    assert [change.action for change in again.events.changes] == ["unchanged", "create"]


# --- domains


def mapping(host: str = HOST) -> Object:
    return {
        "apiVersion": "serving.knative.dev/v1beta1",
        "kind": "DomainMapping",
        "metadata": {
            "name": host,
            "namespace": "team",
            "labels": {"faas.dev/project": "shop", "app.kubernetes.io/managed-by": "faas"},
        },
        "spec": {"ref": {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "web"}},
    }


def trigger() -> Object:
    ref = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "web"}
    metadata = {"name": "web", "namespace": "team", "labels": {"faas.dev/project": "shop"}}
    spec = {"broker": "default", "subscriber": {"ref": ref}}
    return {"apiVersion": "eventing.knative.dev/v1", "kind": "Trigger", "metadata": metadata, "spec": spec}


def with_domains(*hosts: str, triggers: tuple[Object, ...] = ()) -> Objects:
    return Objects((service("web", "web-1"),), (), (), triggers, domain_mappings=tuple(map(mapping, hosts)))


def claims(obedient: Obedient) -> dict[str, str]:
    async def read(world: World) -> dict[str, str]:
        found = (await world.client.list(CLUSTER_DOMAIN_CLAIM)).items
        return {item["metadata"]["name"]: item["spec"]["namespace"] for item in found}

    found: dict[str, str] = obedient.call(read)
    return found


def claim_for(obedient: Obedient, namespace: str, host: str = HOST) -> None:
    made = make_claim({"metadata": {"name": host, "namespace": namespace}})
    assert made["metadata"]["labels"] == {}
    obedient.call(lambda world: world.client.create(CLUSTER_DOMAIN_CLAIM, made))


def test_who_may_make_claims_has_them_made_first_and_given_back_at_the_end(obedient: Obedient) -> None:
    deploy(obedient, with_domains(HOST))

    assert claims(obedient) == {HOST: "team"}
    assert [seen.path.rpartition("/")[2] for seen in obedient.cluster.writes()][-2:] == ["clusterdomainclaims", HOST]
    deploy(obedient, with_domains())
    assert claims(obedient) == {}


def test_the_claims_that_a_deploy_would_make_and_give_back_are_told_and_nothing_is_written(obedient: Obedient) -> None:
    def planned(wanted: Objects, user: str = "admin") -> list[str]:
        async def work(client: HttpClient) -> Plan:
            return await plan_deploy(client, wanted, project="shop", namespace="team", whole=True, claims=True)

        plan: Plan = obedient.as_user(user, work)
        assert obedient.cluster.writes() == []
        return [f"{change.action} {change.name}" for change in plan.changes if change.kind == CLUSTER_DOMAIN_CLAIM]

    claim_for(obedient, "team", "theirs.example.org")
    assert planned(with_domains(HOST, "theirs.example.org")) == [f"create {HOST}"]
    assert planned(with_domains(HOST), "alice") == []  # who may not

    deploy(obedient, with_domains(HOST, "theirs.example.org"))
    obedient.cluster.proxy.seen.clear()
    assert planned(with_domains(HOST, "theirs.example.org")) == []
    assert planned(with_domains()) == [f"delete {HOST}"]


def test_a_claim_that_somebody_else_made_stays(obedient: Obedient) -> None:
    claim_for(obedient, "team")
    deploy(obedient, with_domains(HOST))
    deploy(obedient, with_domains())

    assert claims(obedient) == {HOST: "team"}


def test_a_domain_without_a_claim_holds_up_nothing_and_is_told_at_the_end(obedient: Obedient) -> None:
    with pytest.raises(DomainsNotReady, match=r"shop\.example\.org \(DomainMapping\) is not ready") as caught:
        deploy(obedient, with_domains(HOST), "alice")

    assert "make a ClusterDomainClaim shop.example.org that names this namespace" in caught.value.hint
    assert claims(obedient) == {}


def test_a_domain_that_fails_leaves_triggers_made_and_both_are_told(obedient: Obedient) -> None:
    """Nothing here makes Triggers ready, so they fail too."""
    claim_for(obedient, "others")

    with pytest.raises(EventsNotReady, match="not all of their events come") as caught:
        deploy(obedient, with_domains(HOST, triggers=(trigger(),)), wait_timeout_s=1.0)

    assert "and not under all of their domains" in str(caught.value)
    assert [(each.name, each.reason) for each in caught.value.unnamed] == [(HOST, "DomainAlreadyClaimed")]
    assert obedient.call(lambda world: world.client.get(TRIGGER, "web", "team"))


def test_a_host_of_another_namespace_is_left_alone_and_the_others_are_served(obedient: Obedient) -> None:
    claim_for(obedient, "others")

    with pytest.raises(DomainsNotReady, match="namespace others has claimed it") as caught:
        deploy(obedient, with_domains(HOST, "other.example.org"))

    assert len(caught.value.failures) == 1
    assert claims(obedient) == {HOST: "others", "other.example.org": "team"}
    with pytest.raises(NotFound):
        obedient.call(lambda world: world.client.get(DOMAIN_MAPPING, HOST, "team"))


def test_a_mapping_that_cannot_be_written_is_told_like_one_that_fails(obedient: Obedient) -> None:
    obedient.cluster.faults.add(refuse(422, reason="Invalid"), times=9, method="PATCH", path="fieldManager", after=3)

    with pytest.raises(DomainsNotReady, match="is not ready: Invalid"):
        deploy(obedient, with_domains(HOST))


def test_a_mapping_that_waits_for_its_claim_is_touched_once_the_claim_is_there(obedient: Obedient) -> None:
    """Knative's controller does not look at claims; ours does, so a mapping that is unready is made up here."""
    with pytest.raises(DomainsNotReady):
        deploy(obedient, with_domains(HOST), "alice")

    def unready(plan: Plan) -> Plan:
        (change,) = plan.domains
        assert (change.action, change.live is not None) == ("unchanged", True)
        return plan

    async def work(client: HttpClient) -> None:
        plan = await plan_deploy(client, with_domains(HOST), project="shop", namespace="team", whole=True)
        await carry_out_deploy(client, unready(plan), DeployOptions(wait_timeout_s=20.0), Steps(), namespace="team")

    obedient.as_user("admin", work)  # who may claim
    live = obedient.call(lambda world: world.client.get(DOMAIN_MAPPING, HOST, "team"))
    assert live["metadata"]["annotations"][CLAIM]
    plan, _ = deploy(obedient, with_domains(HOST))
    assert [change.action for change in plan.domains] == ["unchanged"]
