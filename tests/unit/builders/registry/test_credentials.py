"""Credentials of Docker and Podman, from real files and programs."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest
from faas_builders.errors import CredentialsError
from faas_builders.registry import credentials
from faas_builders.registry.credentials import ConfigFile, Credential, UserCredentials

SECRET = "correct horse"


def auth(user: str = "ann", password: str = SECRET) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def config(**fields: Any) -> ConfigFile:
    return ConfigFile.parse(json.dumps(fields).encode(), "config.json")


def found(keychain: ConfigFile | UserCredentials, registry: str, repository: str = "ann/shop") -> str | None:
    credential = keychain.find(registry, repository)
    return credential and credential.username


@pytest.mark.parametrize(
    ("key", "registry"),
    [
        ("https://index.docker.io/v1/", "docker.io"),
        ("index.docker.io", "docker.io"),
        ("docker.io", "docker.io"),
        ("ghcr.io", "ghcr.io"),
        ("https://ghcr.io", "ghcr.io"),
        ("http://localhost:5000/v2/", "localhost:5000"),
    ],
)
def test_keys_are_hosts_or_urls(key: str, registry: str) -> None:
    assert found(config(auths={key: auth()}), registry) == "ann"
    assert found(config(auths={key: auth()}), "other.test") is None


def test_of_several_repositories_the_closest_counts() -> None:
    keychain = config(auths={"quay.io": auth("all"), "quay.io/ann": auth("ann"), "quay.io/ann/shop": auth("shop")})
    assert found(keychain, "quay.io", "ann/shop") == "shop"
    assert found(keychain, "quay.io", "ann/other") == "ann"
    assert found(keychain, "quay.io", "annex/shop") == "all"


def test_an_identity_token_and_a_registry_token_are_known_as_such() -> None:
    keychain = config(auths={"a.test": {"identitytoken": "who"}, "b.test": {"registrytoken": "let in"}})
    assert keychain.find("a.test", "shop") == Credential("config.json", identity_token="who")
    assert keychain.find("b.test", "shop") == Credential("config.json", registry_token="let in")


def test_a_name_and_a_password_may_stand_for_themselves() -> None:
    keychain = config(auths={"a.test": {"username": "ann", "password": "a:b"}, "b.test": auth("bob", "a:b")})
    assert keychain.find("a.test", "shop") == Credential("config.json", "ann", "a:b")
    assert keychain.find("b.test", "shop") == Credential("config.json", "bob", "a:b")


def test_an_empty_entry_is_nobody() -> None:
    assert config(auths={"a.test": {}}).find("a.test", "shop") is None


def test_no_secret_is_in_what_is_printed() -> None:
    keychain = config(auths={"a.test": {**auth(), "identitytoken": SECRET, "registrytoken": SECRET}})
    credential = keychain.find("a.test", "shop")
    assert SECRET not in f"{keychain!r} {credential!r}"
    assert auth()["auth"] not in repr(keychain)


@pytest.mark.parametrize(
    "data",
    [
        b"not JSON: correct horse",
        b"\xff\xfe",
        b'["correct horse"]',
        b'{"auths": ["correct horse"]}',
        b'{"auths": {"a.test": {"auth": "correct horse"}}}',
    ],
)
def test_a_file_that_is_none_is_named_and_not_quoted(data: bytes) -> None:
    with pytest.raises(CredentialsError) as caught:
        ConfigFile.parse(data, "/home/ann/config.json").find("a.test", "shop")
    assert "/home/ann/config.json: " in caught.value.message
    assert "horse" not in str(caught.value)


def test_an_empty_file_is_nobody() -> None:
    assert ConfigFile.parse(b"", "config.json").find("a.test", "shop") is None


# Where files are looked for


def write(path: Path, user: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"auths": {"a.test": auth(user)}}))


def test_files_are_asked_in_the_order_in_which_users_name_them(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path / "home")}
    keychain = UserCredentials(environment)
    assert found(keychain, "a.test") is None
    write(tmp_path / "home/.config/containers/auth.json", "podman")
    assert found(keychain, "a.test") == "podman"
    environment["XDG_RUNTIME_DIR"] = str(tmp_path / "run")
    write(tmp_path / "run/containers/auth.json", "podman now")
    assert found(keychain, "a.test") == "podman now"
    write(tmp_path / "home/.docker/config.json", "docker")
    assert found(keychain, "a.test") == "docker"
    environment["DOCKER_CONFIG"] = str(tmp_path / "named")
    write(tmp_path / "named/config.json", "docker here")
    assert found(keychain, "a.test") == "docker here"
    environment["REGISTRY_AUTH_FILE"] = str(tmp_path / "auth.json")
    write(tmp_path / "auth.json", "this file")
    assert found(keychain, "a.test") == "this file"


# Programs


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """docker-credential-test: knows a.test as bob; b.test by a token; fails for c.test; has none for the others."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "docker-credential-test"
    program.write_text(
        """#!/bin/sh
read server
echo "$1 $server" >> "$0.asked"
case "$server" in
  a.test) echo '{"ServerURL": "a.test", "Username": "bob", "Secret": "correct horse"}';;
  b.test) echo '{"ServerURL": "b.test", "Username": "<token>", "Secret": "correct horse"}';;
  c.test) echo 'the store is locked' >&2; exit 1;;
  d.test) echo 'correct horse';;
  https://index.docker.io/v1/) echo '{"Username": "hub", "Secret": "correct horse"}';;
  *) echo 'credentials not found in native keychain'; exit 1;;
esac
"""
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return program


def test_a_helper_of_one_registry_is_asked_for_it_alone(helper: Path) -> None:
    keychain = config(credHelpers={"a.test": "test"}, auths={"e.test": auth("file")})
    assert keychain.find("a.test", "shop") == Credential("docker-credential-test", "bob", SECRET)
    assert found(keychain, "e.test") == "file"
    assert helper.with_name("docker-credential-test.asked").read_text() == "get a.test\n"


def test_a_store_is_asked_for_all_and_the_file_for_what_it_has_not(helper: Path) -> None:
    keychain = config(credsStore="test", auths={"a.test": {}, "e.test": auth("file")})
    assert found(keychain, "a.test") == "bob"
    assert found(keychain, "docker.io") == "hub"
    assert found(keychain, "e.test") == "file"
    assert keychain.find("b.test", "shop") == Credential("docker-credential-test", identity_token=SECRET)


def test_a_helper_that_fails_is_quoted_and_one_that_babbles_is_not(helper: Path) -> None:
    keychain = config(credsStore="test")
    with pytest.raises(CredentialsError, match=r"docker-credential-test: failed for c\.test: the store is locked"):
        keychain.find("c.test", "shop")
    with pytest.raises(CredentialsError, match="not what credential helpers answer") as caught:
        keychain.find("d.test", "shop")
    assert "horse" not in str(caught.value)


def test_what_a_helper_says_does_not_steer_the_terminal(helper: Path) -> None:
    (helper.parent / "docker-credential-rude").write_text("#!/bin/sh\nprintf '\\033[2Jlocked'; exit 1\n")
    (helper.parent / "docker-credential-rude").chmod(0o755)

    with pytest.raises(CredentialsError) as caught:
        config(credsStore="rude").find("c.test", "shop")

    assert str(caught.value) == "docker-credential-rude: failed for c.test:  [2Jlocked"


def test_an_auth_that_is_not_base64_is_said_to_be_none() -> None:
    with pytest.raises(CredentialsError, match="not base64 of USER:PASSWORD") as caught:
        config(auths={"a.test": {"auth": "%%%"}}).find("a.test", "shop")
    assert "docker login" in caught.value.hint


def test_a_helper_that_is_not_there_is_one_error() -> None:
    with pytest.raises(CredentialsError, match=r"config\.json names this program, and it is not on the PATH"):
        config(credsStore="of-nobody").find("a.test", "shop")


def test_a_helper_that_hangs_is_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "docker-credential-hangs"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(credentials, "_HELPER_TIMEOUT_S", 0.1)
    with pytest.raises(CredentialsError, match="docker-credential-hangs: has not answered"):
        config(credsStore="hangs").find("a.test", "shop")


def test_the_name_of_a_helper_is_no_path() -> None:
    with pytest.raises(CredentialsError, match="is not the name of a credential helper"):
        config(credsStore="../../bin/sh").find("a.test", "shop")
