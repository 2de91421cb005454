"""A domain of one's own, as its visitors have it: through the whole engine, whoever of it dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.engine.conftest import eventually
from tests.integration.engine.whole import Whole, running

CODE = """
from faas import Request, function

@function(scale_to_zero_after="1s")
async def shop(request: Request) -> dict[str, str]:
    return {"host": request.headers["host"], "original": request.headers.get("k-original-host", "")}

@function(min_scale=1)
async def store() -> str:
    return "store"
"""
MAPPING = """\
apiVersion: serving.knative.dev/v1beta1
kind: DomainMapping
metadata: {name: DOMAIN}
spec: {ref: {apiVersion: serving.knative.dev/v1, kind: Service, name: NAME}}
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    folder = tmp_path_factory.mktemp("domains")
    with running(folder) as engine:
        engine.serve(folder / "shop", CODE)
        for domain, name in (("shop.example.com", "shop"), ("store.example.com", "store"), ("127.0.0.9", "store")):
            (folder / f"{domain}.yaml").write_text(MAPPING.replace("DOMAIN", domain).replace("NAME", name))
            engine.kubectl("apply", "-f", str(folder / f"{domain}.yaml"))
            engine.kubectl("wait", f"dm/{domain}", "--for=condition=Ready", "--timeout=30s")
        yield engine


def test_a_visitor_of_the_domain_wakes_the_function_which_sees_the_domain(whole: Whole) -> None:
    eventually(lambda: len(whole.pids("instance")) == 1, "only the one that stays is there")

    answer = whole.visit("/", "Shop.example.com:8443")

    assert answer.json() == {"host": "Shop.example.com:8443", "original": ""}


def test_a_visitor_cannot_make_up_the_domain_as_knatives_proxies_tell_it(whole: Whole) -> None:
    with whole.http("shop", headers={"K-Original-Host": "store.example.com"}) as client:
        assert client.get("/").json() == {"host": "shop.default.localhost", "original": ""}


def test_nobody_else_is_let_in_by_a_domain(whole: Whole) -> None:
    assert whole.visit("/", "evil.example.com").status_code == 404
    assert whole.visit("/_/default/store/", "evil.example.com").status_code == 404
    assert whole.visit("/", "www.shop.example.com").status_code == 404
    assert whole.visit("/_faas/health", "store.example.com").status_code == 404


def test_an_address_can_be_a_domain_and_paths_still_lead_to_all(whole: Whole) -> None:
    assert whole.visit("/", "127.0.0.9").text == "store"
    assert whole.visit("/_/default/shop/", "127.0.0.9").json()["host"] == "127.0.0.9"


def test_a_new_gateway_knows_the_domains_without_the_engine(whole: Whole) -> None:
    assert whole.visit("/", "store.example.com").text == "store"
    (engine,) = whole.pids("engine")
    os.kill(engine, signal.SIGSTOP)
    try:
        (killed,) = whole.kill("gateway")
        eventually(lambda: whole.pids("gateway") not in (set(), {killed}), "the supervisor starts another one")

        assert whole.visit("/", "store.example.com").text == "store"
    finally:
        os.kill(engine, signal.SIGCONT)


def test_a_new_engine_goes_on_with_the_domains(whole: Whole, tmp_path: Path) -> None:
    (killed,) = whole.kill("engine")
    eventually(lambda: whole.pids("engine") not in (set(), {killed}), "the supervisor starts another one")
    assert whole.visit("/", "store.example.com").text == "store"
    manifest = tmp_path / "mapping.yaml"
    manifest.write_text(MAPPING.replace("DOMAIN", "store.example.com").replace("NAME", "shop"))

    whole.kubectl("apply", "-f", str(manifest))

    eventually(lambda: "host" in whole.visit("/", "store.example.com").text, "the domain leads elsewhere")
    assert whole.visit("/", "shop.example.com").json()["host"] == "shop.example.com"


def test_a_domain_that_is_deleted_is_unknown(whole: Whole) -> None:
    whole.kubectl("delete", "dm", "127.0.0.9")

    eventually(lambda: whole.visit("/", "127.0.0.9").status_code == 404, "the gateway has forgotten it")
    claims = {f"clusterdomainclaim.networking.internal.knative.dev/{name}.example.com" for name in ("shop", "store")}
    eventually(lambda: set(whole.kubectl("get", "cdc", "-o", "name").split()) == claims, "its claim has gone with it")
