"""Whether one may push, asked of real registries: nothing is left there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from faas_builders.errors import RegistryDenied, RegistryUnreachable
from faas_builders.registry.names import ImageName
from faas_builders.registry.rights import check_push, wants_login

from faas.cli.checks.containers import push
from tests.containers_world import RunningRegistry, htpasswd, running_registry
from tests.integration.builders.registry.faulty import FaultyRegistry, answers
from tests.integration.builders.registry.test_auth import SECRET, log_in
from tests.programs import free_port


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    folder = tmp_path_factory.mktemp("guarded")
    with running_registry(folder, htpasswd(folder, "ann", SECRET), ("ann", SECRET)) as registry:
        yield registry


def test_who_is_logged_in_may_push_and_leaves_nothing(guarded: RunningRegistry) -> None:
    log_in(guarded.host)
    check_push(ImageName.parse(f"{guarded.host}/team/shop"))
    check = push(f"{guarded.host}/team/shop")
    assert check.status == "ok"
    assert check.found == (
        f"{guarded.host}/team/shop takes images from here, with the login of {os.environ['DOCKER_CONFIG']}/config.json"
    )


def test_who_is_not_is_told_how_to_log_in(guarded: RunningRegistry) -> None:
    assert not os.path.exists(os.environ["DOCKER_CONFIG"])
    with pytest.raises(RegistryDenied) as denied:
        check_push(ImageName.parse(f"{guarded.host}/team/shop"))
    assert denied.value.hint == f"Log in first: docker login {guarded.host}"
    check = push(f"{guarded.host}/team/shop")
    assert (check.status, check.fix) == ("error", f"Log in first: docker login {guarded.host}")
    assert check.found.endswith("(without a login, as none was found)")


def test_whether_nobody_in_particular_may_have_images_is_asked_without_our_login(guarded: RunningRegistry) -> None:
    log_in(guarded.host)
    assert wants_login(ImageName.parse(f"{guarded.host}/team/shop"))


def test_a_registry_of_everybodys_images_wants_no_login(faulty: FaultyRegistry) -> None:
    assert not wants_login(ImageName.parse(f"{faulty.host}/team/shop"))


def test_a_registry_that_lets_one_only_read_refuses(faulty: FaultyRegistry) -> None:
    faulty.on("POST", "/blobs/uploads/", answers(403, b'{"errors": [{"code": "DENIED"}]}'))
    with pytest.raises(RegistryDenied, match="does not take images as team/shop"):
        check_push(ImageName.parse(f"{faulty.host}/team/shop"))


def test_an_upload_that_cannot_be_given_up_is_left_to_the_registry(faulty: FaultyRegistry) -> None:
    faulty.on("DELETE", "/blobs/uploads/", answers(405))
    check_push(ImageName.parse(f"{faulty.host}/team/shop"))


def test_a_registry_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(RegistryUnreachable):
        check_push(ImageName.parse(f"127.0.0.1:{free_port()}/team/shop"))


def test_without_an_image_nothing_is_asked() -> None:
    assert push("").status == "ok"
