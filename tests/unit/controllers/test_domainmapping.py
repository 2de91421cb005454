"""What a DomainMapping leads to and what it says of itself, as values."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from faas.engine.contract.settings import EngineSettings, Listeners
from faas.engine.controllers.addressing import Unresolved
from faas.engine.controllers.cache import Key
from faas.engine.controllers.domainmapping.claim import complaint_of, is_made_for, make_claim
from faas.engine.controllers.domainmapping.ingress import Ingress, Surroundings, ingress_of, served
from faas.engine.controllers.domainmapping.reference import route_of
from faas.engine.controllers.domainmapping.status import observed_status
from faas.engine.controllers.naming import Naming
from faas.resources.conditions import find
from faas.resources.config import Config
from faas.resources.domains import ClusterDomainClaim, DomainMapping, DomainMappingSpec, SecretTls
from faas.resources.duck import AddressedGroupReference
from faas.resources.kinds import SERVICE
from faas.resources.meta import Condition, ObjectMeta
from faas.resources.serving import Route, RouteStatus
from faas.resources.views import decode

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HTTP = Naming.of(EngineSettings(Path("/state"), Path("/run"), Listeners(-1, -1, -1, -1)), Config().network)
KEY = Key("default", "shop.example.com")
REF = AddressedGroupReference(api_version="serving.knative.dev/v1", kind="Service", name="shop", namespace="default")
FINE = Surroundings(complaint="", target=Key("default", "shop"), route=Route(), is_host_taken=False)


def addressed(url: str) -> dict[str, Any]:
    return {"status": {"address": {"url": url}}}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(addressed("http://shop.default.svc.cluster.local"), Key("default", "shop"), id="its address"),
        pytest.param(addressed("http://shop.default.svc.cluster.local/"), Key("default", "shop"), id="a slash"),
        pytest.param(
            None, 'failed to get object default/shop: services.serving.knative.dev "shop" not found', id="none"
        ),
        pytest.param(
            {},
            "address not set for Kind = Service, Namespace = default, Name = shop, "
            "APIVersion = serving.knative.dev/v1, Group = , Address = ",
            id="no address",
        ),
        pytest.param(
            addressed("http://broker.ns.svc.cluster.local/default/default"),
            'resolved URI "http://broker.ns.svc.cluster.local/default/default" contains a path',
            id="a path",
        ),
        pytest.param(
            addressed("http://shop.example.com"),
            'resolved URI "http://shop.example.com" must be of the form {name}.{namespace}.svc.cluster.local',
            id="elsewhere",
        ),
        pytest.param(
            addressed("http://shop.team.svc.cluster.local"),
            'resolved URI "http://shop.team.svc.cluster.local" must be in same namespace as DomainMapping',
            id="another namespace",
        ),
    ],
)
def test_a_reference_leads_to_the_route_behind_its_address(found: dict[str, Any] | None, expected: Key | str) -> None:
    route = route_of(REF, "default", SERVICE, found)

    assert (route.message if isinstance(route, Unresolved) else route) == expected


@pytest.mark.parametrize(
    ("around", "expected"),
    [
        pytest.param(FINE, Ingress("True"), id="all is there"),
        pytest.param(replace(FINE, complaint="taken"), "IngressNotConfigured", id="not its domain"),
        pytest.param(replace(FINE, route=None), "IngressNotConfigured", id="no route yet"),
        pytest.param(replace(FINE, is_host_taken=True), "NotOwned", id="the host of a route"),
        pytest.param(
            replace(
                FINE,
                route=Route(
                    status=RouteStatus(
                        conditions=(Condition(type="IngressReady", status="False", reason="NotOwned", message="taken"),)
                    )
                ),
            ),
            Ingress("False", "NotOwned", "taken"),
            id="a route without its name",
        ),
        pytest.param(
            replace(
                FINE, route=Route(status=RouteStatus(conditions=(Condition(type="IngressReady", status="Unknown"),)))
            ),
            Ingress("True"),
            id="a route in its rollout",
        ),
    ],
)
def test_requests_reach_a_target_that_is_there(around: Surroundings, expected: Ingress | str) -> None:
    ingress = ingress_of(around, "shop.example.com")

    assert (ingress.reason if isinstance(expected, str) else ingress) == expected
    assert served(around, "shop.example.com") == (around.target if ingress.status == "True" else None)


@pytest.mark.parametrize(
    ("tls", "secret", "url", "reason"),
    [
        pytest.param(False, None, "http://shop.example.com:8080", "TLSNotEnabled", id="HTTP"),
        pytest.param(True, None, "https://shop.example.com:8080", "TLSNotEnabled", id="TLS of the listener"),
        pytest.param(
            False, SecretTls(secret_name="cert"), "http://shop.example.com:8080", "HTTPDowngrade", id="refused"
        ),
        pytest.param(
            True,
            SecretTls(secret_name="cert"),
            "https://shop.example.com:8080",
            "CertificateExternallyProvided",
            id="another certificate",
        ),
    ],
)
def test_the_url_is_what_the_listener_speaks(tls: bool, secret: SecretTls | None, url: str, reason: str) -> None:
    mapping = DomainMapping(metadata=ObjectMeta(name=KEY.name), spec=DomainMappingSpec(ref=REF, tls=secret))

    status = observed_status(mapping, FINE, replace(HTTP, tls=tls), now=NOW)

    certificate = find(status.conditions, "CertificateProvisioned")
    assert (status.url, certificate and (certificate.status, certificate.reason)) == (url, ("True", reason))
    assert find(status.conditions, "Ready") == Condition(type="Ready", status="True", last_transition_time=NOW)


def test_who_made_a_claim_is_written_on_it() -> None:
    claim = decode(ClusterDomainClaim, make_claim(KEY))

    assert is_made_for(claim, KEY)
    assert not is_made_for(claim, Key("team", KEY.name))
    assert complaint_of(claim, KEY) == ""
    assert complaint_of(claim, Key("team", KEY.name)) == "The domain name is already in use by another DomainMapping"
