"""The ways to an API server: through proxies, under another name in its certificate, as somebody else."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from faas.client.errors import Forbidden, Unavailable, Untrusted
from faas.client.http.client import HttpClient
from faas.client.kubeconfigs.cluster import Cluster
from faas.client.kubeconfigs.files import KubeconfigError
from faas.client.transport.retry import RetryPolicy
from faas.resources.kinds import CONFIG_MAP
from tests.cluster.tunnelling import http_proxy, socks_proxy
from tests.cluster_world import TEAM, ClusterWorld

ONCE = RetryPolicy(attempts=1)


async def names(cluster: Cluster, namespace: str = TEAM) -> int:
    async with HttpClient(cluster, retry=ONCE) as client:
        return len((await client.list(CONFIG_MAP, namespace)).items)


def test_a_kubeconfigs_proxy_is_gone_through(cluster: ClusterWorld) -> None:
    async def scenario() -> list[str]:
        port = int(cluster.url.rpartition(":")[2])
        async with http_proxy({"": port}) as proxy:
            await names(replace(cluster.cluster("robot"), server="https://kubernetes:6443", proxy_url=proxy.url))
            return proxy.asked

    assert asyncio.run(scenario()) == ["CONNECT kubernetes:6443 HTTP/1.1"]


def test_the_environments_proxy_is_gone_through_unless_the_server_is_excepted(
    cluster: ClusterWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> list[str]:
        port = int(cluster.url.rpartition(":")[2])
        async with http_proxy({"": port}) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            monkeypatch.delenv("NO_PROXY", raising=False)
            monkeypatch.delenv("no_proxy", raising=False)
            elsewhere = replace(cluster.cluster("robot"), server="https://kubernetes:6443")
            await names(elsewhere)
            await names(cluster.cluster("robot"))  # of this machine
            monkeypatch.setenv("NO_PROXY", "kubernetes")
            with pytest.raises(Unavailable):
                await names(elsewhere)  # that name leads nowhere without the proxy
            return proxy.asked

    assert asyncio.run(scenario()) == ["CONNECT kubernetes:6443 HTTP/1.1"]


def test_the_certificate_may_be_of_another_name_when_the_kubeconfig_says_which(cluster: ClusterWorld) -> None:
    robot = cluster.cluster("robot")

    asyncio.run(names(replace(robot, tls_server_name="kubernetes")))
    with pytest.raises(Untrusted, match="Hostname mismatch"):
        asyncio.run(names(replace(robot, tls_server_name="k8s.example.com")))
    assert len(cluster.requests()) == 1


def test_a_server_that_nobody_vouches_for_is_not_talked_to(cluster: ClusterWorld) -> None:
    with pytest.raises(Untrusted, match=r"certificate that is not trusted: .*certificate"):
        asyncio.run(names(replace(cluster.cluster("robot"), ca_data="")))

    asyncio.run(names(replace(cluster.cluster("robot"), ca_data="", insecure=True)))
    assert len(cluster.requests()) == 1


def test_an_authority_can_be_named_by_the_environment(cluster: ClusterWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(cluster.ca))

    asyncio.run(names(replace(cluster.cluster("robot"), ca_data="")))


def test_a_certificate_inside_the_kubeconfig_is_shown(cluster: ClusterWorld) -> None:
    alice = cluster.cluster("alice")
    assert alice.client_cert is not None
    assert alice.client_key is not None
    inline = replace(
        alice,
        client_cert=None,
        client_key=None,
        client_cert_data=alice.client_cert.read_text(),
        client_key_data=alice.client_key.read_text(),
    )

    asyncio.run(names(inline))

    assert [seen.user for seen in cluster.requests()] == ["alice"]


def test_one_who_may_acts_as_another_and_has_her_rights(cluster: ClusterWorld) -> None:
    as_alice = replace(cluster.cluster("robot"), impersonation=(("Impersonate-User", "alice"),))

    asyncio.run(names(as_alice))
    with pytest.raises(Forbidden, match='User "alice" cannot list'):
        asyncio.run(names(as_alice, "default"))
    with pytest.raises(Forbidden, match='User "alice" cannot impersonate'):
        asyncio.run(names(replace(cluster.cluster("alice"), impersonation=(("Impersonate-User", "robot"),))))


def test_a_password_and_a_token_that_is_replaced_come_in(cluster: ClusterWorld, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("an-old-one")

    async def rotated() -> None:
        async with HttpClient(replace(cluster.cluster("robot"), token="", token_file=token), retry=ONCE) as client:
            with pytest.raises(Forbidden):
                await client.list(CONFIG_MAP, TEAM)
            (tmp_path / "new").write_text("token-of-robot")
            os.replace(tmp_path / "new", token)
            await client.list(CONFIG_MAP, TEAM)

    asyncio.run(names(cluster.cluster("viewer")))
    asyncio.run(rotated())

    assert [seen.user for seen in cluster.requests() if seen.code == 200] == ["viewer", "robot"]


def test_a_kubeconfigs_socks_proxy_is_gone_through(cluster: ClusterWorld) -> None:
    pytest.importorskip("socksio", reason="the extra `cluster` is not installed")

    async def scenario() -> list[str]:
        async with socks_proxy(int(cluster.url.rpartition(":")[2])) as (proxy, asked):
            await names(replace(cluster.cluster("robot"), server="https://kubernetes:6443", proxy_url=proxy))
            return asked

    assert asyncio.run(scenario()) == ["kubernetes:6443"]


@pytest.mark.parametrize(
    ("proxy", "hint"), [("socks5://me:secret@proxy", r"faas\[cluster\]"), ("gopher://me:secret@proxy", "http, https")]
)
def test_a_proxy_that_cannot_be_spoken_to_is_said_without_its_password(
    cluster: ClusterWorld, monkeypatch: pytest.MonkeyPatch, proxy: str, hint: str
) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)

    with pytest.raises(KubeconfigError) as error:
        asyncio.run(names(replace(cluster.cluster("robot"), proxy_url=proxy)))

    assert "secret" not in str(error.value)
    assert re.search(hint, error.value.hint)
