"""Secrets that nodes pull images with: whose logins they hold."""

from __future__ import annotations

import json
from typing import Any

import pytest

from faas.cli.errors import CommandError
from faas.cli.pull_login import registries_in
from faas.project.secret_values import SecretValue

LOGIN = "YW5uOnMzY3JldA=="


def secret(config: Any, key: str = ".dockerconfigjson") -> dict[str, SecretValue]:
    return {key: SecretValue(config if isinstance(config, bytes) else json.dumps(config).encode())}


def test_registries_are_those_with_a_login_in_the_file() -> None:
    auths = {
        "registry.example.org": {"auth": LOGIN},
        "ghcr.io": {"identitytoken": "t"},
        "quay.io": {},  # its login is kept by a program
    }

    assert registries_in(secret({"auths": auths, "credHelpers": {"quay.io": "pass"}})) == [
        "ghcr.io", "registry.example.org",
    ]  # fmt: skip


def test_another_secret_pulls_nothing() -> None:
    assert registries_in(secret({"auths": {"ghcr.io": {"auth": LOGIN}}}, key="config.json")) is None


def test_logins_that_a_program_keeps_are_of_no_use_to_a_cluster() -> None:
    config = {"auths": {"ghcr.io": {}}, "credsStore": "desktop", "credHelpers": {"quay.io": "pass"}}

    with pytest.raises(CommandError, match="docker-credential-desktop, docker-credential-pass keeps them"):
        registries_in(secret(config))


@pytest.mark.parametrize("config", [{}, [], {"auths": None}, {"auths": {"ghcr.io": None}}, {"credHelpers": 3}])
def test_a_file_without_a_login_is_said_to_be_one(config: Any) -> None:
    with pytest.raises(CommandError, match=r"no login in it that a cluster could use$"):
        registries_in(secret(config))


def test_what_is_not_json_is_refused_and_not_quoted() -> None:
    with pytest.raises(CommandError) as error:
        registries_in(secret(b"hunter2"))

    assert "hunter2" not in str(error.value)
    assert error.value.__context__ is None
