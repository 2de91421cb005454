"""Domains of one's own: who has them, what they lead to, and what they say when they lead nowhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from faas.client.protocol import Object
from faas.engine.gateway.link import make_table
from faas.engine.gateway.routing import Router
from faas.resources.kinds import (
    BROKER,
    CLUSTER_DOMAIN_CLAIM,
    DOMAIN_MAPPING,
    EVENT,
    NAMESPACE,
    SERVICE,
)
from tests.engine_world import DEADLINE_S, World, condition, engine_world, in_world, is_ready, observed

DOMAIN = "shop.example.com"
TO_SHOP = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "shop"}


async def map_domain(
    world: World, name: str = DOMAIN, ref: Object = TO_SHOP, *, namespace: str = "default", **spec: Any
) -> None:
    mapping = {
        "apiVersion": "serving.knative.dev/v1beta1",
        "kind": "DomainMapping",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"ref": {"namespace": namespace, **ref}, **spec},
    }
    await world.client.patch(DOMAIN_MAPPING, name, mapping, namespace, type="apply", force=True)


async def until(
    world: World, wanted: Callable[[Object], bool], *, name: str = DOMAIN, namespace: str = "default"
) -> Object:
    """The mapping of the domain, as soon as it has seen its spec and is as wanted."""
    last: Object = {}
    try:
        async with asyncio.timeout(DEADLINE_S):
            async for event in world.client.watch(DOMAIN_MAPPING, namespace, field_selector=f"metadata.name={name}"):
                last = event.object
                if event.type != "DELETED" and "status" in last and observed(last) and wanted(last):
                    return last
    except TimeoutError:
        raise AssertionError(f"the mapping did not get there; last seen: {last}") from None
    raise AssertionError("the watch of mappings ended")


def because(type: str, reason: str, message: str, status: str = "False") -> Callable[[Object], bool]:
    """Whether a condition says so."""
    wanted = {"status": status, "reason": reason, "message": message}
    return lambda raw: {name: condition(raw, type).get(name) for name in wanted} == wanted


async def until_domains(world: World, **domains: str) -> None:
    """Wait until the gateway would be told of these domains; keywords have _ for the dot."""
    wanted = {name.replace("_", "."): target for name, target in domains.items()}
    async with asyncio.timeout(DEADLINE_S):
        async for _ in world.board.domains.changes():
            if dict(world.board.domains.items()) == wanted:
                return


def target_of(world: World, host: str, *, public: bool = True) -> str:
    """The Route that gets a request for this host."""
    found = Router(make_table(world.board, 1)).resolve(host.encode(), b"/", public=public)
    return "" if found is None else f"{found.target.namespace}/{found.target.route}"


@in_world
async def test_a_domain_leads_to_its_service(world: World) -> None:
    await world.apply("shop")
    await world.service_ready("shop", "shop-00001")

    await map_domain(world)
    mapping = await until(world, is_ready)

    assert mapping["status"]["url"] == "http://shop.example.com:8080"
    assert mapping["status"]["address"] == {"url": "http://shop.example.com:8080"}
    assert {entry["type"]: entry["status"] for entry in mapping["status"]["conditions"]} == {
        "CertificateProvisioned": "True",
        "DomainClaimed": "True",
        "IngressReady": "True",
        "ReferenceResolved": "True",
        "Ready": "True",
    }
    assert condition(mapping, "CertificateProvisioned")["reason"] == "TLSNotEnabled"
    assert condition(mapping, "CertificateProvisioned")["message"] == "external-domain-tls is not enabled"
    assert target_of(world, "Shop.Example.COM:443") == "default/shop"
    assert target_of(world, "other.example.com") == ""
    claim = await world.client.get(CLUSTER_DOMAIN_CLAIM, DOMAIN)
    assert claim["spec"] == {"namespace": "default"}


@in_world
async def test_a_domain_follows_the_split_of_its_service(world: World) -> None:
    await world.apply("shop")
    await world.service_ready("shop", "shop-00001")
    await map_domain(world)
    await until(world, is_ready)

    canary = [{"revisionName": "shop-00001", "percent": 90}, {"latestRevision": True, "percent": 10}]
    await world.apply("shop", "v2", traffic=canary)
    await world.route_splits("shop", shop_00001=90, shop_00002=10)

    found = Router(make_table(world.board, 1)).resolve(DOMAIN.encode(), b"/", public=True)
    assert found is not None
    assert {split.revision: split.percent for split in found.target.splits} == {
        "default/shop-00001": 90,
        "default/shop-00002": 10,
    }


@in_world
async def test_a_mapping_waits_for_its_service_and_says_so(world: World) -> None:
    await map_domain(world)
    words = 'failed to get object default/shop: services.serving.knative.dev "shop" not found'
    await until(world, because("ReferenceResolved", "ResolveFailed", words))
    mapping = await until(world, because("Ready", "ResolveFailed", words))
    assert condition(mapping, "IngressReady")["reason"] == "IngressNotConfigured"
    assert target_of(world, DOMAIN) == ""

    await world.apply("shop")
    await until(world, is_ready)
    assert target_of(world, DOMAIN) == "default/shop"

    await world.client.delete(SERVICE, "shop", "default")
    await until(world, because("ReferenceResolved", "ResolveFailed", words))
    assert target_of(world, DOMAIN) == ""


@in_world
async def test_a_route_can_have_a_domain_as_well(world: World) -> None:
    await world.apply("shop")
    await world.service_ready("shop", "shop-00001")

    await map_domain(world, ref={**TO_SHOP, "kind": "Route"})
    await until(world, is_ready)

    assert target_of(world, DOMAIN) == "default/shop"


@in_world
async def test_a_domain_of_a_cluster_local_service_is_public(world: World) -> None:
    await world.apply("shop", labels={"networking.knative.dev/visibility": "cluster-local"})
    await world.service_ready("shop", "shop-00001")

    await map_domain(world)
    await until(world, is_ready)

    assert target_of(world, DOMAIN) == "default/shop"
    assert target_of(world, "shop.default.svc.cluster.local") == ""


@in_world
async def test_a_mapping_that_names_another_service_leads_there(world: World) -> None:
    for name in ("shop", "store"):
        await world.apply(name)
        await world.service_ready(name, f"{name}-00001")
    await map_domain(world)
    await until(world, is_ready)

    await map_domain(world, ref={**TO_SHOP, "name": "store"})
    await until(world, is_ready)

    assert target_of(world, DOMAIN) == "default/store"


@in_world
async def test_what_has_a_path_or_no_address_is_refused_in_knatives_words(world: World) -> None:
    broker = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "metadata": {"name": "default"}}
    await world.client.create(BROKER, {**broker, "metadata": {"name": "default", "namespace": "default"}})
    await world.until(BROKER, "default", lambda raw: "address" in raw.get("status", {}))

    await map_domain(world, ref={"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "default"})
    url = "http://broker-ingress.knative-eventing.svc.cluster.local/default/default"
    await until(world, because("ReferenceResolved", "ResolveFailed", f'resolved URI "{url}" contains a path'))

    await map_domain(world, ref={"apiVersion": "v1", "kind": "Service", "name": "shop"})
    words = (
        "failed to get object default/shop: Service (v1) has no address on this engine; it has Services and Routes of "
        "serving.knative.dev"
    )
    await until(world, because("ReferenceResolved", "ResolveFailed", words))


@in_world
async def test_a_domain_stays_with_the_namespace_that_had_it_first(world: World) -> None:
    await world.apply("shop")
    await world.service_ready("shop", "shop-00001")
    await map_domain(world)
    await until(world, is_ready)
    await world.client.create(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}})

    await map_domain(world, namespace="team")
    words = "The domain name is already in use by another DomainMapping"
    await until(world, because("DomainClaimed", "DomainAlreadyClaimed", words), namespace="team")
    assert target_of(world, DOMAIN) == "default/shop"

    await world.client.delete(DOMAIN_MAPPING, DOMAIN, "default")
    await until(world, lambda raw: condition(raw, "DomainClaimed")["status"] == "True", namespace="team")
    assert target_of(world, DOMAIN) == ""
    claim = await world.client.get(CLUSTER_DOMAIN_CLAIM, DOMAIN)
    assert claim["spec"] == {"namespace": "team"}


@in_world
async def test_a_claim_goes_with_its_mapping_unless_somebody_else_made_it(world: World) -> None:
    given = {"apiVersion": CLUSTER_DOMAIN_CLAIM.api_version, "kind": "ClusterDomainClaim"}
    for name in ("given.example.com", "other.example.com"):
        await world.client.create(
            CLUSTER_DOMAIN_CLAIM, {**given, "metadata": {"name": name}, "spec": {"namespace": "default"}}
        )
    for name in ("given.example.com", DOMAIN):
        await map_domain(world, name)
        await until(world, lambda raw: condition(raw, "DomainClaimed").get("status") == "True", name=name)
    version = (await world.client.list(CLUSTER_DOMAIN_CLAIM)).resource_version

    for name in ("given.example.com", DOMAIN):
        await world.client.delete(DOMAIN_MAPPING, name, "default")
    async with asyncio.timeout(DEADLINE_S):
        async for event in world.client.watch(CLUSTER_DOMAIN_CLAIM, resource_version=version):
            if event.type == "DELETED":
                break

    left = [raw["metadata"]["name"] for raw in (await world.client.list(CLUSTER_DOMAIN_CLAIM)).items]
    assert left == ["given.example.com", "other.example.com"]


@in_world
async def test_a_claim_that_names_another_namespace_takes_the_domain_away(world: World) -> None:
    await world.apply("shop")
    await world.service_ready("shop", "shop-00001")
    await map_domain(world)
    await until(world, is_ready)

    await world.client.patch(CLUSTER_DOMAIN_CLAIM, DOMAIN, {"spec": {"namespace": "team"}}, type="merge")

    await until(world, lambda raw: condition(raw, "DomainClaimed")["status"] == "False")
    assert target_of(world, DOMAIN) == ""


@in_world
async def test_without_automatic_claims_somebody_has_to_give_the_domain(world: World) -> None:
    await world.configure("config-network", autocreate_cluster_domain_claims="false")
    await world.apply("shop")
    await world.service_ready("shop", "shop-00001")
    await map_domain(world)
    words = (
        f'no ClusterDomainClaim found for domain "{DOMAIN}" (and autocreate-cluster-domain-claims property is not true)'
    )
    await until(world, because("DomainClaimed", "DomainAlreadyClaimed", words))
    assert target_of(world, DOMAIN) == ""

    claim = {"apiVersion": CLUSTER_DOMAIN_CLAIM.api_version, "kind": "ClusterDomainClaim"}
    await world.client.create(
        CLUSTER_DOMAIN_CLAIM, {**claim, "metadata": {"name": DOMAIN}, "spec": {"namespace": "default"}}
    )

    await until(world, is_ready)
    assert target_of(world, DOMAIN) == "default/shop"


@in_world
async def test_the_host_of_a_service_is_nobodys_domain(world: World) -> None:
    await world.apply("shop")
    await world.service_ready("shop", "shop-00001")
    await map_domain(world, "other.default.localhost")
    await until(world, is_ready, name="other.default.localhost")
    assert target_of(world, "other.default.localhost") == "default/shop"

    await world.apply("other")
    words = 'There is an existing Route that already answers for "other.default.localhost".'
    await until(world, because("IngressReady", "NotOwned", words), name="other.default.localhost")
    assert target_of(world, "other.default.localhost") == "default/other"

    await world.client.delete(SERVICE, "other", "default")
    await until(world, is_ready, name="other.default.localhost")
    assert target_of(world, "other.default.localhost") == "default/shop"


@in_world
async def test_the_secret_of_a_mapping_is_said_to_be_unused(world: World) -> None:
    await map_domain(world, tls={"secretName": "cert"})

    words = 'The engine\'s listener has no certificate and serves HTTP; the certificate in Secret "cert" is not used.'
    await until(world, because("CertificateProvisioned", "HTTPDowngrade", words, "True"))


@in_world
async def test_describe_tells_when_a_domain_works_and_when_it_stops(world: World) -> None:
    await world.apply("shop")
    await map_domain(world)
    await until(world, is_ready)
    await world.client.delete(SERVICE, "shop", "default")

    told = set()
    async with asyncio.timeout(DEADLINE_S):
        async for event in world.client.watch(EVENT, "default"):
            if event.object["involvedObject"]["kind"] == "DomainMapping":
                told.add((event.object["type"], event.object["reason"]))
            if {("Normal", "DomainMappingReady"), ("Warning", "ResolveFailed")} <= told:
                return


def test_domains_are_there_again_after_a_restart() -> None:
    async def body() -> None:
        async with engine_world() as world:
            await world.apply("shop")
            await world.service_ready("shop", "shop-00001")
            await map_domain(world)
            before = await until(world, is_ready)
        async with engine_world(world.client, ready=world.fleet.ready) as world:
            await world.controllers.settled()
            assert target_of(world, DOMAIN) == "default/shop"
            after = await world.client.get(DOMAIN_MAPPING, DOMAIN, "default")
            assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]

    asyncio.run(body())


def test_a_claim_whose_mapping_went_while_nobody_looked_goes_at_the_start() -> None:
    async def body() -> None:
        async with engine_world() as world:
            await map_domain(world)
            await until(world, lambda raw: condition(raw, "DomainClaimed").get("status") == "True")
        await world.client.delete(DOMAIN_MAPPING, DOMAIN, "default")
        version = (await world.client.list(CLUSTER_DOMAIN_CLAIM)).resource_version
        async with engine_world(world.client) as world, asyncio.timeout(DEADLINE_S):
            async for event in world.client.watch(CLUSTER_DOMAIN_CLAIM, resource_version=version):
                if event.type == "DELETED":
                    return

    asyncio.run(body())
