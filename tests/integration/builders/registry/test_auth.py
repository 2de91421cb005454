"""Who we are: against docker-registry with passwords and with tokens, and a registry with an eye on what it is sent."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from faas_builders.errors import RegistryDenied, RegistryError
from faas_builders.registry.client import Registry
from faas_builders.registry.names import ImageName
from faas_builders.registry.push import push, push_with

from tests.containers_world import RunningRegistry, htpasswd, running_registry
from tests.integration.builders.registry.conftest import Client
from tests.integration.builders.registry.faulty import FaultyRegistry, faulty_registry
from tests.integration.builders.registry.stores import store_with_image
from tests.integration.builders.registry.token_server import TokenServer, token_server
from tests.programs import find_program

SECRET = "correct horse"


def log_in(host: str, password: str = SECRET, **entry: str) -> None:
    """As `docker login` does."""
    path = Path(os.environ["DOCKER_CONFIG"]) / "config.json"
    path.parent.mkdir(exist_ok=True)
    auth = base64.b64encode(f"ann:{password}".encode()).decode()
    path.write_text(json.dumps({"auths": {host: entry or {"auth": auth}}}))


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    folder = tmp_path_factory.mktemp("guarded")
    with running_registry(folder, htpasswd(folder, "ann", SECRET), ("ann", SECRET)) as registry:
        yield registry


@contextmanager
def with_tokens(folder: Path, **settings: object) -> Iterator[tuple[RunningRegistry, TokenServer]]:
    find_program("docker-registry")
    with (
        token_server({"ann": SECRET}, **settings) as tokens,
        running_registry(folder / "registry", tokens.settings(folder / "registry")) as registry,
    ):
        yield registry, tokens


def test_a_password_of_docker_login_pushes_and_pulls(guarded: RunningRegistry, tmp_path: Path) -> None:
    log_in(guarded.host)
    store, reference = store_with_image(tmp_path)
    digest = push(store, reference, ImageName.parse(f"{guarded.host}/shop:1.0"))
    with Registry(guarded.host) as client:
        assert client.manifest("shop", "1.0").digest == digest


def test_without_a_password_it_says_how_to_log_in(guarded: RunningRegistry) -> None:
    with Registry(guarded.host) as client, pytest.raises(RegistryDenied) as caught:
        client.manifest("shop", "1.0")
    assert caught.value.message.startswith(f"{guarded.host} does not let everybody do this: UNAUTHORIZED")
    assert caught.value.hint == f"Log in first: docker login {guarded.host}"


def test_a_wrong_password_is_said_to_be_wrong_and_not_shown(guarded: RunningRegistry) -> None:
    log_in(guarded.host, "battery staple")
    with Registry(guarded.host) as client, pytest.raises(RegistryDenied) as caught:
        client.manifest("shop", "1.0")
    assert f"does not accept the credentials of 'ann' from {os.environ['DOCKER_CONFIG']}/config" in caught.value.message
    assert "battery" not in f"{caught.value!r} {caught.value.hint}"


def test_tokens_are_got_with_a_password_once_for_all_that_is_sent(tmp_path: Path) -> None:
    with with_tokens(tmp_path) as (registry, tokens):
        log_in(registry.host)
        store, reference = store_with_image(tmp_path, *(bytes([number]) * 1000 for number in range(8)))
        push(store, reference, ImageName.parse(f"{registry.host}/team/shop:1.0"))
        assert [(asked["user"], asked["scope"]) for asked in tokens.asked] == [
            ("ann", ["repository:team/shop:pull,push"])
        ]
        with Registry(registry.host) as client:
            assert client.manifest("team/shop", "1.0").digest == store.descriptor(reference).digest


def test_everybody_may_pull_with_a_token_that_everybody_gets(tmp_path: Path) -> None:
    with with_tokens(tmp_path) as (registry, tokens):
        log_in(registry.host)
        store, reference = store_with_image(tmp_path)
        push(store, reference, ImageName.parse(f"{registry.host}/team/shop:1.0"))
        log_in("elsewhere.test")
        with Registry(registry.host) as client:
            assert client.resolve("team/shop", "1.0").digest == store.descriptor(reference).digest
        assert tokens.asked[-1]["user"] == ""
        with pytest.raises(RegistryDenied, match="does not let everybody do this"):
            push(store, reference, ImageName.parse(f"{registry.host}/team/other:1.0"))


def test_an_identity_token_gets_tokens(tmp_path: Path) -> None:
    with with_tokens(tmp_path, identity_token="who I am") as (registry, tokens):
        log_in(registry.host, identitytoken="who I am")
        store, reference = store_with_image(tmp_path)
        push(store, reference, ImageName.parse(f"{registry.host}/team/shop:1.0"))
        assert {asked["method"] for asked in tokens.asked} == {"POST"}
        assert tokens.asked[0]["grant_type"] == ["refresh_token"]


def test_a_registry_token_is_sent_as_it_is(faulty: FaultyRegistry) -> None:
    faulty.realm = f"http://{faulty.host}/token"
    digest = faulty.put_manifest("shop", "1.0", b'{"schemaVersion": 2, "manifests": []}', "")
    log_in(faulty.host, registrytoken=faulty.token)
    with Registry(faulty.host) as client:
        assert client.manifest("shop", "1.0").digest == digest
    assert faulty.asked("GET", "/token") == []


def test_a_token_that_has_ended_is_replaced(tmp_path: Path) -> None:
    with with_tokens(tmp_path, ended=1) as (registry, tokens):
        log_in(registry.host)
        store, reference = store_with_image(tmp_path)
        push(store, reference, ImageName.parse(f"{registry.host}/team/shop:1.0"))
        assert len(tokens.asked) == 2


def test_layers_of_a_base_are_taken_over_with_a_token_for_both(tmp_path: Path) -> None:
    with with_tokens(tmp_path) as (registry, tokens):
        log_in(registry.host)
        base, of_base = store_with_image(tmp_path / "base", b"a base")
        push(base, of_base, ImageName.parse(f"{registry.host}/bases/python:3.12"))
        labels = {"faas.dev/base": f"{registry.host}/bases/python@{base.descriptor(of_base).digest}"}
        store, reference = store_with_image(tmp_path / "app", b"a base", b"an app", labels=labels)
        lines: list[str] = []
        name = ImageName.parse(f"{registry.host}/team/shop:1.0")
        push(store, reference, name, report=lambda step, line: lines.append(line))
        assert sum("taken over from its base" in line for line in lines) == 1
        scopes = ["repository:team/shop:pull,push", "repository:bases/python:pull"]
        assert scopes in [asked["scope"] for asked in tokens.asked]


def test_a_token_server_that_refuses_says_why(faulty: FaultyRegistry) -> None:
    with token_server({}) as tokens:
        faulty.realm = tokens.url
        log_in(faulty.host)
        with Registry(faulty.host) as client, pytest.raises(RegistryDenied, match="incorrect username or password"):
            client.manifest("shop", "1.0")


def test_a_token_that_the_registry_does_not_take_is_one_error(faulty: FaultyRegistry) -> None:
    with token_server({"ann": SECRET}, fixed="useless") as tokens:
        faulty.realm = tokens.url
        log_in(faulty.host)
        with Registry(faulty.host) as client, pytest.raises(RegistryDenied, match="does not accept the credentials"):
            client.manifest("shop", "1.0")
        assert len(tokens.asked) <= 2


@pytest.mark.parametrize("status", [302, 500, 418])
def test_a_token_server_that_is_none(faulty: FaultyRegistry, status: int) -> None:
    with token_server({"ann": SECRET}, status=status, fixed="") as tokens, Client(faulty.host) as client:
        faulty.realm = tokens.url
        with pytest.raises(RegistryError, match=str(status)):
            client.manifest("shop", "1.0")


def test_where_an_upload_goes_on_elsewhere_our_token_does_not_go_along(tmp_path: Path) -> None:
    with (
        faulty_registry() as faulty,
        faulty_registry() as elsewhere,
        token_server({"ann": SECRET}, fixed=faulty.token) as tokens,
    ):
        faulty.realm = tokens.url
        log_in(faulty.host)
        elsewhere.uploads["0"] = bytearray()

        def begins_elsewhere(handler: object) -> None:
            handler.answer(202, b"", {"Location": f"http://{elsewhere.host}/v2/shop/blobs/uploads/0"})  # type: ignore[attr-defined]

        store, reference = store_with_image(tmp_path, b"only one layer")
        config = store.images(reference)[0].manifest.config.digest
        faulty.put_blob("shop", store.blob(config).read_bytes())
        with Registry(faulty.host) as client:
            client.has_blob("shop", config, ("repository:shop:pull,push",))
            faulty.on("POST", "/uploads/", begins_elsewhere)
            push_with(client, store, reference, ImageName.parse(f"{faulty.host}/shop:1.0"))
        assert [seen.method for seen in elsewhere.seen if seen.path != "/v2/"] == ["PUT"]
        assert all("authorization" not in seen.headers for seen in elsewhere.seen)
        assert faulty.seen[-1].headers["authorization"] == "Bearer let me in"
