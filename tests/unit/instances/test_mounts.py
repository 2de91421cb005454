from __future__ import annotations

from pathlib import Path

import pytest

from faas.engine.contract.revision import SecretRef, VolumeMount
from faas.engine.instances.environment import MissingReference
from faas.engine.instances.mounts import write_mounts

DB = SecretRef("Secret", "db", None)
VALUES = {DB: {"user": "ada", "password": "s3cret"}}


def test_secrets_and_config_are_files_where_the_environment_says(tmp_path: Path) -> None:
    limits = SecretRef("ConfigMap", "limits", None)
    volumes = (VolumeMount("/var/run/faas/secrets/db", (DB,)), VolumeMount("/var/run/faas/config/limits", (limits,)))

    env = write_mounts(tmp_path, volumes, {**VALUES, limits: {"max": "7"}})

    assert Path(env["FAAS_SECRETS_DIR"], "db", "password").read_text() == "s3cret"
    assert Path(env["FAAS_CONFIG_DIR"], "limits", "max").read_text() == "7"
    assert Path(env["FAAS_SECRETS_DIR"], "db", "password").stat().st_mode & 0o777 == 0o400


def test_only_the_items_that_are_named_come_and_under_their_own_paths(tmp_path: Path) -> None:
    volume = VolumeMount("/var/run/faas/secrets/db", (DB,), items=(("password", "deep/word"),))

    folder = Path(write_mounts(tmp_path, (volume,), VALUES)["FAAS_SECRETS_DIR"], "db")

    assert [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()] == ["deep/word"]


def test_the_same_content_is_written_once(tmp_path: Path) -> None:
    volumes = (VolumeMount("/var/run/faas/secrets/db", (DB,)),)

    assert write_mounts(tmp_path, volumes, VALUES) == write_mounts(tmp_path, volumes, VALUES)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("path", ["/etc/db", "/var/run/faas/../x", "/var/run/faas-other"])
def test_a_path_that_only_a_container_can_have_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(MissingReference, match="cannot have a volume"):
        write_mounts(tmp_path, (VolumeMount(path, (DB,)),), VALUES)
