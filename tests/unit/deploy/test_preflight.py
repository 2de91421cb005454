"""What the objects of a deploy only name, and what is said when it is not there."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from faas.client.protocol import Client
from faas.deploy.errors import NamesMissing, NamespaceLeaving, NoRights
from faas.deploy.facts import Missing
from faas.deploy.preflight.check import check_before, rights_for
from faas.deploy.preflight.missing import missing_of, users_of
from faas.project.manifests.references import Reference
from faas.resources.kinds import BROKER, CONFIG_MAP, SECRET, SERVICE, SERVICE_ACCOUNT, VOLUME_CLAIM, Kind


def service(name: str, container: dict[str, Any], **pod: Any) -> dict[str, Any]:
    spec = {"template": {"spec": {"containers": [container], **pod}}}
    return {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def variable(source: str, name: str, key: str, **more: Any) -> dict[str, Any]:
    return {"name": "X", "valueFrom": {source: {"name": name, "key": key, **more}}}


def config_map(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {}}


def test_what_a_function_does_not_start_without_is_found_wherever_it_is_named() -> None:
    web = service(
        "web",
        {
            "env": [variable("secretKeyRef", "db", "password"), variable("configMapKeyRef", "made", "a")],
            "envFrom": [{"secretRef": {"name": "all"}}, {"configMapRef": {"name": "perhaps", "optional": True}}],
        },
        serviceAccountName="robot",
        volumes=[
            {"name": "a", "secret": {"secretName": "tls"}},
            {"name": "b", "configMap": {"name": "texts"}},
            {"name": "c", "persistentVolumeClaim": {"claimName": "data"}},
            {"name": "d", "projected": {"sources": [{"secret": {"name": "x", "optional": True}}]}},
            {"name": "e", "emptyDir": {}},
        ],
    )

    assert users_of([web, config_map("made")]) == {
        Reference(SECRET, "db", "password"): ("web",),
        Reference(SECRET, "all"): ("web",),
        Reference(SERVICE_ACCOUNT, "robot"): ("web",),
        Reference(SECRET, "tls"): ("web",),
        Reference(CONFIG_MAP, "texts"): ("web",),
        Reference(VOLUME_CLAIM, "data"): ("web",),
    }


def test_the_rights_of_an_exported_role_are_enough() -> None:
    """Which has Secrets by their names, and lets a Broker be made but not changed."""
    secrets = [{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}} for name in ("db", "mail")]
    broker = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "metadata": {"name": "default"}}

    assert rights_for([*secrets, broker, service("web", {}), service("city", {})]) == [
        (SECRET, "db"), (SECRET, "mail"), (SERVICE, ""),
    ]  # fmt: skip

    described = {**broker, "metadata": {"name": "audit", "labels": {"faas.dev/project": "shop"}}}
    assert rights_for([broker, described]) == [(BROKER, "")]


def test_what_is_missing_is_said_once_and_by_whom_it_is_needed() -> None:
    users = {
        Reference(SECRET, "db", "user"): ("web", "city"),
        Reference(SECRET, "api", "key"): ("web",),
        Reference(SECRET, "seen", "key"): ("web",),
        Reference(SECRET, "hidden", "key"): ("web",),
    }
    there = {
        (SECRET, "db"): None, (SECRET, "api"): {"data": {"token": "eA=="}}, (SECRET, "seen"): {"data": {"key": ""}},
        (SECRET, "hidden"): True,
    }  # fmt: skip

    missing = missing_of(users, there)

    assert list(map(str, missing)) == [
        "there is no Secret db, which web, city needs", "Secret api has no key key, which web needs",
    ]  # fmt: skip


def test_the_words_say_how_to_make_it() -> None:
    error = NamesMissing([Missing(Reference(SECRET, "db"), ("web",), whole=True)], "team")

    assert "not in namespace team; nothing was built:\n  there is no Secret db, which web needs" in error.message
    assert "faas secret create db" in error.hint
    assert "--no-wait" in error.hint
    assert "services.serving.knative.dev in namespace team" in NoRights("team", [SERVICE]).message


def test_a_secret_that_pulls_is_told_of_and_nothing_stops_without_it() -> None:
    web = service("web", {}, imagePullSecrets=[{"name": "pull"}])

    users = users_of([web])
    missing = missing_of(users, {(SECRET, "pull"): None})

    assert list(map(str, missing)) == ["there is no Secret pull, with which the image of web would be pulled"]
    assert [each.reference.optional for each in missing] == [True]
    assert missing_of(users, {(SECRET, "pull"): {"data": {".dockerconfigjson": "eA=="}}}) == []


def test_a_namespace_that_is_being_deleted_stops_a_deploy_before_anything_is_built() -> None:
    class Server:
        async def get(self, kind: Kind, name: str, namespace: str = "") -> dict[str, Any]:
            return {"metadata": {"name": name, "deletionTimestamp": "2026-11-24T00:00:00Z"}}

    async def may_apply(kind: Kind, name: str) -> bool:
        return True

    checked = check_before(cast(Client, Server()), [service("web", {})], "team", may_apply, create_namespace=True)
    with pytest.raises(NamespaceLeaving, match="namespace team is being deleted") as error:
        asyncio.run(checked)
    assert "kubectl wait --for=delete namespace/team" in error.value.hint
