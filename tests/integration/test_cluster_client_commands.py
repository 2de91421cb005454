"""Commands against a cluster as its different users have them: what they see, what they are told, what stays secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster import faults
from tests.cluster_world import ClusterWorld

SECRETS = ("token-of-robot", "token-of-plugin", "password-of-viewer")


@pytest.mark.parametrize("user", ["admin", "robot", "plugin", "viewer", "alice"])
def test_every_kind_of_user_is_let_in_and_works_in_the_contexts_namespace(
    cluster: ClusterWorld, tmp_path: Path, user: str
) -> None:
    faas = cluster.command(user, tmp_path / "state")

    faas("list")

    namespace = "team" if user == "alice" else "default"
    assert f"in namespace {namespace}" in faas.said
    assert {seen.user for seen in cluster.requests()} == {user}
    assert cluster.writes() == []


def test_what_is_refused_says_how_to_get_the_right(cluster: ClusterWorld, tmp_path: Path) -> None:
    faas = cluster.command("alice", tmp_path / "state")

    faas("list", "-n", "default", code=1)

    assert 'User "alice" cannot list resource "services"' in faas.said
    assert "faas doctor -n default --context alice" in faas.said
    assert "faas export rbac" in faas.said


def test_a_namespace_that_is_not_there_is_not_said_to_be_empty(cluster: ClusterWorld, tmp_path: Path) -> None:
    faas = cluster.command("admin", tmp_path / "state")

    faas("list", "-n", "nosuch", code=1)

    assert "kubectl create namespace nosuch --context admin" in faas.said


def test_a_cluster_without_knative_is_said_to_be_one(cluster: ClusterWorld, tmp_path: Path) -> None:
    cluster.hidden.add("serving.knative.dev")
    faas = cluster.command("admin", tmp_path / "state")

    faas("list", code=1)

    assert "the API server has no services.serving.knative.dev/v1" in faas.said
    assert "Knative Serving is missing there" in faas.said


@pytest.mark.parametrize("user", ["robot", "plugin", "viewer"])
def test_credentials_are_never_shown(cluster: ClusterWorld, tmp_path: Path, user: str) -> None:
    faas = cluster.command(user, tmp_path / "state")
    users, cluster.proxy.users = cluster.proxy.users, []
    try:
        printed = faas("--verbose", "list", code=1) + faas.said
        printed += faas("context", "list") + faas("context", "show", "-o", "yaml") + faas.said
    finally:
        cluster.proxy.users = users

    assert "have ended or are wrong" in printed
    assert "Traceback" in printed
    assert not [secret for secret in SECRETS if secret in printed]


def test_a_moment_of_trouble_goes_unnoticed(cluster: ClusterWorld, tmp_path: Path) -> None:
    for fault in (faults.refuse(429, retry_after=1), faults.refuse(503), faults.drop_before(), faults.cut()):
        cluster.faults.add(fault, path="/services")
    faas = cluster.command("admin", tmp_path / "state")

    faas("list")

    assert len(cluster.faults.used) == 4


def test_what_a_server_warns_of_is_passed_on(cluster: ClusterWorld, tmp_path: Path) -> None:
    cluster.warnings.append(("GET .*/services", "serving.knative.dev/v1 will be v2"))
    faas = cluster.command("admin", tmp_path / "state")

    faas("list")

    assert faas.said.count("warning: serving.knative.dev/v1 will be v2") == 1


def test_hints_name_the_place_as_it_was_named(cluster: ClusterWorld, tmp_path: Path) -> None:
    faas = cluster.command("admin", tmp_path / "state")

    faas("list", "-n", "team", "--context", "admin")

    assert "-n team --context admin" in faas.said
