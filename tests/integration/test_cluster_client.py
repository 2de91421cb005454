"""The client against a cluster: rights of one namespace, missing kinds, and what goes wrong on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from faas.client.errors import Forbidden, NoSuchKind
from faas.client.http.client import HttpClient
from faas.resources.kinds import CONFIG_MAP, SERVICE
from tests.cluster_world import TEAM, ClusterWorld

T = TypeVar("T")


def ask(cluster: ClusterWorld, user: str, work: Callable[[HttpClient], Awaitable[T]]) -> T:
    async def session() -> T:
        async with cluster.client(user) as client:
            return await work(client)

    return asyncio.run(session())


@pytest.mark.parametrize("user", ["admin", "robot", "alice"])
def test_a_user_comes_in_with_a_certificate_or_a_token(cluster: ClusterWorld, user: str) -> None:
    ask(cluster, user, lambda client: client.list(CONFIG_MAP, TEAM))

    assert [seen.user for seen in cluster.requests(path="configmaps")] == [user]


def test_rights_in_one_namespace_are_none_in_all(cluster: ClusterWorld) -> None:
    with pytest.raises(Forbidden) as refused:
        ask(cluster, "alice", lambda client: client.list(SERVICE))

    assert str(refused.value) == (
        'services.serving.knative.dev is forbidden: User "alice" cannot list resource "services" '
        'in API group "serving.knative.dev" at the cluster scope'
    )


def test_a_kind_that_a_cluster_lacks_is_not_found(cluster: ClusterWorld) -> None:
    cluster.hidden.add("serving.knative.dev")

    with pytest.raises(NoSuchKind, match=r"the API server has no services\.serving\.knative\.dev/v1"):
        ask(cluster, "admin", lambda client: client.list(SERVICE, TEAM))
